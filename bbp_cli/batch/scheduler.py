"""Compute the windows of one or several documents in batches, and yield the results in input order.

A task is a generator for each document (`bbp_cli.tasks.task`). Here the generators of several documents are
open at once, so that short documents fill a batch together. Windows are taken in the order of their
documents: a document is finished before a later one, and no more are begun than the next batch needs, so
memory does not grow with the number of inputs.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Generic

from bbp_cli.batch.reader import DocumentReader, Outcome
from bbp_cli.documents.document import Document
from bbp_cli.documents.inputs import Input
from bbp_cli.errors import BbpError, InputError, ResourceError
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.models.memory import memory_errors
from bbp_cli.tasks.task import OutputT, ResultT, Task, TaskSteps, WindowT

ProgressBar = Callable[[str, int], AbstractContextManager[Callable[[], None]]]
"""Called with a description and a number of steps; the block calls the yielded function after each step."""


@dataclass(frozen=True)
class FinishedDocument(Generic[ResultT]):
    """A document and its result; `seconds` counts an equal share of each batch for each of its windows."""

    document: Document
    result: ResultT
    seconds: float


@dataclass
class Job(Generic[WindowT, OutputT, ResultT]):
    """A document in progress: the windows of its current round, and the outputs computed so far."""

    document: Document
    steps: TaskSteps[WindowT, OutputT, ResultT]
    windows: Sequence[WindowT] = ()
    outputs: list[OutputT] = field(default_factory=list)
    seconds: float = 0.0
    outcome: FinishedDocument[ResultT] | BbpError | None = None

    @property
    def uncomputed(self) -> Sequence[WindowT]:
        """Windows whose output is missing."""
        return self.windows[len(self.outputs) :] if self.outcome is None else ()

    def receive(self, output: OutputT, seconds: float) -> None:
        """Add the output of the next window; after the last one of a round, advance the task."""
        self.outputs.append(output)
        self.seconds += seconds
        if len(self.outputs) == len(self.windows):
            self.advance(self.outputs)

    def advance(self, outputs: Sequence[OutputT] | None = None) -> None:
        """Start the task, or send it a round's outputs, until it yields windows or returns its result."""
        started = time.perf_counter()
        try:
            with memory_errors():
                # The task continues behind its `yield`: in `plan` of `bbp_cli.tasks`, or in the steps of
                # `bigbird_pegasus.summarization` that it passes on with `yield from`.
                self.windows = next(self.steps) if outputs is None else self.steps.send(outputs)
                # A round without windows (a document without tokens) has no output that would advance it.
                while not self.windows:
                    self.windows = self.steps.send([])
            self.outputs = []
        except StopIteration as stop:
            seconds = self.seconds + time.perf_counter() - started
            self.outcome = FinishedDocument(self.document, stop.value, seconds)
        except (InputError, ResourceError) as error:
            self.outcome = error
        self.seconds += time.perf_counter() - started


def schedule(
    documents: DocumentReader,
    task: Task[WindowT, OutputT, ResultT],
    loaded: LoadedModel,
    progress: ProgressBar,
    batch_size: int | None = None,
    on_text: Callable[[Input, str], None] | None = None,
) -> Generator[tuple[Input, FinishedDocument[ResultT] | Outcome], None, None]:
    """Do a task for many documents, and yield the result or the error of each, or that it is kept, in order.

    InputError and ResourceError fail one document, and the others continue; other errors end the run.

    Args:
        documents: read only when the next batch needs them.
        task: done for each document.
        loaded: computes the windows.
        progress: shown for the document that is next to be yielded.
        batch_size: how many windows are computed together; None: as many as the task proposes.
        on_text: called with the text of a document so far, while it grows; windows are then computed singly
            where the task streams.
    """
    queue = _Queue(documents, task, loaded, batch_size, on_text)
    while documents.has_more or queue.jobs:
        if not queue.jobs:
            queue.begin_next()
        item, job = queue.jobs[0]
        outcome = queue.complete(item, job, progress) if isinstance(job, Job) else job
        queue.jobs.popleft()
        yield item, outcome


@dataclass
class _Queue(Generic[WindowT, OutputT, ResultT]):
    """Documents read and not yet yielded, in order; what needs no computing waits for its turn too."""

    documents: DocumentReader
    task: Task[WindowT, OutputT, ResultT]
    loaded: LoadedModel
    batch_size: int | None
    on_text: Callable[[Input, str], None] | None
    jobs: deque[tuple[Input, Job[WindowT, OutputT, ResultT] | Outcome]] = field(default_factory=deque)

    def begin_next(self) -> None:
        """Read the next document and start its task, which yields its first windows."""
        item, document = next(self.documents)
        if not isinstance(document, Document):
            self.jobs.append((item, document))
            return
        on_text = partial(self.on_text, item) if self.on_text is not None else None
        job = Job(document, self.task.plan(document, self.loaded, on_text))
        job.advance()
        self.jobs.append((item, job))

    def complete(
        self, item: Input, first: Job[WindowT, OutputT, ResultT], progress: ProgressBar
    ) -> FinishedDocument[ResultT] | BbpError:
        """Compute batches until the first job has its outcome; windows of later jobs fill the batches."""
        if first.outcome is not None:
            return first.outcome
        with progress(item.label, len(first.windows)) as step:
            for _ in first.outputs:  # computed in the batches of earlier documents
                step()
            while first.outcome is None:
                # Asked again for each batch: the task computes it from the memory that is free now.
                size = self._size()
                self._begin_more(size)
                batch = self._next_batch(size)
                self._compute(batch)
                for job, _ in batch:
                    if job is first:
                        step()
        return first.outcome

    def _size(self) -> int:
        if self.on_text is not None and self.task.streams(self.loaded):
            return 1  # text can be shown while it grows only if one document is written at a time
        return self.batch_size or self.task.batch_size(self.loaded)

    def _begin_more(self, size: int) -> None:
        """Begin documents while the batch has room.

        Not where reading could block (stdin, a named pipe): the first document would wait for it.
        """
        while self.documents.has_more and self._has_room(size) and not self.documents.waits:
            self.begin_next()

    def _has_room(self, size: int) -> bool:
        # The second bound holds for documents that need no windows now: they do not fill a batch, but memory.
        return sum(len(job.uncomputed) for job in self._open_jobs()) < size and len(self.jobs) < size

    def _open_jobs(self) -> list[Job[WindowT, OutputT, ResultT]]:
        return [job for _, job in self.jobs if isinstance(job, Job)]

    def _next_batch(self, size: int) -> list[tuple[Job[WindowT, OutputT, ResultT], WindowT]]:
        """Return the next windows, in the order of their documents, each with its job."""
        return [(job, window) for job in self._open_jobs() for window in job.uncomputed][:size]

    def _compute(self, batch: Sequence[tuple[Job[WindowT, OutputT, ResultT], WindowT]]) -> None:
        """Compute windows together, or one by one where memory is too small for the batch.

        A window that does not fit even alone fails its document, and no other.
        """
        started = time.perf_counter()
        try:
            with memory_errors():
                outputs = self.task.compute(self.loaded, [window for _, window in batch])
        except ResourceError as error:
            if len(batch) == 1:
                batch[0][0].outcome = error
                return
            for job, window in batch:
                if job.outcome is None:  # not where an earlier window of it has just failed
                    self._compute([(job, window)])
            return
        seconds = (time.perf_counter() - started) / len(batch)
        for (job, _), output in zip(batch, outputs, strict=True):
            job.receive(output, seconds)
