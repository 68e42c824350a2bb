"""Summaries by a model that chooses sentences: the package's summary with pages and warnings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bigbird_pegasus.text.language import ENGLISH, NAMES
from bigbird_pegasus.text.parsed_text import parse_text

from bbp_cli.documents.document import Document
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.models.names import DEFAULT
from bbp_cli.tasks.results import DocumentSummary, summary_of
from bbp_cli.tasks.task import TaskSteps

if TYPE_CHECKING:
    from bigbird_pegasus.summarization.options import SummaryOptions
    from bigbird_pegasus.text.windows import EncodedText, Window
    from torch import Tensor


def steps(
    document: Document, loaded: LoadedModel, settings: "SummaryOptions"
) -> "TaskSteps[tuple[EncodedText, Window], Tensor, DocumentSummary]":
    """Choose sentences, at most `settings.length` words of them where it is given; see `tasks.task`."""
    from bigbird_pegasus.summarization.extractive import extractive_steps

    text = parse_text(document.running_text)
    found = yield from extractive_steps(text, loaded.model, loaded.tokenizer, settings)
    is_default = loaded.checkpoint.folder.id == DEFAULT
    return summary_of(document, found, language_warning(found.language) if is_default else ())


def language_warning(language: str | None) -> tuple[str, ...]:
    """Return a warning where a text is not English, which is all that the default model was trained on."""
    if language in (None, ENGLISH):
        return ()
    return (f"reads like {NAMES[language]}: the default model knows English, take the summary with care",)


def read_windows(model: LoadedModel, windows: "Sequence[tuple[EncodedText, Window]]") -> "Sequence[Tensor]":
    """Return the vectors of the sentences of windows, each of some document."""
    from bigbird_pegasus.summarization.extractive import encode_windows

    return encode_windows(model.model, windows)
