"""Functions run in a fork of this process, with the time, the memory and the words they took."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

HANG_S = float(os.environ.get("BBP_TEST_HANG_S", "20"))  # a busy machine may need more
OUTSIDE = 99  # exit code of a function that raised


@dataclass(frozen=True)
class Ended:
    """How a fork ended: its exit code, or minus the signal; what it wrote; how far its memory grew."""

    code: int
    stdout: str
    stderr: str
    growth_bytes: int


def forked(function: Callable[[], int], folder: Path) -> Ended:
    """Run a function that returns an exit code in a fork, which is killed after `HANG_S`."""
    streams = [folder / "stdout", folder / "stderr"]
    before = psutil.Process().memory_info().rss
    child = os.fork()
    if child == 0:
        code = OUTSIDE
        try:
            for number, path in enumerate(streams, start=1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            sys.stdin, sys.stdout = open(os.devnull), open(1, "w")  # noqa: SIM115, PTH123
            sys.stderr = open(2, "w", errors="backslashreplace")  # noqa: SIM115
            code = function()
        except BaseException:  # noqa: BLE001 - it is what the caller looks for
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    end = time.monotonic() + HANG_S
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    stdout, stderr = (path.read_text(encoding="utf-8", errors="replace") for path in streams)
    return Ended(os.waitstatus_to_exitcode(status), stdout, stderr, usage.ru_maxrss * 1024 - before)
