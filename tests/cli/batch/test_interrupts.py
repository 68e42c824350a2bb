"""A run that is stopped, in whatever way, and continued ends with the files of an undisturbed one."""

import random
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from bbp_cli.batch.interrupts import stop_requests
from tests.cli.batch.test_resume import files, records, texts, without_timing
from tests.cli.process import Finished, WarmBbp, command
from tests.conftest import Bbp

COUNT = 8
KILLS = 50


class Runs:
    """Starts `bbp summarize` over a folder, undisturbed or with a signal on the way."""

    def __init__(
        self, server: WarmBbp, model: Path, folder: Path, environment: dict[str, str], output: list[str]
    ) -> None:
        self.server, self.folder, self.environment, self.output = server, folder, environment, output
        self.words = ("summarize", "--model", str(model), "in", *output)
        self.place = folder / output[-1]
        self.journal = self.place if self.place.suffix else self.place / ".bbp.jsonl"

    def start(self, *more: str, when: tuple[int, int] | None = None) -> Finished:
        """Run it; `when` is a signal, and the size of the journal at which it is sent."""
        watched = (when[0], self.journal, when[1]) if when else None
        return self.server.run((*self.words, *more), b"", self.folder, self.environment, watched)

    def content(self) -> dict[str, str] | str:
        """What there is, without timing."""
        return files(self.place) if self.place.is_dir() else without_timing(self.place.read_text())

    def clear(self) -> None:
        shutil.rmtree(self.place) if self.place.is_dir() else self.place.unlink()


@pytest.fixture(params=["text", "json", "lines"])
def runs(
    request: pytest.FixtureRequest,
    warm_server: WarmBbp,
    extractive: Path,
    tmp_path: Path,
    environment: dict[str, str],
) -> Runs:
    texts(tmp_path / "in", COUNT)
    output = {
        "text": ["--output-dir", "out"],
        "json": ["--json", "--output-dir", "out"],
        "lines": ["--json", "-o", "out.jsonl"],
    }[request.param]
    return Runs(warm_server, extractive, tmp_path, environment, output)


def killed_and_resumed(runs: Runs, draw: random.Random, kills: int) -> list[str]:
    """Kill runs at random moments, resume each, compare; return a line of log for each."""
    assert runs.start().code == 0
    whole, size = runs.content(), runs.journal.stat().st_size
    log = []
    for number in range(kills):
        runs.clear()
        at = draw.randrange(1, size)
        first = runs.start(when=(signal.SIGKILL, at))
        left = runs.journal.stat().st_size if runs.journal.exists() else 0
        resumed = runs.start("--resume")
        same = runs.content() == whole
        said = resumed.stderr.splitlines()[-1]
        log.append(
            f"{number + 1}: at byte {at} of {size}: exit {first.code}, {left} bytes left; {said}; {same}"
        )
        assert (resumed.code, same) == (0, True), log[-1]
    return log


def test_a_killed_run_is_resumed_to_the_same_bytes(runs: Runs) -> None:
    log = killed_and_resumed(runs, random.Random(0), 2)
    assert any("exit -9" in line for line in log)


@pytest.mark.slow
def test_fifty_killed_runs_are_resumed_to_the_same_bytes(runs: Runs) -> None:
    for line in killed_and_resumed(runs, random.Random(1), KILLS):
        print(line)


@pytest.mark.parametrize(
    ("number", "code", "verb"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_lets_the_document_in_progress_be_finished(
    runs: Runs, number: signal.Signals, code: int, verb: str
) -> None:
    assert runs.start().code == 0
    whole = runs.content()
    runs.clear()
    done = runs.start(when=(number, 1))
    assert (done.code, done.stdout) == (code, "")
    written = len(records(runs.journal))
    lines = done.stderr.splitlines()
    assert "bbp: finishing the document in progress; a second signal stops at once" in lines
    assert lines[-1] == f"bbp: {verb}: {written} of {COUNT} done; run the same command with --resume"
    assert 0 < written < COUNT
    resumed = runs.start("--resume")
    assert resumed.stderr.endswith(f"bbp: {COUNT - written} made, {written} kept\n")
    assert runs.content() == whole


def test_a_second_signal_stops_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    stops: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: stops.append(number))
    try:
        with stop_requests(2, is_waiting=lambda: False) as request:
            signal.raise_signal(signal.SIGINT)
            assert (stops, str(request.error("1 of 2 done"))) == ([], "interrupted: 1 of 2 done")
            signal.raise_signal(signal.SIGINT)
            assert stops == [signal.SIGINT]
        assert capfd.readouterr().err.count("second signal") == 1
        signal.raise_signal(signal.SIGINT)  # the handler is what it was
        assert len(stops) == 2
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("inputs", "waits"), [(1, False), (2, True)], ids=["single", "waiting"])
def test_a_signal_stops_at_once_where_there_is_nothing_to_finish(inputs: int, waits: bool) -> None:
    stops: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: stops.append(number))
    try:
        with stop_requests(inputs, is_waiting=lambda: waits) as request:
            signal.raise_signal(signal.SIGTERM)
            assert (stops, request.error("")) == ([signal.SIGTERM], None)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_full_disk_ends_the_run_and_loses_nothing(
    runs: Runs, extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    assert runs.start().code == 0
    whole, size = runs.content(), runs.journal.stat().st_size
    runs.clear()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    done = subprocess.run(
        command(*runs.words),
        capture_output=True,
        cwd=tmp_path,
        env=environment,
        check=False,
        preexec_fn=limit,
    )
    assert done.returncode == 7
    assert "cannot write: File too large" in done.stderr.decode()
    kept = len(records(runs.journal))
    assert 0 < kept < COUNT
    assert runs.start("--resume").stderr.endswith(f"bbp: {COUNT - kept} made, {kept} kept\n")
    assert runs.content() == whole


def test_a_reader_that_goes_away_ends_the_run_silently(
    extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    texts(tmp_path / "in", 150)  # records for more than a pipe holds
    line = " ".join(command("summarize", "-q", "--model", str(extractive), "--json", "in"))
    script = f"{line} | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, cwd=tmp_path, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(("option", "read"), [("--fail-fast", 1), ("--max-failures=2", 2)])
def test_a_run_ends_at_the_failure_that_is_one_too_many(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path, option: str, read: int
) -> None:
    texts(tmp_path / "in", 6)
    for number in (1, 3):
        (tmp_path / f"in/{number}.txt").write_text("")
    done = warm_bbp("summarize", "--model", extractive, "in", "--output-dir", "out", option)
    assert done.code == 6
    names = ", ".join(["in/1.txt", "in/3.txt"][:read])
    assert done.stderr.splitlines()[-1] == (
        f"bbp: error: stopped at {read} of 6 inputs failed: {names}; "
        f"{read} of 6 done; run the same command with --resume"
    )


def test_the_last_line_names_ten_failures(bbp: Bbp, tmp_path: Path) -> None:
    texts(tmp_path / "in", 12)
    for path in (tmp_path / "in").iterdir():
        path.write_text("")
    done = bbp("summarize", "in")
    names = ", ".join(sorted(f"in/{number}.txt" for number in range(12))[:10])
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1] == f"bbp: error: all 12 inputs failed: {names} and 2 more"
