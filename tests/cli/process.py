"""Running the real `bbp` as users do: a process with its own streams and exit code.

`run` starts one. `WarmBbp` does too, but from a process that has imported torch already, so that the many
cases that load a model do not wait for the import each time: fork, point the streams elsewhere, call `main`.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

SERVER = """
import json, os, sys, time
import numpy, sentencepiece, sentencex, torch, torch._dynamo
import bigbird_pegasus.modeling.sentence_extraction
import bigbird_pegasus.modeling.heads
import bigbird_pegasus.loading
import bbp_cli.commands.app
import bbp_cli.main

for line in sys.stdin:
    request = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
            os.dup2(os.open(request["streams"][number], mode), number)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", errors="backslashreplace")
        code = 99
        try:
            code = bbp_cli.main.main(request["arguments"])
            sys.stdout.flush()
        finally:
            os._exit(code)
    watched = request["signal"]
    if watched:
        number, path, size = watched
        ended = 0
        while not ended and not (os.path.exists(path) and os.path.getsize(path) >= size):
            time.sleep(0.001)
            ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        if not ended:
            os.kill(child, number)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps(status), flush=True)
"""


@dataclass(frozen=True)
class Finished:
    """How a process ended and what it said."""

    code: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON records on stdout."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def clean_environment(home: Path, **changes: str) -> dict[str, str]:
    """This environment without the user's settings, and with an empty model cache of its own."""
    mine = ("BBP_", "HF_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")  # xdist sets COLUMNS
    kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    return {
        **kept,
        "HF_HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "TERM": "xterm",
        "BBP_DTYPE": "float32",
        **changes,
    }


def command(*arguments: str) -> list[str]:
    """The `bbp` command by the Python that runs the tests."""
    return [sys.executable, "-m", "bbp_cli", *arguments]


def run(arguments: tuple[str, ...], stdin: bytes, folder: Path, environment: dict[str, str]) -> Finished:
    """Run `bbp` in a process of its own."""
    done = subprocess.run(
        command(*arguments), input=stdin, capture_output=True, cwd=folder, env=environment, check=False
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


class WarmBbp:
    """A server that forks a `bbp` process for each request."""

    def __init__(self, environment: dict[str, str]) -> None:
        one_thread = {**environment, "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=one_thread,
        )

    def __enter__(self) -> "WarmBbp":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def run(
        self,
        arguments: tuple[str, ...],
        stdin: bytes,
        folder: Path,
        environment: dict[str, str],
        when: tuple[int, Path, int] | None = None,
        stdout: str | None = None,
        stderr: str | None = None,
    ) -> Finished:
        """Run `bbp` in a fork of the server; `stdout` and `stderr` can be devices instead of files.

        `when` is a signal to send as soon as a file has grown to a size.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        with tempfile.TemporaryDirectory() as streams:
            paths = [Path(streams, name) for name in ("stdin", "stdout", "stderr")]
            paths[0].write_bytes(stdin)
            for path in paths[1:]:
                path.touch()
            streams_of_bbp = [str(paths[0]), stdout or str(paths[1]), stderr or str(paths[2])]
            request = {
                "arguments": arguments,
                "folder": str(folder),
                "environment": environment,
                "streams": streams_of_bbp,
                "signal": when and (int(when[0]), str(when[1]), when[2]),
            }
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
            code = int(json.loads(self._server.stdout.readline()))
            return Finished(code, paths[1].read_bytes().decode(), paths[2].read_bytes().decode())
