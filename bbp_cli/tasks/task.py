"""The protocol between a task and what runs it: windows out, results in."""

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.models.memory import memory_errors
from bbp_cli.tasks.results import ProgressBar

SHORT_WINDOWS = 8  # of models that only read: long ones gain nothing by company, short ones do up to so many

FoundT = TypeVar("FoundT")

Steps = Generator[Sequence[Any], Sequence[Any], FoundT]
"""Yields windows, is sent a result for each of them, and returns what was found."""

Compute = Callable[[Sequence[Any]], Sequence[Any]]
"""Windows that are read together to their results. What one gets does not depend on the others."""


def windows_at_once(_loaded: LoadedModel) -> int:
    """How many windows are best read together by a model that does not write."""
    return SHORT_WINDOWS


def alone(steps: Steps[FoundT], compute: Compute, path: str, progress: ProgressBar) -> FoundT:
    """Run the task of one document, one window after the other."""
    try:
        windows = next(steps)
        with progress(path, len(windows)) as step:
            while True:
                results: list[Any] = []
                for window in windows:
                    with memory_errors():
                        results += compute([window])
                    step()
                windows = steps.send(results)
    except StopIteration as stop:
        found: FoundT = stop.value
        return found
