"""A process that reads PDFs, so that a hang or a bomb costs one document: bounded in time and memory.

It is started for the first PDF and kept for the others of a run. Messages are a length (8 bytes) and so many
bytes. A request is two: a list of pages to leave out, and the file. Answers are JSON: a number for each page
that is begun, then what was read. A page that the process dies of is left out when it is asked again. A fork
of this process starts its own.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

from bbp_cli.errors import InputError

TIME_S = 60.0  # for a PDF of a few pages; an ordinary page takes 10 ms
TIME_S_PER_MB = 10.0
PAGE_TIME_S = 20  # of the processor
MEMORY_BYTES = 1 << 30  # with what Python and its libraries need, but not the file
ATTEMPTS = 3  # a process may also be killed for something else than its document
MAX_BAD_PAGES = 3
_HEADER = 8

_START = (
    "import sys; sys.path[:] = {path!r}; from bbp_cli.documents.pdf.process import serve; serve({limits!r})"
)


INPUT_BYTES = 1_000_000_000


@dataclass(frozen=True)
class ReadingLimits:
    """What reading one document may take; `time_s` None: more for a larger one, `input_bytes`: its file.

    `only_beginning`: no more of a file of plain text is read than a model's first window needs.
    """

    time_s: float | None = None
    memory_bytes: int = MEMORY_BYTES
    input_bytes: int = INPUT_BYTES
    only_beginning: bool = False

    def time_for(self, data: bytes) -> float:
        """Return the seconds for a file."""
        return TIME_S + TIME_S_PER_MB * len(data) / 1e6 if self.time_s is None else self.time_s


DEFAULT_LIMITS = ReadingLimits()


class _DiedError(Exception):
    """The process died while it read `page` (from 0; -1 before the first)."""

    def __init__(self, page: int, cause: Literal["late", "killed", "crashed"]) -> None:
        super().__init__(page)
        self.page, self.cause = page, cause


@dataclass
class _Reader:
    """The process, which process started it, and its limits."""

    process: subprocess.Popen[bytes]
    parent: int
    limits: ReadingLimits

    def ask(self, data: bytes, left_out: Sequence[int], time_s: float) -> dict[str, Any]:
        """Send a file and return the answer.

        Raises:
            _DiedError: the process died, or took longer than `time_s`.
        """
        late = threading.Event()

        def stop() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(time_s, stop)
        timer.daemon = True
        timer.start()
        page = -1
        try:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                _send(self.process.stdin, json.dumps(list(left_out)).encode())
                _send(self.process.stdin, data)
                while (answer := _receive(self.process.stdout)) is not None:
                    found = json.loads(answer)
                    if isinstance(found, dict):
                        return found
                    page = found
        finally:
            timer.cancel()
        code = self.process.wait()
        self.close()
        if late.is_set():
            raise _DiedError(page, "late")
        raise _DiedError(page, "killed" if code == -signal.SIGKILL else "crashed")

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


_reader: _Reader | None = None
_lock = threading.Lock()


def read_in_process(data: bytes, limits: ReadingLimits = DEFAULT_LIMITS) -> dict[str, Any]:
    """Return what `reader.read` makes of a file.

    Raises:
        InputError: of `reader.read`, or the file takes too much time, or ends `ATTEMPTS` processes.
    """
    with _lock:
        answer = _asked(data, limits)
    if "error" in answer:
        raise InputError(**answer["error"])
    return answer


def _asked(data: bytes, limits: ReadingLimits) -> dict[str, Any]:
    end = time.monotonic() + limits.time_for(data)
    left_out: list[int] = []
    attempts = 0
    while True:
        try:
            answer = _current(limits).ask(data, left_out, max(0.0, end - time.monotonic()))
            break
        except _DiedError as error:
            _stop()
            attempts += error.cause == "killed"
            at_page = error.cause == "crashed" and error.page >= 0 and error.page not in left_out
            if at_page and len(left_out) < MAX_BAD_PAGES:
                left_out.append(error.page)
            elif error.cause != "killed" or attempts == ATTEMPTS:
                raise _refusal(data, limits, late=error.cause == "late") from error
        except BaseException:
            _stop()
            raise
    if left_out and not answer.get("text"):
        raise _refusal(data, limits, late=False)
    for page in left_out:
        answer["warnings"].append(f"page {page + 1} is not read: it takes too much time or memory")
    return answer


def _current(limits: ReadingLimits) -> _Reader:
    global _reader
    if _reader is not None and _reader.parent != os.getpid():
        _reader = None  # it belongs to the process that this one was forked from
    if _reader is not None and _reader.limits != limits:
        _stop()
    if _reader is None:
        start = _START.format(path=sys.path, limits=(limits.time_s, limits.memory_bytes))
        command = [sys.executable, "-P", "-c", start]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        _reader = _Reader(process, os.getpid(), limits)
        atexit.register(_stop)
    return _reader


def _stop() -> None:
    global _reader
    if _reader is not None and _reader.parent == os.getpid():
        _reader.close()
    _reader = None
    atexit.unregister(_stop)


def _refusal(data: bytes, limits: ReadingLimits, *, late: bool) -> InputError:
    hint = "print it to a new PDF, or give its text"
    if late:
        message = f"reading the PDF takes more than {limits.time_for(data):g} seconds"
        return InputError(message, hint=hint, code="too_slow")
    gigabytes = limits.memory_bytes / (1 << 30)
    message = f"reading the PDF takes more than {gigabytes:.3g} GB of memory, or it is damaged"
    return InputError(message, hint=hint, code="too_large")


def _send(stream: IO[bytes], data: bytes) -> None:
    stream.write(len(data).to_bytes(_HEADER, "big"))
    stream.write(data)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """Return the next message; None where the other end is gone."""
    header = stream.read(_HEADER)
    if len(header) < _HEADER:
        return None
    size = int.from_bytes(header, "big")
    data = stream.read(size)
    return data if len(data) == size else None


# In the process itself


def serve(limits_of_run: tuple[float | None, int]) -> None:
    """Read PDFs from stdin until it ends, within limits of time and memory."""
    limits = ReadingLimits(*limits_of_run)
    from bbp_cli.documents.pdf.reader import read

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever libraries print
    while (left_out := _receive(sys.stdin.buffer)) is not None:
        if (data := _receive(sys.stdin.buffer)) is None:
            return
        _limit_memory(limits.memory_bytes + len(data))

        def begin(page: int) -> None:
            _send(answers, str(page).encode())
            _limit_time(PAGE_TIME_S)

        begin(-1)
        try:
            answer = read(data, json.loads(left_out), begin)
        except InputError as error:
            answer = {"error": {"message": error.message, "hint": error.hint, "code": error.code}}
        except MemoryError:
            return
        except Exception as error:  # noqa: BLE001 - whatever a damaged file does to a library costs that file alone
            message = f"damaged PDF: {type(error).__name__}: {error}"[:300]
            answer = {
                "error": {
                    "message": message,
                    "hint": "print it to a new PDF, or give its text",
                    "code": "corrupt",
                }
            }
        _send(answers, json.dumps(answer).encode())


def _limit_memory(memory_bytes: int) -> None:
    """Bound the memory of this process."""
    try:
        import resource
    except ImportError:  # Windows: there is no such limit, the parent's clock is all
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: int) -> None:
    """Bound the processor time from now on: nobody stops this process where its parent was killed."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
