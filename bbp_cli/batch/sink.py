"""Write the results of a run one by one, count its failures and report them."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bbp_cli.batch.keys import ResultKeys
from bbp_cli.batch.progress import RunProgress
from bbp_cli.batch.scheduler import FinishedDocument
from bbp_cli.batch.store import Kept, ResultStore, source_digest
from bbp_cli.console import Console, is_terminal
from bbp_cli.documents.document import PDF, Document
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.errors import (
    BbpError,
    GateError,
    InputError,
    PartialError,
    failures_text,
    run_error,
    some_names,
)
from bbp_cli.files import write_bytes, write_file
from bbp_cli.models.checkpoints import TaskName
from bbp_cli.output.destination import OutputOptions, plan_files, plan_highlights
from bbp_cli.output.forms import in_form
from bbp_cli.output.html import IndexEntry, as_index, index_entry
from bbp_cli.output.panel import as_panel, panel_columns, terminal_columns, wrapped_bullets
from bbp_cli.output.records import (
    ModelRun,
    RecordHead,
    error_record,
    json_line,
    result_record,
    skipped_record,
)
from bbp_cli.output.stdout import emit, printer_for
from bbp_cli.tasks.gates import Gate, failed_gates
from bbp_cli.tasks.results import DocumentResult, DocumentSummary, record_results


class Failures:
    """Inputs that failed."""

    def __init__(self, inputs: Inputs, console: Console) -> None:
        self._total = len(inputs.items)
        self._console = console
        self._errors: list[BbpError] = []
        self._names: list[str] = []
        self._reported: set[Input] = set()

    @property
    def count(self) -> int:
        """Return how many inputs have failed."""
        return len(self._errors)

    @property
    def text(self) -> str:
        """Return how many inputs have failed, and which."""
        return failures_text(self._names, self._total)

    def report(self, item: Input, error: BbpError) -> None:
        """Report a failure, once, where there are several inputs."""
        error.file = error.file or item.label
        if self._total > 1 and item not in self._reported:
            self._reported.add(item)
            self._console.error(error)

    def add(self, item: Input, error: BbpError) -> None:
        """Record a failure, and report it at once where there are several inputs."""
        self.report(item, error)
        self._errors.append(error)
        self._names.append(item.label)

    def raise_if_any(self) -> None:
        """Raise the failure of the only input, or a summary of the failures of several.

        Raises:
            BbpError: an input failed.
        """
        if self._errors:
            raise run_error(self._errors, self._total, self._names)


@dataclass
class RunCounts:
    """What became of the inputs of a run."""

    made: int = 0
    made_again: int = 0  # what an earlier run had made of another text, or in another way
    kept: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def done(self) -> int:
        """Return how many inputs have a result."""
        return self.made + self.made_again + self.kept

    def __str__(self) -> str:
        names = {
            "made": self.made,
            "made again": self.made_again,
            "kept": self.kept,
            "failed": self.failed,
            "skipped": self.skipped,
        }
        return ", ".join(f"{count} {name}" for name, count in names.items() if count) or "nothing to do"


class ResultSink:
    """Write results to stdout, one file or a folder. The destination is checked before anything is read.

    Raises:
        UsageError, OutputError: see `plan_files` and `ResultStore`.
    """

    def __init__(
        self,
        task: TaskName,
        inputs: Inputs,
        options: OutputOptions,
        console: Console,
        max_failures: int | None = None,
        fail_on: Sequence[Gate] = (),
    ) -> None:
        self._gates: dict[Gate, list[str]] = {gate: [] for gate in fail_on}
        self._max_failures = max_failures
        self._task = task
        self._options = options
        self._console = console
        self._files = plan_files(options, inputs, task)
        self._highlights = plan_highlights(options, inputs)
        self._printer = printer_for(inputs, console)
        self._total = len(inputs.items)
        self.counts = RunCounts()
        self.progress = RunProgress(self._total, console)
        self._reports: list[IndexEntry] = []
        self.failures = Failures(inputs, console)
        self.store: ResultStore | None = None
        if options.folder is not None or options.appends(inputs):
            self.store = ResultStore(inputs.items, self._files, options, console, self._highlights)

    def use_keys(self, keys: ResultKeys) -> None:
        """Set the keys of the run's results, as soon as the model is known."""
        self._keys = keys
        if self.store is not None:
            self.store.keys = keys

    @property
    def shows_growing_text(self) -> bool:
        """Return whether results are text on a terminal, so that one can be shown while it is written."""
        options = self._options
        is_plain = not options.json and options.format == "text" and not options.cite
        return options.is_stdout and is_plain and is_terminal(sys.stdout)

    @property
    def so_far(self) -> str:
        """Return how far a run came that ends early."""
        hint = "; run the same command with --resume" if self.store is not None else ""
        return f"{self.counts.done} of {self._total} done{hint}"

    def announce(self, inputs: Inputs) -> None:
        """Report what is known before the first document is read: missing inputs, files that are skipped."""
        for item in inputs.items:
            if item.problem is not None:
                self.failures.report(item, item.problem)
        for file in inputs.skipped:
            self.counts.skipped += 1
            record = skipped_record(RecordHead(file.path, self._task), file.reason)
            if self.store is not None:
                self.store.skip(record)
            elif self._options.json and self._options.is_stdout:
                emit(json_line(record) + "\n")

    def output_of(self, item: Input) -> Path | None:
        """Return the file of an input's result; None where it is printed."""
        return self._files.get(item, self._options.file)

    def had_result(self, item: Input) -> bool:
        """Return whether an earlier run wrote a result for this input."""
        return self.store is not None and self.store.had_result(item)

    def grow(self, item: Input, text: str) -> None:
        """Show the text so far of a result that is not finished."""
        self._printer.grow(item.label, text)

    def draft(self, _item: Input, text: str) -> None:
        """Show the text so far of a result that may still change, until the result is there."""
        self.progress.show_draft(text)

    def write(
        self, item: Input, outcome: FinishedDocument[DocumentResult] | Kept | BbpError, run: ModelRun
    ) -> None:
        """Write a result, and its warnings to stderr; or report the error.

        Raises:
            OutputError, ClosedOutputError: it cannot be written.
            PartialError: as many inputs have failed as may.
        """
        if isinstance(outcome, Kept | BbpError):
            self.settle(item, outcome)
            return
        parts = record_results(outcome.result)
        for warning in dict.fromkeys(warning for part in parts for warning in part.warnings):
            self._console.warn(item.label, warning)
        document = outcome.document
        timing = {"load_seconds": run.load_seconds, f"{self._task}_seconds": outcome.seconds}
        records = [
            result_record(RecordHead(item.id, self._task, key), document, part, run, timing)
            for part, key in zip(parts, self._keys.of(document), strict=True)
        ]
        has_title = False
        if self._options.json:
            text = "\n".join(map(json_line, records))
        else:
            text = in_form(self._options, document, outcome.result, run)
            drawn = self._for_terminal(item, document, outcome, run)
            has_title = drawn is not None and self._options.format == "text"
            text = drawn or text
        problem = self._highlight(item, document, outcome.result)
        again = self.had_result(item)
        if self.store is not None:
            self.store.write(item, records, text, copied=problem is None)
        else:
            self._deliver(item, text, has_title=has_title)
        if isinstance(outcome.result, DocumentSummary):
            self._list_report(item, outcome.result.text)
        self._check_gates(item, dict.fromkeys(gate for part in parts for gate in failed_gates(part)))
        self.counts.made_again += again
        self.counts.made += not again
        if problem is not None:
            self.counts.failed += 1
            self.failures.add(item, problem)
        self.progress.count(item.label, tokens=parts[0].coverage.tokens_read)
        self._end_early()

    def _for_terminal(
        self, item: Input, document: Document, outcome: FinishedDocument[DocumentResult], run: ModelRun
    ) -> str | None:
        """Return a summary as a terminal shows it; None where the plain text is printed."""
        summary, options = outcome.result, self._options
        if not isinstance(summary, DocumentSummary) or not options.is_stdout or self._printer.has_begun:
            return None
        if options.format == "bullets" and (columns := terminal_columns()):
            return wrapped_bullets(summary.sentences, document, columns, cite=options.cite)
        if options.format != "text" or not (columns := panel_columns(self._console)):
            return None
        return as_panel(item.label, document, summary, run, outcome.seconds, columns)

    def settle(self, item: Input, outcome: Kept | BbpError) -> None:
        """Count an input that needs no computing; report one that failed, with `--json` also as a record.

        Raises:
            PartialError: as many inputs have failed as may.
        """
        if isinstance(outcome, Kept):
            self.counts.kept += 1
            self._check_gates(item, outcome.failed_gates)
            self._list_report(item, outcome.summary or "")
            self.progress.count(item.label)
            return
        digest = source_digest(item)
        record = error_record(RecordHead(item.id, self._task), item.path, digest, outcome)
        if self.store is not None:
            self.store.fail(item, record, outcome)
        elif self._options.json and self._options.is_stdout:
            emit(json_line(record) + "\n")
        self.counts.failed += 1
        self.failures.add(item, outcome)
        self.progress.count(item.label, failed=True)
        self._end_early()

    def _end_early(self) -> None:
        """End the run where as many inputs have failed as may."""
        if self._max_failures is not None and self.failures.count >= self._max_failures:
            raise PartialError(f"stopped at {self.failures.text}; {self.so_far}")

    def finish(self) -> None:
        """Put records into order, say what became of the inputs, and raise the run's error.

        Raises:
            BbpError: an input failed, or a result does not pass a gate.
        """
        if self.store is not None:
            self.store.finish()
        self._write_index()
        if self._total > 1 or self.store is not None:
            self._console.note(str(self.counts), "summary", **asdict(self.counts))
        self.failures.raise_if_any()
        failed = [f"{gate}: {some_names(names)}" for gate, names in self._gates.items() if names]
        if failed:
            raise GateError(f"not good enough: {'; '.join(failed)}", hint="--fail-on says what is checked")

    def close(self) -> None:
        """Let other processes write here."""
        if self.store is not None:
            self.store.close()

    def _check_gates(self, item: Input, failed: Iterable[Gate]) -> None:
        for gate in failed:
            if gate in self._gates:
                self._gates[gate].append(item.label)

    def _list_report(self, item: Input, summary: str) -> None:
        if self._options.format == "html" and item in self._files:
            self._reports.append(index_entry(item.path, self._files[item], summary))

    def _write_index(self) -> None:
        """Write the page that lists the HTML reports of a folder, `index.html`; it replaces an older one."""
        folder = self._options.folder
        if folder is not None and self._reports:
            write_file(folder / "index.html", as_index(folder, self._reports) + "\n")

    def _highlight(self, item: Input, document: Document, result: DocumentResult) -> BbpError | None:
        """Write the copy of a PDF with its summary highlighted: before the result is recorded as done."""
        if item not in self._highlights or not isinstance(result, DocumentSummary):
            return None
        from bbp_cli.output.highlight import highlighted_copy

        if document.source.media_type != PDF:
            self._console.warn(item.label, "not a PDF: nothing is highlighted")
            return None
        try:
            write_bytes(self._highlights[item], highlighted_copy(document, result, cover=self._options.cover))
        except InputError as error:
            return error
        return None

    def _deliver(self, item: Input, text: str, *, has_title: bool) -> None:
        if item in self._files:
            write_file(self._files[item], text + "\n")
        elif self._options.json:
            emit(text + "\n")
        else:
            self._printer.finish(item.label, text, has_title=has_title)
