"""What a report on one document shows beside its summary, for Markdown and HTML alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from bigbird_pegasus.text.words import count_words

from bbp_cli.documents.document import Document, display_name, page_ranges
from bbp_cli.output.records import ModelRun, RecordedModel, model_record
from bbp_cli.tasks.results import DocumentCoverage, DocumentSummary
from bbp_cli.version import __version__


@dataclass(frozen=True)
class Report:
    """A document, its summary, facts about both as names with values, and all warnings."""

    title: str
    document: Document
    summary: DocumentSummary
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def report_on(document: Document, summary: DocumentSummary, run: ModelRun) -> Report:
    """Return the report on one document. It names no time, so that the same input gives the same bytes."""
    facts = [
        ("Source", display_name(document.source.path)),
        *([("SHA-256", document.source.sha256)] if document.source.sha256 is not None else []),
        ("Words", _words(document, summary)),
        ("Read", _read(summary.coverage, document)),
        *_unread(summary.coverage),
        ("Model", _model(run.model)),
        ("Program", f"bbp {__version__}"),
    ]
    warnings = (*document.warnings, *summary.warnings)
    return Report(display_name(document.source.path), document, summary, tuple(facts), warnings)


def _words(document: Document, summary: DocumentSummary) -> str:
    written = f"{count_words(summary.text):,} in the summary"
    return written if document.is_beginning else f"{count_words(document.text):,} in the document, {written}"


def _read(coverage: DocumentCoverage, document: Document) -> str:
    total = "" if coverage.tokens_total is None else f" of {coverage.tokens_total:,}"
    share = f"{coverage.tokens_read:,}{total} tokens"
    whole = "all of it" if not coverage.truncated else "only its beginning"
    pages = f", {len(document.pages):,} pages" if document.pages else ""
    return f"{whole}: {share}{pages}"


def _unread(coverage: DocumentCoverage) -> Sequence[tuple[str, str]]:
    kinds = {
        "blank": coverage.pages_blank,
        "pictures without text": coverage.pages_scanned,
        "undecodable": coverage.pages_undecodable,
    }
    found = [f"{page_ranges(pages)} ({kind})" for kind, pages in kinds.items() if pages]
    return [("Not read", "; ".join(found))] if found else []


def _model(loaded: RecordedModel) -> str:
    record = model_record(loaded)
    precision = record["quantization"] or record["dtype"]
    return f"{record['id']}, weights {record['weights_sha256'][:12]}, {precision} on {record['device']}"
