"""Results of the tasks for one document, before they are printed as text or JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

from bigbird_pegasus.summarization.quality import Quality
from bigbird_pegasus.summarization.summary import Summary
from bigbird_pegasus.summarization.writing.support import Unsupported

from bbp_cli.documents.document import Document


@dataclass(frozen=True)
class Origin:
    """A span of the document (code points) that a sentence of the summary was taken or written from.

    It stands on one page; `page_label` is the page's name in the document where that is not its number, and
    `rectangles` are the lines of a PDF's page that it covers: left, bottom, right, top in points.
    """

    page: int | None
    start: int
    end: int
    score: float | None
    page_label: str | None = None
    rectangles: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True)
class CitedSentence:
    """One sentence of a summary, and where it comes from: a source for each page that it stands on.

    `unsupported` are facts that a model wrote and the document does not contain. `speaker` is who says it if
    the document is a conversation, `heading` that of its section where each has a summary of its own.
    """

    text: str
    sources: tuple[Origin, ...]
    unsupported: tuple[Unsupported, ...] = ()
    speaker: str | None = None
    heading: str | None = None


@dataclass(frozen=True)
class DocumentPart:
    """A window or section that the model read: its span (code points), its first page, its tokens, and how
    many of the summary's sentences come from it.
    """

    page: int | None
    start: int
    end: int
    tokens: int
    sentences: int
    heading: str | None = None


@dataclass(frozen=True)
class DocumentCoverage:
    """How much of the document the model read, in its tokens."""

    tokens_total: int | None  # None where only a beginning of the file was read
    tokens_read: int
    windows: int
    truncated: bool
    pages_without_text: tuple[int, ...]
    pages_blank: tuple[int, ...] = ()
    pages_scanned: tuple[int, ...] = ()
    pages_undecodable: tuple[int, ...] = ()
    parts: tuple[DocumentPart, ...] = ()


@dataclass(frozen=True)
class DocumentSummary:
    """A document's summary; `warnings` are those of this step, the document keeps its own."""

    text: str
    sentences: tuple[CitedSentence, ...]
    coverage: DocumentCoverage
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
    coverage: DocumentCoverage
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
    coverage: DocumentCoverage
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DocumentAnswers:
    """The answers from one document, question by question in the order they were asked."""

    questions: tuple[Answers, ...]


RecordResult = DocumentSummary | Labels | Answers  # what one JSON record shows
DocumentResult = DocumentSummary | Labels | DocumentAnswers


def record_results(result: DocumentResult) -> Sequence[RecordResult]:
    """Return what of a document's result has a record of its own: each question, or the whole."""
    return result.questions if isinstance(result, DocumentAnswers) else (result,)


def coverage(
    document: Document, total: int, read: int, windows: int, parts: tuple[DocumentPart, ...] = ()
) -> DocumentCoverage:
    """Return how much was read of a document of `total` tokens, or of a beginning of so many."""
    return DocumentCoverage(
        tokens_total=None if document.is_beginning else total,
        tokens_read=read,
        windows=windows,
        truncated=document.is_beginning or read < total,
        pages_without_text=tuple(document.pages_without_text),
        pages_blank=tuple(document.pages_of_kind("blank")),
        pages_scanned=tuple(document.pages_of_kind("scanned")),
        pages_undecodable=tuple(document.pages_of_kind("undecodable")),
        parts=parts,
    )


def summary_of(document: Document, found: Summary, warnings: tuple[str, ...] = ()) -> DocumentSummary:
    """Return the package's summary of a document with its pages; `warnings` come before the summary's own."""
    sentences = tuple(
        CitedSentence(
            one.text,
            origins(document, one.start, one.end, one.score),
            one.unsupported,
            one.speaker,
            one.heading,
        )
        for one in found.sentences
    )
    read = found.coverage
    parts = tuple(
        DocumentPart(
            document.page_at(part.start), part.start, part.end, part.tokens, part.sentences, part.heading
        )
        for part in read.parts
    )
    covered = coverage(document, read.tokens_total, read.tokens_read, read.windows, parts)
    all_warnings = (*warnings, *found.warnings, *truncation_warning(covered))
    return DocumentSummary(found.summary, sentences, covered, found.quality, all_warnings)


def origins(document: Document, start: int, end: int, score: float | None) -> tuple[Origin, ...]:
    """Return a span as sources, one for each page that it stands on."""
    pages = document.pages_between(start, end)
    lines = [] if document.boxes is None or score is None else document.boxes.rectangles(start, end)

    def on_page(number: int | None) -> tuple[tuple[float, float, float, float], ...]:
        return tuple(one.rounded for one in lines if one.page == number)

    if len(pages) > 1:
        return tuple(
            Origin(
                page.number,
                max(start, page.start),
                min(end, page.end),
                score,
                page.label,
                on_page(page.number),
            )
            for page in pages
        )
    number = document.page_at(start)
    return (Origin(number, start, end, score, pages[0].label if pages else None, on_page(number)),)


def truncation_warning(found: DocumentCoverage) -> tuple[str, ...]:
    """Return the warning where `--truncate` dropped text."""
    if not found.truncated:
        return ()
    if found.tokens_total is None:
        return (
            f"--truncate: read only the first {found.tokens_read} tokens; the rest of the file is not read",
        )
    return (f"--truncate: read only the first {found.tokens_read} of {found.tokens_total} tokens",)
