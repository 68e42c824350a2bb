"""A summary and what is known of it."""

from dataclasses import dataclass

from bigbird_pegasus.kernels.arithmetic import Arithmetic
from bigbird_pegasus.summarization.quality import Quality, measure_quality
from bigbird_pegasus.summarization.support import Unsupported


@dataclass(frozen=True)
class SummarySentence:
    """A sentence of a summary, and the span of the text (code points) that it was taken or written from.

    `score` is how much of a summary's value the model expects of it (about 0 to 2). Of a written
    sentence it is the share of its words that the span has (`attribution`); None where none has
    enough: then the span is the window that the model read.
    `unsupported` are numbers, quantities, dates and names that a model wrote and the text does not contain.
    `speaker` is who says it in a conversation, None elsewhere.
    """

    text: str
    start: int
    end: int
    score: float | None
    unsupported: tuple[Unsupported, ...] = ()
    speaker: str | None = None


@dataclass(frozen=True)
class Coverage:
    """How much of a text the model read, in its tokens."""

    tokens_total: int
    tokens_read: int
    windows: int
    truncated: bool


@dataclass(frozen=True)
class ModelInfo:
    """The model that summarized, and how it ran. `id` is a folder or a name; None for a model in memory."""

    id: str | None
    dtype: str
    device: str
    quantization: str | None
    arithmetic: Arithmetic


@dataclass(frozen=True)
class Summary:
    """The summary of a text.

    `language` is the text's ISO 639-1 code, None where it is not known. `warnings` are for whoever reads the
    summary: a sentence that was cut, a model that wrote nothing.
    """

    summary: str
    sentences: tuple[SummarySentence, ...]
    coverage: Coverage
    quality: Quality
    language: str | None
    warnings: tuple[str, ...] = ()
    model: ModelInfo | None = None  # set by `bigbird_pegasus.summarize`


def coverage_of(tokens_total: int, tokens_read: int, windows: int) -> Coverage:
    """Return how much was read of a text of `tokens_total` tokens."""
    return Coverage(tokens_total, tokens_read, windows, tokens_read < tokens_total)


def empty_summary(language: str | None) -> Summary:
    """Return the summary of a text without a token."""
    return Summary("", (), coverage_of(0, 0, 0), measure_quality(0, "", "whole"), language, ("no text",))
