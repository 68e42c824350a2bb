"""Run the steps of a summary: a generator that yields what is to be computed, and is sent the outputs."""

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT")
ResultT = TypeVar("ResultT")


def run_steps(
    steps: Generator[Sequence[ItemT], Sequence[OutputT], ResultT],
    compute: Callable[[Sequence[ItemT]], Sequence[OutputT]],
    batch_size: int,
) -> ResultT:
    """Return what `steps` return at their end; what they yield is computed `batch_size` at a time."""
    try:
        windows = next(steps)
        while True:
            outputs: list[OutputT] = []
            for start in range(0, len(windows), batch_size):
                outputs += compute(windows[start : start + batch_size])
            windows = steps.send(outputs)
    except StopIteration as stop:
        result: ResultT = stop.value
        return result
