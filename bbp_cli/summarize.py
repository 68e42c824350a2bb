"""Document + model → summary. A model chooses sentences or writes them; its checkpoint says which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bbp_cli.checkpoints import LoadedModel
from bbp_cli.documents import Document
from bbp_cli.results import ProgressBar, Summary, TextListener
from bbp_cli.together import Steps, alone, windows_at_once


@dataclass(frozen=True)
class Settings:
    """What decides about a summary beside document and model.

    `length` is the most words; None is the model's own habit. `generation` holds options of the writing
    models by the names of `GenerationConfig`.
    """

    length: int | None = None
    truncate: bool = False
    seed: int = 0
    generation: Mapping[str, object] = field(default_factory=dict)

    def as_params(self, loaded: LoadedModel) -> dict[str, object]:
        """The settings that hold, as records show them; `generation` has only what was given.

        `length` is None where there is no such bound: a model that writes is bounded by its checkpoint, one
        that chooses by what a document's summary is expected to have.
        """
        held = {"length": self.length, "truncate": self.truncate, "seed": self.seed}
        return {**held, **self.generation}


def summarize(
    document: Document,
    loaded: LoadedModel,
    settings: Settings,
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
    document: Document, loaded: LoadedModel, settings: Settings, listener: TextListener | None = None
) -> Steps[Summary]:
    """What is to be done for a summary, see `together`; `listener` hears a written one's text while it grows.

    Raises:
        UsageError: the model cannot obey the settings.
    """
    from bbp_cli import extractive, writing

    if loaded.checkpoint.kind == "extractive":
        return extractive.steps(document, loaded, settings)
    return writing.steps(document, loaded, settings, listener)


def read_windows(loaded: LoadedModel, windows: Sequence[Any]) -> Sequence[Any]:
    """What the model makes of windows that `summary_steps` yields.

    Raises:
        UsageError: an option is impossible, or does not fit the model.
    """
    from bbp_cli import extractive, writing

    if loaded.checkpoint.kind == "extractive":
        return extractive.read_windows(loaded.model, windows)
    return writing.write(loaded, windows)


def summaries_at_once(loaded: LoadedModel, settings: Settings) -> int:
    """How many windows are best read together."""
    from bbp_cli import writing

    if loaded.checkpoint.kind == "extractive":
        return windows_at_once(loaded)
    return writing.texts_at_once(loaded, settings)


def grows(loaded: LoadedModel, settings: Settings) -> bool:
    """Whether a summary is written straight on: what stands there does not change any more (no beams)."""
    if loaded.checkpoint.kind == "extractive":
        return False
    from bbp_cli import writing

    return writing.number_of_beams(loaded, settings) == 1
