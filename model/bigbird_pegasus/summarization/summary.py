"""A summary and what is known of it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from bigbird_pegasus.kernels.arithmetic import Arithmetic
from bigbird_pegasus.summarization.quality import Quality, measure_quality
from bigbird_pegasus.summarization.writing.support import Unsupported

if TYPE_CHECKING:
    from bigbird_pegasus.text.windows import EncodedText, Window


@dataclass(frozen=True)
class SummarySentence:
    """A sentence of a summary, and the span of the text (code points) that it was taken or written from.

    `score` is how much of a summary's value the model expects of it (about 0 to 2). Of a written
    sentence it is the share of its words that the span has (`attribution`); None where none has
    enough: then the span is the window that the model read.
    `unsupported` are numbers, quantities, dates and names that a model wrote and the text does not contain.
    `speaker` is who says it in a conversation, None elsewhere. `heading` is that of its section, where each
    has a summary of its own.
    """

    text: str
    start: int
    end: int
    score: float | None
    unsupported: tuple[Unsupported, ...] = ()
    speaker: str | None = None
    heading: str | None = None


@dataclass(frozen=True)
class CoveredPart:
    """A window that was read: its span (code points), its tokens, and how many of the summary's sentences
    come from it. `heading` is that of its section, where there is a summary for each.
    """

    start: int
    end: int
    tokens: int
    sentences: int
    heading: str | None = None


@dataclass(frozen=True)
class Coverage:
    """How much of a text the model read, in its tokens; `parts` are the windows it was read in."""

    tokens_total: int
    tokens_read: int
    windows: int
    truncated: bool
    parts: tuple[CoveredPart, ...] = ()


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


def coverage_of(
    encoded: "EncodedText",
    windows: Sequence["Window"],
    sentences: Sequence[SummarySentence],
    headings: Sequence[str | None] = (),
    parts: Sequence["Window"] | None = None,
) -> Coverage:
    """Return how much was read of a text; what several windows hold is read once.

    A sentence comes from the first part that holds its beginning.

    Args:
        encoded: the text.
        windows: in which it was read.
        sentences: of the summary.
        headings: of the parts.
        parts: what is told apart; None: the windows.
    """
    read = 0
    for window in windows:
        read += window.tokens - sum(encoded.counts[window.first : window.first + window.shared])
    starts = sorted(sentence.start for sentence in sentences)
    covered = []
    begin = 0
    for part, heading in zip_longest(windows if parts is None else parts, headings):
        start, end = encoded.sentences[part.first].start, encoded.sentences[part.last - 1].end
        own = bisect_left(starts, end, begin)
        covered.append(CoveredPart(start, end, part.tokens, own - begin, heading))
        begin = own
    total = len(encoded.ids)
    return Coverage(total, read, len(windows), read < total, tuple(covered))


def empty_summary(language: str | None) -> Summary:
    """Return the summary of a text without a token."""
    nothing = Coverage(0, 0, 0, truncated=False)
    return Summary("", (), nothing, measure_quality(0, "", "whole"), language, ("no text",))
