"""Ctrl-C and SIGTERM in a run of several inputs: the document in progress is finished, then the run ends."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

from bbp_cli.errors import Interrupted, Terminated

Handler = Callable[[int, FrameType | None], object]
_VERBS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


@dataclass
class StopRequest:
    """Whether a signal has asked to stop; a second one, or one that finds the run waiting, stops at once."""

    is_waiting: Callable[[], bool]
    number: int | None = None
    _at_once: dict[int, Handler] = field(default_factory=dict)

    def error(self, progress: str) -> Interrupted | Terminated | None:
        """Return what ends the run, with its message; None where nobody asked."""
        if self.number is None:
            return None
        kind = Interrupted if self.number == signal.SIGINT else Terminated
        return kind(f"{_VERBS[signal.Signals(self.number)]}: {progress}")

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.number is None and not self.is_waiting():
            self.number = number
            # Not by `print_line`: the signal may have arrived while it writes.
            with suppress(OSError):
                os.write(2, b"bbp: finishing the document in progress; a second signal stops at once\n")
            return
        self._at_once[number](number, frame)


@contextmanager
def stop_requests(inputs: int, is_waiting: Callable[[], bool]) -> Iterator[StopRequest]:
    """Handle the signals while the block runs; `is_waiting` says that no document is in progress.

    A run of a single input has nothing to finish: signals stop it at once.
    """
    request = StopRequest(is_waiting)
    for number in _VERBS if inputs > 1 else ():
        handler = signal.getsignal(number)
        if callable(handler):  # not where a shell has the signal ignored
            request._at_once[number] = handler
            signal.signal(number, request.handle)
    try:
        yield request
    finally:
        for known, handler in request._at_once.items():
            signal.signal(known, handler)
