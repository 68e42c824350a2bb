"""A process that reads PDFs, so that a hang or a bomb costs one document: bounded in time and memory.

It is started for the first PDF and kept for the others of a run. Requests and answers are a length (8 bytes)
and so many bytes: the file, and JSON. A fork of this process starts its own.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import IO, Any

from bbp_cli.errors import InputError

TIME_S = 60.0  # for a PDF of a few pages; an ordinary page takes 10 ms
TIME_S_PER_MB = 10.0
MEMORY_BYTES = 2 << 30
ATTEMPTS = 3  # a process may also die of something else than its document
_HEADER = 8

_START = (
    "import sys; sys.path[:] = {path!r}; from bbp_cli.documents.pdf_process import serve; serve({limits!r})"
)


INPUT_BYTES = 1_000_000_000


@dataclass(frozen=True)
class ReadingLimits:
    """What reading one document may take; `time_s` None: more for a larger one, `input_bytes`: its file."""

    time_s: float | None = None
    memory_bytes: int = MEMORY_BYTES
    input_bytes: int = INPUT_BYTES

    def time_for(self, data: bytes) -> float:
        """Return the seconds for a file."""
        return TIME_S + TIME_S_PER_MB * len(data) / 1e6 if self.time_s is None else self.time_s


DEFAULT_LIMITS = ReadingLimits()


@dataclass
class _Reader:
    """The process, which process started it, and its limits."""

    process: subprocess.Popen[bytes]
    parent: int
    limits: ReadingLimits

    def ask(self, data: bytes, time_s: float) -> dict[str, Any]:
        """Send a file and return the answer.

        Raises:
            InputError: the process died, or took longer than `time_s`.
        """
        late = threading.Event()

        def stop() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(time_s, stop)
        timer.daemon = True
        timer.start()
        try:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            try:
                _send(self.process.stdin, data)
                answer = _receive(self.process.stdout)
            except BrokenPipeError:
                answer = None
        finally:
            timer.cancel()
        if answer is None:
            self.close()
            raise _died(time_s if late.is_set() else None, self.limits)
        found: dict[str, Any] = json.loads(answer)
        return found

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
    """Return what `pdf_reader.read` makes of a file.

    Raises:
        InputError: of `pdf_reader.read`, or the file takes too much time, or ends `ATTEMPTS` processes.
    """
    with _lock:
        answer = _asked(data, limits)
    if "error" in answer:
        raise InputError(**answer["error"])
    return answer


def _asked(data: bytes, limits: ReadingLimits) -> dict[str, Any]:
    attempt = 1
    while True:
        try:
            return _current(limits).ask(data, limits.time_for(data))
        except InputError as error:
            _stop()
            if error.code == "too_slow" or attempt == ATTEMPTS:
                raise
            attempt += 1
        except BaseException:
            _stop()
            raise


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


def _died(time_s: float | None, limits: ReadingLimits) -> InputError:
    if time_s is not None:
        return InputError(
            f"reading the PDF takes more than {time_s:g} seconds",
            hint="print it to a new PDF, or give its text",
            code="too_slow",
        )
    gigabytes = limits.memory_bytes / (1 << 30)
    return InputError(
        f"reading the PDF takes more than {gigabytes:.3g} GB of memory, or it is damaged",
        hint="print it to a new PDF, or give its text",
        code="too_large",
    )


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
    import signal

    from bbp_cli.documents.pdf_reader import read

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever libraries print
    while (data := _receive(sys.stdin.buffer)) is not None:
        _limit(limits.time_for(data), limits.memory_bytes)
        try:
            answer = read(data)
        except InputError as error:
            answer = {"error": {"message": error.message, "hint": error.hint, "code": error.code}}
        except MemoryError:
            died = _died(None, limits)
            answer = {"error": {"message": died.message, "hint": died.hint, "code": died.code}}
            _send(answers, json.dumps(answer).encode())
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


def _limit(time_s: float, memory_bytes: int) -> None:
    """Bound memory, and processor time too: nobody stops this process where its parent was killed."""
    try:
        import resource
    except ImportError:  # Windows: there is no such limit, the parent's clock is all
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, resource.RLIM_INFINITY))
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + time_s) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
