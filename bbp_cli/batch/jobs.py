"""One run of a task: find the inputs and the model, work on each document, deliver the results."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from bbp_cli.batch.runner import Read, run
from bbp_cli.batch.scheduler import in_order
from bbp_cli.console import Console, is_terminal, no_progress
from bbp_cli.documents.document import Document, display_name
from bbp_cli.documents.inputs import Input, InputOptions, Inputs, collect
from bbp_cli.errors import BbpError
from bbp_cli.files import write_file
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel, TaskName
from bbp_cli.models.loading import ModelOptions, accept, check_named, load_for
from bbp_cli.output.destination import OutputOptions, plan_files
from bbp_cli.output.records import error_record, json_line, result_record
from bbp_cli.output.stdout import emit, printer_for
from bbp_cli.tasks.results import Outcome, TextListener
from bbp_cli.tasks.task import Steps

Begin = Callable[[Document, LoadedModel, TextListener | None], Steps[Sequence[Outcome]]]


def at_once(_loaded: LoadedModel) -> bool:
    """Results are printed when they are complete."""
    return False


@dataclass(frozen=True)
class Task:
    """What is done with each document.

    Args:
        name: in records.
        result: what a result is called in the names of output files.
        params: the settings that hold with a model, as records show them.
        begin: document and model → what is to be done, see `together`.
        compute: reads windows together.
        batch_size: how many windows are best read together.
        check: raises UsageError where a model cannot obey the settings.
        grows: whether results can be shown while they are written; then `begin` is given a listener.
    """

    name: TaskName
    result: str
    params: Callable[[LoadedModel], Mapping[str, object]]
    begin: Begin
    compute: Callable[[LoadedModel, Sequence[Any]], Sequence[Any]]
    batch_size: Callable[[LoadedModel], int]
    check: Callable[[Checkpoint], None] = accept
    grows: Callable[[LoadedModel], bool] = at_once


def run_task(
    task: Task, reading: InputOptions, destination: OutputOptions, choice: ModelOptions, console: Console
) -> bool:
    """Work on every input; False where there is none.

    Raises:
        BbpError: see `batch.run`; or at once for options, outputs and models that cannot be used.
    """
    inputs = collect(reading, leave_out=destination.folder)
    if inputs.items:
        check_named(choice, task.name)
    job = _Job(task, inputs, destination, choice, console)
    run(inputs, reading.encoding, console, job.work, job.failed)
    return bool(inputs.items)


class _Job:
    """The state of a run. Making it checks where results go, before anything is read or loaded."""

    def __init__(
        self, task: Task, inputs: Inputs, destination: OutputOptions, choice: ModelOptions, console: Console
    ) -> None:
        self._task = task
        self._count = len(inputs.items)
        self._destination = destination
        self._choice = choice
        self._console = console
        self._files = plan_files(destination, inputs, task.result)
        self._printer = printer_for(inputs, console)
        self._loaded: LoadedModel | None = None
        self._load_seconds = 0.0
        self._done = 0

    def load(self) -> LoadedModel:
        """The model; loaded once."""
        if self._loaded is None:
            started = time.perf_counter()
            self._loaded = load_for(self._task.name, self._choice, self._console, self._task.check)
            self._load_seconds = time.perf_counter() - started
        return self._loaded

    def work(self, items: Sequence[Input], read: Read) -> Iterator[tuple[Input, BbpError | None]]:
        """Do the task for all documents, and deliver what comes of each in its turn."""

        def begin(item: Input) -> tuple[Document, Steps[Sequence[Outcome]]]:
            document = read(item)
            loaded = self.load()
            return document, self._task.begin(document, loaded, self._listener(item, loaded))

        def compute(windows: Sequence[Any]) -> Sequence[Any]:
            return self._task.compute(self.load(), windows)

        for work in in_order(items, begin, compute, self._batch_size, self._progress):
            if work.document is not None and work.found is not None:
                self._finish(work.item, work.document, work.found, work.seconds)
            yield work.item, work.error

    def _finish(self, item: Input, document: Document, outcomes: Sequence[Outcome], seconds: float) -> None:
        for warning in dict.fromkeys(warning for outcome in outcomes for warning in outcome.warnings):
            self._console.warn(display_name(item.path), warning)
        timing = {"load_seconds": self._load_seconds, f"{self._task.name}_seconds": seconds}
        self._deliver(item, "\n".join(self._shown(outcome, document, timing) for outcome in outcomes))
        self._tell(item, seconds)

    def _batch_size(self) -> int:
        """How many windows are read together; text that grows on the terminal is written alone."""
        if self._grows(self.load()):
            return 1
        return self._choice.batch_size or self._task.batch_size(self.load())

    def _progress(self, description: str, total: int) -> AbstractContextManager[Callable[[], None]]:
        """A bar, where no text that grows is progress enough."""
        bar = no_progress if self._grows(self.load()) else self._console.progress
        return bar(description, total)

    def failed(self, item: Input, error: BbpError) -> None:
        """A failed input has its line among the printed records too."""
        if self._destination.json and self._destination.is_stdout:
            emit(json_line(error_record(item.path, self._task.name, error)) + "\n")
        self._done += 1

    def _shown(self, outcome: Outcome, document: Document, timing: Mapping[str, float]) -> str:
        if not self._destination.json:
            return outcome.text
        loaded, params = self.load(), self._task.params(self.load())
        return json_line(result_record(self._task.name, document, outcome, loaded, params, timing))

    def _deliver(self, item: Input, text: str) -> None:
        if item in self._files:
            write_file(self._files[item], text + "\n")
        elif self._destination.json:
            emit(text + "\n")
        else:
            self._printer.finish(display_name(item.path), text)

    def _tell(self, item: Input, seconds: float) -> None:
        """Where there are several, or where names are not the user's own, say which one is done."""
        self._done += 1
        if self._count > 1 or self._destination.folder is not None:
            done = f"{self._done}/{self._count} {display_name(item.path)}"
            self._console.file_done(f"{done}: {seconds:.1f} s")

    def _listener(self, item: Input, loaded: LoadedModel) -> TextListener | None:
        """A person at a terminal sees the text grow, where what is written once stays."""
        return partial(self._printer.grow, display_name(item.path)) if self._grows(loaded) else None

    def _grows(self, loaded: LoadedModel) -> bool:
        plain = self._destination.is_stdout and not self._destination.json
        return plain and is_terminal(sys.stdout) and self._task.grows(loaded)
