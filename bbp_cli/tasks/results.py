"""Results of the tasks for one document, before they are printed as text or JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

from bigbird_pegasus.summarization import summary as library
from bigbird_pegasus.summarization.quality import Quality

from bbp_cli.documents.document import Document


@dataclass(frozen=True)
class Origin:
    """A span of the document (code points) that a sentence of the summary was taken or written from."""

    page: int | None
    start: int
    end: int
    score: float | None


@dataclass(frozen=True)
class SummarySentence:
    """One sentence of a summary, and where it comes from."""

    text: str
    sources: tuple[Origin, ...]


@dataclass(frozen=True)
class Coverage:
    """How much of the document the model read, in its tokens."""

    tokens_total: int
    tokens_read: int
    windows: int
    truncated: bool
    pages_without_text: tuple[int, ...]
    pages_blank: tuple[int, ...] = ()
    pages_scanned: tuple[int, ...] = ()
    pages_undecodable: tuple[int, ...] = ()


@dataclass(frozen=True)
class Summary:
    """A document's summary; `warnings` are those of this step, the document keeps its own."""

    text: str
    sentences: tuple[SummarySentence, ...]
    coverage: Coverage
    quality: Quality
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Label:
    """A label and its score: a probability, or the value itself where the model estimates one."""

    label: str
    score: float


@dataclass(frozen=True)
class WindowVote:
    """A window, its span in the document (code points), and the labels it would give if it were alone."""

    page: int | None
    start: int
    end: int
    tokens: int
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class Labels:
    """A document's labels, the best first, and how each window voted."""

    labels: tuple[Label, ...]
    windows: tuple[WindowVote, ...]
    coverage: Coverage
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A span of the document (code points) that answers a question; `text` is the span on one line."""

    text: str
    score: float
    page: int | None
    start: int
    end: int


@dataclass(frozen=True)
class Answers:
    """The answers to one question, the best first; `no_answer_score` is the lowest of any window."""

    question: str
    answers: tuple[Answer, ...]
    no_answer_score: float
    coverage: Coverage
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DocumentAnswers:
    """The answers from one document, question by question in the order they were asked."""

    questions: tuple[Answers, ...]


RecordResult = Summary | Labels | Answers  # what one JSON record shows
DocumentResult = Summary | Labels | DocumentAnswers


def record_results(result: DocumentResult) -> Sequence[RecordResult]:
    """Return what of a document's result has a record of its own: each question, or the whole."""
    return result.questions if isinstance(result, DocumentAnswers) else (result,)


def coverage(document: Document, total: int, read: int, windows: int) -> Coverage:
    """How much was read of a document of `total` tokens."""
    return Coverage(
        tokens_total=total,
        tokens_read=read,
        windows=windows,
        truncated=read < total,
        pages_without_text=tuple(document.pages_without_text),
        pages_blank=tuple(document.pages_of_kind("blank")),
        pages_scanned=tuple(document.pages_of_kind("scanned")),
        pages_undecodable=tuple(document.pages_of_kind("undecodable")),
    )


def summary_of(document: Document, found: library.Summary, warnings: tuple[str, ...] = ()) -> Summary:
    """Return the package's summary of a document with its pages; `warnings` come before the summary's own."""
    sentences = tuple(
        SummarySentence(one.text, (Origin(document.page_at(one.start), one.start, one.end, one.score),))
        for one in found.sentences
    )
    read = found.coverage
    covered = coverage(document, read.tokens_total, read.tokens_read, read.windows)
    all_warnings = (*warnings, *found.warnings, *truncation_warning(covered))
    return Summary(found.summary, sentences, covered, found.quality, all_warnings)


def truncation_warning(found: Coverage) -> tuple[str, ...]:
    """Return the warning where `--truncate` dropped text."""
    if not found.truncated:
        return ()
    return (f"--truncate: read only the first {found.tokens_read} of {found.tokens_total} tokens",)
