"""Document + model → summary. A model chooses sentences or writes them; its checkpoint says which."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from bigbird_pegasus.summarization.options import SummaryOptions

from bbp_cli.documents.document import Document
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.tasks.results import ProgressBar, Summary, TextListener
from bbp_cli.tasks.task import Steps, alone, windows_at_once


def summarize(
    document: Document,
    loaded: LoadedModel,
    settings: SummaryOptions,
    progress: ProgressBar,
    listener: TextListener | None = None,
) -> Summary:
    """Summarize one document by itself; `listener` hears a written summary's text so far while it grows.

    Raises:
        ResourceError: it does not fit into memory.
        UsageError: the model cannot obey the settings.
    """
    steps = summary_steps(document, loaded, settings, listener)
    return alone(steps, partial(read_windows, loaded), document.source.path, progress)


def summary_steps(
    document: Document, loaded: LoadedModel, settings: SummaryOptions, listener: TextListener | None = None
) -> Steps[Summary]:
    """What is to be done for a summary, see `together`; `listener` hears a written one's text while it grows.

    Raises:
        UsageError: the model cannot obey the settings.
    """
    from bbp_cli.tasks import extractive, writing

    if loaded.checkpoint.kind == "extractive":
        return extractive.steps(document, loaded, settings)
    return writing.steps(document, loaded, settings, listener)


def read_windows(loaded: LoadedModel, windows: Sequence[Any]) -> Sequence[Any]:
    """What the model makes of windows that `summary_steps` yields.

    Raises:
        UsageError: an option is impossible, or does not fit the model.
    """
    from bbp_cli.tasks import extractive, writing

    if loaded.checkpoint.kind == "extractive":
        return extractive.read_windows(loaded.model, windows)
    return writing.write(loaded, windows)


def summaries_at_once(loaded: LoadedModel, settings: SummaryOptions) -> int:
    """How many windows are best read together."""
    from bbp_cli.tasks import writing

    if loaded.checkpoint.kind == "extractive":
        return windows_at_once(loaded)
    return writing.texts_at_once(loaded, settings)


def grows(loaded: LoadedModel, settings: SummaryOptions) -> bool:
    """Whether a summary is written straight on: what stands there does not change any more (no beams)."""
    if loaded.checkpoint.kind == "extractive":
        return False
    from bbp_cli.tasks import writing

    return writing.number_of_beams(loaded, settings) == 1
