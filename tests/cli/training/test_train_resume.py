"""A training that is stopped, by whomever, goes on and ends as if it had not been."""

import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.process import command
from tests.cli.training_examples import write_data
from tests.conftest import Bbp


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Path]:
    return write_data(tmp_path)


def kill_after_states(count: int, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run `bbp train` until it has saved so many states, and kill it."""
    state = folder / f".{arguments[arguments.index('-o') + 1]}.training/state.pt"
    with subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        seen = set()
        for _ in process.stderr:
            with suppress(FileNotFoundError):
                seen.add(state.stat().st_mtime_ns)
            if len(seen) == count:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL


def test_a_killed_training_resumes_to_the_same_weights(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    def arguments(output: str) -> list[str]:
        texts = ["train", "classify", data["classify"], "--base", extractive, "-o", output, "--threads", 1]
        return [str(word) for word in [*texts, "--epochs", 40, "--batch-size", 2]]

    whole = warm_bbp(*arguments("whole"))
    assert whole.code == 0, whole.stderr
    kill_after_states(2, arguments("stopped"), tmp_path, environment)
    work = tmp_path / ".stopped.training"
    assert (work / "state.pt").is_file()
    assert not (tmp_path / "stopped").exists()

    refused = warm_bbp(*arguments("stopped"))
    assert refused.code == 7
    assert "--resume continues it" in refused.stderr
    other = warm_bbp(*arguments("stopped"), "--resume", "--seed", 5)
    assert (other.code, other.stdout) == (2, "")
    assert "started with seed 0, not 5" in other.stderr

    resumed = warm_bbp(*arguments("stopped"), "--resume", "-v")
    assert resumed.code == 0, resumed.stderr
    assert "resuming after update" in resumed.stderr
    assert "resuming after update 1\n" not in resumed.stderr
    for file in sorted(path.name for path in (tmp_path / "whole").iterdir()):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "stopped" / file).read_bytes(), file
    assert not work.exists()


def test_resume_starts_a_new_training_and_does_not_change_a_finished_one(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    arguments = ("train", "qa", data["qa"], "--base", extractive, "-o", "made", "--epochs", 1, "--resume")
    first = warm_bbp(*arguments)
    assert first.code == 0, first.stderr
    before = (tmp_path / "made/model.safetensors").stat().st_mtime_ns
    again = warm_bbp(*arguments, "-v")
    assert (again.code, again.stdout) == (0, "made\n")
    assert "this training is complete" in again.stderr
    assert (tmp_path / "made/model.safetensors").stat().st_mtime_ns == before
    other = warm_bbp(*arguments, "--epochs", 2)
    assert other.code == 7
    assert "made: is not empty" in other.stderr


def test_a_damaged_state_is_an_error(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    arguments = ["train", "qa", str(data["qa"]), "--base", str(extractive), "-o", "made", "--epochs", "99"]
    kill_after_states(1, arguments, tmp_path, environment)
    work = tmp_path / ".made.training"
    whole = (work / "state.pt").read_bytes()
    for damaged in (b"PK\x03\x04 nothing", whole[:-999], b"", b"nothing", whole.replace(b"notes", b"nodes")):
        (work / "state.pt").write_bytes(damaged)
        state = warm_bbp(*arguments, "--resume")
        assert state.code == 7
        assert "the saved state is damaged" in state.stderr
    (work / "state.pt").unlink()
    (work / "state.pt").mkdir()
    state = warm_bbp(*arguments, "--resume")
    assert state.code == 7
    assert "state.pt: cannot be read: Is a directory" in state.stderr
    (work / "run.json").write_text("{")
    run = warm_bbp(*arguments, "--resume")
    assert run.code == 7
    assert "run.json: is damaged" in run.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_prints_how_to_resume(
    number: signal.Signals,
    data: dict[str, Path],
    extractive: Path,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    arguments = ["train", "qa", str(data["qa"]), "--base", str(extractive), "-o", "made", "--epochs", "999"]
    with subprocess.Popen(
        command(*arguments), cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "epoch 1/999" in line:
                process.send_signal(number)
                break
        rest = process.stderr.read()
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert "bbp: run the same command with --resume to continue this training\n" in rest
    assert "Traceback" not in rest
