"""A result in the form that was asked for: plain text, a list, or a report."""

from bbp_cli.documents.document import Document
from bbp_cli.output.citations import bullets, cited
from bbp_cli.output.destination import OutputOptions
from bbp_cli.output.html import as_html
from bbp_cli.output.markdown import as_markdown
from bbp_cli.output.records import ModelRun
from bbp_cli.output.render import as_text
from bbp_cli.output.report import report_on
from bbp_cli.tasks.results import DocumentResult, DocumentSummary


def in_form(options: OutputOptions, document: Document, result: DocumentResult, run: ModelRun) -> str:
    """Return a result in the form of the options; only summaries have others than plain text."""
    if not isinstance(result, DocumentSummary):
        return as_text(result)
    if options.format == "md":
        return as_markdown(report_on(document, result, run))
    if options.format == "html":
        return as_html(report_on(document, result, run))
    if options.format == "bullets":
        return bullets(result.sentences, document, cite=options.cite)
    return cited(result.sentences, document) if options.cite else as_text(result)
