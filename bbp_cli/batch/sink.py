"""Write the results of a run one by one, count its failures and report them."""

import sys

from bbp_cli.batch.scheduler import FinishedDocument
from bbp_cli.console import Console, is_terminal
from bbp_cli.documents.document import display_name
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.errors import BbpError, run_error
from bbp_cli.files import write_file
from bbp_cli.models.checkpoints import TaskName
from bbp_cli.output.citations import bullets, cited
from bbp_cli.output.destination import OutputOptions, plan_files
from bbp_cli.output.html import IndexEntry, as_html, as_index, index_entry
from bbp_cli.output.markdown import as_markdown
from bbp_cli.output.records import ModelRun, error_record, json_line, result_record
from bbp_cli.output.render import as_text
from bbp_cli.output.report import report_on
from bbp_cli.output.stdout import emit, printer_for
from bbp_cli.tasks.results import DocumentResult, DocumentSummary, record_results


class Failures:
    """Inputs that failed."""

    def __init__(self, inputs: Inputs, console: Console) -> None:
        self._total = len(inputs.items)
        self._console = console
        self._errors: list[BbpError] = []

    def add(self, item: Input, error: BbpError) -> None:
        """Record a failure, and report it at once where there are several inputs."""
        error.file = error.file or display_name(item.path)
        self._errors.append(error)
        if self._total > 1:
            self._console.error(error)

    def raise_if_any(self) -> None:
        """Raise the failure of the only input, or a summary of the failures of several.

        Raises:
            BbpError: an input failed.
        """
        if self._errors:
            raise run_error(self._errors, self._total)


class ResultSink:
    """Write results to stdout, one file or a folder. The destination is checked before anything is read.

    Raises:
        UsageError, OutputError: see `plan_files`.
    """

    def __init__(self, task: TaskName, inputs: Inputs, options: OutputOptions, console: Console) -> None:
        self._task = task
        self._options = options
        self._console = console
        self._files = plan_files(options, inputs, task)
        self._printer = printer_for(inputs, console)
        self._total = len(inputs.items)
        self._done = 0
        self._reports: list[IndexEntry] = []
        self.failures = Failures(inputs, console)

    @property
    def shows_growing_text(self) -> bool:
        """Return whether results are text on a terminal, so that one can be shown while it is written."""
        options = self._options
        is_plain = not options.json and options.format == "text" and not options.cite
        return options.is_stdout and is_plain and is_terminal(sys.stdout)

    def grow(self, item: Input, text: str) -> None:
        """Show the text so far of a result that is not finished."""
        self._printer.grow(display_name(item.path), text)

    def write(self, item: Input, outcome: FinishedDocument[DocumentResult] | BbpError, run: ModelRun) -> None:
        """Write a result, and its warnings to stderr; or report the error.

        Raises:
            OutputError, ClosedOutputError: it cannot be written.
        """
        if isinstance(outcome, BbpError):
            self.fail(item, outcome)
            return
        parts = record_results(outcome.result)
        for warning in dict.fromkeys(warning for part in parts for warning in part.warnings):
            self._console.warn(display_name(item.path), warning)
        if self._options.json:
            timing = {"load_seconds": run.load_seconds, f"{self._task}_seconds": outcome.seconds}
            records = [result_record(self._task, outcome.document, part, run, timing) for part in parts]
            text = "\n".join(map(json_line, records))
        else:
            text = self._rendered(outcome, run)
        self._deliver(item, text)
        if item in self._files and isinstance(outcome.result, DocumentSummary):
            self._reports.append(index_entry(item.path, self._files[item], outcome.result.text))
        self._done += 1
        self._report_done(item, outcome.seconds)

    def write_index(self) -> None:
        """Write the page that lists the HTML reports of a folder, `index.html`; it replaces an older one.

        Raises:
            OutputError: it cannot be written.
        """
        folder = self._options.folder
        if folder is not None and self._options.format == "html" and self._reports:
            write_file(folder / "index.html", as_index(folder, self._reports) + "\n")

    def _rendered(self, outcome: FinishedDocument[DocumentResult], run: ModelRun) -> str:
        """Return a result in the form that was asked for; only summaries have others than plain text."""
        result, document, options = outcome.result, outcome.document, self._options
        if not isinstance(result, DocumentSummary):
            return as_text(result)
        if options.format == "md":
            return as_markdown(report_on(document, result, run))
        if options.format == "html":
            return as_html(report_on(document, result, run))
        if options.format == "bullets":
            return bullets(result.sentences, document, cite=options.cite)
        return cited(result.sentences, document) if options.cite else as_text(result)

    def fail(self, item: Input, error: BbpError) -> None:
        """Report an input that failed; with `--json` on stdout also as a record."""
        if self._options.json and self._options.is_stdout:
            emit(json_line(error_record(item.path, self._task, error)) + "\n")
        self._done += 1
        self.failures.add(item, error)

    def _deliver(self, item: Input, text: str) -> None:
        if item in self._files:
            write_file(self._files[item], text + "\n")
        elif self._options.json:
            emit(text + "\n")
        else:
            self._printer.finish(display_name(item.path), text)

    def _report_done(self, item: Input, seconds: float) -> None:
        """Report a finished input where there are several, or where bbp chose the name of its output."""
        if self._total > 1 or self._options.folder is not None:
            done = f"{self._done}/{self._total} {display_name(item.path)}"
            self._console.file_done(f"{done}: {seconds:.1f} s")
