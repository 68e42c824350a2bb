"""Documents computed by several processes, each with the model: all cores are busy, results stay in order.

Documents are read here and sent to the workers; only results come back. A worker that dies (for want of
memory, for instance) costs time and not the run: what was in progress is done again, one by one, and a
document on which three workers die fails alone.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from typing import Any, Generic

from bigbird_pegasus.quantization.scheme import Scheme

from bbp_cli.batch.reader import DocumentReader, Outcome
from bbp_cli.batch.scheduler import FinishedDocument
from bbp_cli.documents.document import Document
from bbp_cli.documents.inputs import Input
from bbp_cli.errors import BbpError, InputError, ResourceError
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel, load
from bbp_cli.models.hardware import Hardware
from bbp_cli.tasks.task import OutputT, ResultT, Task, WindowT, run_one

ATTEMPTS = 3
AHEAD = 2  # documents for each worker that are read before they are needed
PARENT_CHECKED_EVERY_S = 1.0


@dataclass(frozen=True)
class WorkerJob(Generic[WindowT, OutputT, ResultT]):
    """What each worker does: a task with a model of its own on one thread."""

    task: Task[WindowT, OutputT, ResultT]
    checkpoint: Checkpoint
    hardware: Hardware
    quantize: Scheme | None


def schedule_in_workers(
    documents: DocumentReader, job: WorkerJob[WindowT, OutputT, ResultT], count: int, *, in_order: bool = True
) -> Generator[tuple[Input, FinishedDocument[ResultT] | Outcome], None, None]:
    """Do a task for many documents in `count` processes, and yield the result or the error of each.

    InputError and ResourceError fail one document; other errors end the run. Without `in_order` a result is
    yielded as soon as it is there.
    """
    pool = _WorkerPool(job, count)
    try:
        while documents.has_more or pool.waiting:
            while documents.has_more and len(pool.waiting) < AHEAD * count:
                if pool.waiting and documents.waits:
                    break  # reading could block, and there is something to yield
                item, found = next(documents)
                pool.add(item, found)
            yield pool.take(in_order=in_order)
    finally:
        pool.close()


class _WorkerPool(Generic[WindowT, OutputT, ResultT]):
    """Processes, and the documents that they have or that have their outcome, in order."""

    def __init__(self, job: WorkerJob[WindowT, OutputT, ResultT], count: int) -> None:
        self._job = job
        self._count = count
        self._pool = self._start()
        self.waiting: deque[tuple[Input, Document | None, Future[Any] | Outcome]] = deque()

    def _start(self) -> ProcessPoolExecutor:
        context = get_context("spawn")  # a fork would share torch's threads
        return ProcessPoolExecutor(self._count, context, _begin, (self._job, os.getpid()))

    def add(self, item: Input, found: Document | Outcome) -> None:
        """Send a document to the workers; what needs no computing waits for its turn."""
        if isinstance(found, Document):
            self.waiting.append((item, found, self._submit(found)))
        else:
            self.waiting.append((item, None, found))

    def take(self, *, in_order: bool) -> tuple[Input, FinishedDocument[ResultT] | Outcome]:
        """Wait for the first document, or for any, and return its outcome."""
        place = 0 if in_order else self._first_done()
        item, document, future = self.waiting[place]
        del self.waiting[place]
        if not isinstance(future, Future):
            return item, future
        assert document is not None
        try:
            return item, as_outcome(document, future.result())
        except BrokenProcessPool:
            return item, self._alone(document)

    def _first_done(self) -> int:
        while True:
            for place, (_, _, future) in enumerate(self.waiting):
                if not isinstance(future, Future) or future.done():
                    return place
            time.sleep(0.01)

    def _alone(self, document: Document) -> FinishedDocument[ResultT] | BbpError:
        """Do a document again with nothing beside it, so that it is known on which one a worker dies."""
        for _ in range(ATTEMPTS):
            self._pool.shutdown(cancel_futures=True)
            self._pool = self._start()
            try:
                answer = self._submit(document).result()
            except BrokenProcessPool:
                continue
            self._send_again()
            outcome: FinishedDocument[ResultT] | BbpError = as_outcome(document, answer)
            return outcome
        self._pool.shutdown(cancel_futures=True)
        self._pool = self._start()
        self._send_again()
        hint = "it may need more memory than there is: try --workers 1"
        return ResourceError(f"{ATTEMPTS} processes died of it", hint=hint)

    def _send_again(self) -> None:
        """Send what the broken pool had not finished to the new one."""
        for place, (item, document, future) in enumerate(self.waiting):
            if document is not None and isinstance(future, Future) and _is_broken(future):
                self.waiting[place] = item, document, self._submit(document)

    def _submit(self, document: Document) -> "Future[Any]":
        try:
            return self._pool.submit(_compute, document)
        except BrokenProcessPool as error:
            broken: Future[Any] = Future()
            broken.set_exception(error)
            return broken

    def close(self) -> None:
        """End the processes, also those in the middle of a document."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in active_children():
            process.kill()


def _is_broken(future: "Future[Any]") -> bool:
    if not future.done() or future.cancelled():
        return True
    return isinstance(future.exception(), BrokenProcessPool)


def as_outcome(document: Document, answer: tuple[Any, float] | BbpError) -> Any:
    """Return what a worker found; raise an error that ends the run."""
    if isinstance(answer, InputError | ResourceError):
        return answer
    if isinstance(answer, BbpError):
        raise answer
    result, seconds = answer
    return FinishedDocument(document, result, seconds)


# In a worker

_job: WorkerJob[Any, Any, Any] | None = None
_loaded: LoadedModel | None = None


def _begin(job: WorkerJob[Any, Any, Any], parent: int) -> None:
    """Load the model. Ctrl-C is the parent's matter; where it dies this process ends too."""
    global _job, _loaded
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if job.hardware.engine == "torch":
        import torch

        torch.set_num_threads(job.hardware.threads)
    _job, _loaded = job, load(job.checkpoint, job.hardware, job.quantize)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECKED_EVERY_S)
    os._exit(1)


def _compute(document: Document) -> tuple[Any, float] | BbpError:
    assert _job is not None
    assert _loaded is not None
    started = time.perf_counter()
    try:
        return run_one(_job.task, document, _loaded), time.perf_counter() - started
    except BbpError as error:
        return error
