"""Where the results of a run end: written one by one as they come, failures counted and reported."""

import sys

from bbp_cli.batch.scheduler import Finished
from bbp_cli.console import Console, is_terminal
from bbp_cli.documents.document import display_name
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.errors import BbpError, run_error
from bbp_cli.files import write_file
from bbp_cli.models.checkpoints import TaskName
from bbp_cli.output.destination import OutputOptions, plan_files
from bbp_cli.output.records import ModelRun, error_record, json_line, result_record
from bbp_cli.output.render import as_text
from bbp_cli.output.stdout import emit, printer_for
from bbp_cli.tasks.results import DocumentResult, record_results


class Failures:
    """The inputs of a run that failed."""

    def __init__(self, inputs: Inputs, console: Console) -> None:
        self._total = len(inputs.items)
        self._console = console
        self._errors: list[BbpError] = []

    def add(self, item: Input, error: BbpError) -> None:
        """Note a failure; where there are other inputs, report it now, in its turn."""
        error.file = error.file or display_name(item.path)
        self._errors.append(error)
        if self._total > 1:
            self._console.error(error)

    def raise_if_any(self) -> None:
        """End the run with the failure of the only input, or with what those of several have in common.

        Raises:
            BbpError: an input failed.
        """
        if self._errors:
            raise run_error(self._errors, self._total)


class ResultSink:
    """Write results to stdout, one file or a folder; where they go is checked here, before anything is read.

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
        self.failures = Failures(inputs, console)

    @property
    def shows_growing_text(self) -> bool:
        """Whether a person at a terminal reads results as text, and can be shown one while it is written."""
        return self._options.is_stdout and not self._options.json and is_terminal(sys.stdout)

    def grow(self, item: Input, text: str) -> None:
        """Show what is there of a result that is not finished."""
        self._printer.grow(display_name(item.path), text)

    def write(self, item: Input, outcome: Finished[DocumentResult] | BbpError, run: ModelRun) -> None:
        """Write a result, with its warnings on stderr; or report why there is none.

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
            text = as_text(outcome.result)
        self._deliver(item, text)
        self._done += 1
        self._report_done(item, outcome.seconds)

    def fail(self, item: Input, error: BbpError) -> None:
        """Report an input that failed; among printed records it has a line too."""
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
        """Where there are several, or where names are not the user's own, say which one is done."""
        if self._total > 1 or self._options.folder is not None:
            done = f"{self._done}/{self._total} {display_name(item.path)}"
            self._console.file_done(f"{done}: {seconds:.1f} s")
