"""The protocol of a task, and how to run one for a single document.

A task plans a document: it yields the windows that the model is to read, is sent the model's output for each
of them, and returns the result. The caller decides which windows are computed together: those of one
document (`run_one`), or those of several (`bbp_cli.batch.scheduler`).
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Protocol, TypeVar

from bigbird_pegasus.summarization.options import OnText

from bbp_cli.documents.document import Document
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.models.memory import memory_errors

SHORT_WINDOWS = 8  # batching helps short windows only, up to 8; long ones are as fast one by one

WindowT = TypeVar("WindowT")
OutputT = TypeVar("OutputT")
ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)

TaskSteps = Generator[Sequence[WindowT], Sequence[OutputT], ResultT]
"""Yield windows, receive the output of each, return the result."""


class Task(Protocol[WindowT, OutputT, ResultT_co]):
    """Work to do for each document of a run: implemented by frozen dataclasses that hold its options."""

    def params(self, loaded: LoadedModel) -> Mapping[str, object]:
        """Return the options that hold with this model, as JSON records show them."""

    def identities(self) -> Sequence[Mapping[str, object]]:
        """Return for each record of a document all options, as JSON, that decide what it says."""

    def plan(
        self, document: Document, loaded: LoadedModel, on_text: OnText | None = None
    ) -> TaskSteps[WindowT, OutputT, ResultT_co]:
        """Return the steps from a document to its result; `on_text` only where the task streams.

        Raises:
            UsageError: the options do not fit the model.
        """

    def compute(self, loaded: LoadedModel, windows: Sequence[WindowT]) -> Sequence[OutputT]:
        """Return the model's output for each window, which does not depend on the other windows.

        Raises:
            UsageError: an option is impossible, or does not fit the model.
            ModelError: the model computes NaN or infinity.
        """

    def batch_size(self, loaded: LoadedModel) -> int:
        """Return how many windows are best computed together."""

    def streams(self, loaded: LoadedModel) -> bool:
        """Return whether text can be shown while it grows: what was written does not change any more."""


def run_one(
    task: Task[WindowT, OutputT, ResultT],
    document: Document,
    loaded: LoadedModel,
    on_text: OnText | None = None,
) -> ResultT:
    """Do a task for one document, as many windows together as the task proposes; singly with `on_text`.

    Raises:
        InputError: the document does not fit the task.
        ResourceError: it does not fit into memory.
        UsageError, ModelError: see `Task`.
    """
    steps = task.plan(document, loaded, on_text)
    together = task.batch_size(loaded) if on_text is None else 1
    try:
        windows = next(steps)
        while True:
            outputs: list[OutputT] = []
            for first in range(0, len(windows), together):
                with memory_errors():
                    outputs += task.compute(loaded, windows[first : first + together])
            windows = steps.send(outputs)
    except StopIteration as stop:
        result: ResultT = stop.value
        return result
