"""Windows of one document or of several, given to a model together; what is found comes in order.

A task is a generator for each document: it yields the windows that the model is to read, is sent what the
model made of each, and returns what it found. Here several run at once. Windows are taken in their order, so
a document is finished before a later one, and no more documents are begun than the next batch needs.
"""

import stat
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from bbp_cli.documents.document import STDIN, Document
from bbp_cli.documents.inputs import Input
from bbp_cli.errors import BbpError, InputError, ResourceError
from bbp_cli.models.memory import memory_errors
from bbp_cli.tasks.results import ProgressBar
from bbp_cli.tasks.task import Compute, FoundT, Steps


@dataclass
class Work(Generic[FoundT]):
    """One document on its way. At the end there is either `found` or `error`.

    `seconds` is what it took: of windows that were read together, each has an equal share.
    """

    item: Input
    document: Document | None = None
    found: FoundT | None = None
    error: BbpError | None = None
    seconds: float = 0.0
    windows: Sequence[Any] = ()
    results: list[Any] = field(default_factory=list)
    steps: Steps[FoundT] | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to read."""
        return self.steps is None

    def advance(self, results: Sequence[Any] | None) -> None:
        """Hand over the results of the last windows, and learn which are next."""
        if self.steps is None:
            return
        started = time.perf_counter()
        try:
            with memory_errors():
                self.windows = self.steps.send(results)  # type: ignore[arg-type]  # None begins a generator
            self.results = []
            if not self.windows:
                self.advance([])
        except StopIteration as stop:
            self.found, self.steps = stop.value, None
        except (InputError, ResourceError) as error:
            self.fail(error)
        self.seconds += time.perf_counter() - started

    def fail(self, error: BbpError) -> None:
        """Give up this document."""
        self.error, self.steps = error, None


Begin = Callable[[Input], tuple[Document, Steps[FoundT]]]
"""Reads an input and says what is to be done with it; raises InputError where it cannot be read."""


def in_order(
    items: Sequence[Input],
    begin: Begin[FoundT],
    compute: Compute,
    size: Callable[[], int],
    progress: ProgressBar,
) -> Iterator[Work[FoundT]]:
    """Run the tasks of many inputs, up to `size` windows together, and give each as soon as its turn comes.

    `size` is asked when there is a first document to read. An input that fails takes no other with it. Where
    memory runs out for windows together, they are read one by one.
    """
    coming = deque(items)
    waiting: deque[Work[FoundT]] = deque()
    while coming or waiting:
        if not waiting:
            waiting.append(_begun(coming.popleft(), begin))
        first = waiting[0]
        if not first.is_done:
            with progress(first.item.path, len(first.windows)) as step:
                for _ in first.results:
                    step()
                while not first.is_done:
                    while coming and _has_room(waiting, size()) and not _keeps_waiting(coming[0]):
                        waiting.append(_begun(coming.popleft(), begin))
                    for work in _read(_next_windows(waiting, size()), compute):
                        if work is first:
                            step()
        yield waiting.popleft()


def _begun(item: Input, begin: Begin[FoundT]) -> Work[FoundT]:
    work: Work[FoundT] = Work(item)
    try:
        work.document, work.steps = begin(item)
    except InputError as error:
        work.fail(error)
    work.advance(None)
    return work


def _has_room(waiting: Sequence[Work[FoundT]], size: int) -> bool:
    unread = sum(len(work.windows) - len(work.results) for work in waiting if not work.is_done)
    return unread < size and len(waiting) < size


def _next_windows(waiting: Sequence[Work[FoundT]], size: int) -> list[tuple[Work[FoundT], Any]]:
    batch: list[tuple[Work[FoundT], Any]] = []
    for work in waiting:
        if not work.is_done:
            start = len(work.results)
            batch += [(work, window) for window in work.windows[start : start + size - len(batch)]]
    return batch


def _read(batch: Sequence[tuple[Work[FoundT], Any]], compute: Compute) -> list[Work[FoundT]]:
    """Read windows together, and return the work of each."""
    batch = [(work, window) for work, window in batch if not work.is_done]
    started = time.perf_counter()
    try:
        with memory_errors():
            results = compute([window for _, window in batch]) if batch else []
    except ResourceError as error:
        if len(batch) == 1:
            batch[0][0].fail(error)
            return [batch[0][0]]
        return [work for one in batch for work in _read([one], compute)]
    share = (time.perf_counter() - started) / max(1, len(batch))
    for (work, _), result in zip(batch, results, strict=True):
        work.seconds += share
        work.results.append(result)
        if len(work.results) == len(work.windows):
            work.advance(work.results)
    return [work for work, _ in batch]


def _keeps_waiting(item: Input) -> bool:
    """Whether what is read may take its time to come: stdin, or a named pipe."""
    if item.path == STDIN:
        return True
    try:
        return not stat.S_ISREG(Path(item.path).stat().st_mode)
    except (OSError, ValueError):
        return False  # it fails in its turn
