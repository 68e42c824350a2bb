"""What `bbp train` writes: all of it or nothing, and never over what is not its own."""

import resource
import subprocess
from pathlib import Path

import pytest
import torch
from bigbird_pegasus.training import TrainingState

from bbp_cli.errors import OutputError, ResourceError
from bbp_cli.training.run_folder import RunFolder, is_checkpoint_folder, writing_to
from tests.cli.process import command
from tests.cli.training_examples import FILES, write_data
from tests.conftest import Bbp


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Path]:
    return write_data(tmp_path)


@pytest.mark.parametrize("there", ["folder", "file"])
def test_an_output_that_exists_is_refused_before_the_data_are_read(
    there: str, bbp: Bbp, tmp_path: Path
) -> None:
    output = tmp_path / "made"
    if there == "folder":
        output.mkdir()
        (output / "precious.txt").write_text("mine")
    else:
        output.write_text("mine")
    done = bbp("train", "qa", "nowhere.jsonl", "-o", "made")
    assert (done.code, done.stdout) == (7, "")
    reason = "holds files that are not a checkpoint" if there == "folder" else "is not a folder"
    assert done.stderr.startswith(f"bbp: error: made: {reason}")


def test_overwrite_replaces_a_folder_and_an_empty_one_is_filled(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    made = tmp_path / "deep/made"
    made.mkdir(parents=True)
    arguments = ("train", "qa", data["qa"], "--base", extractive, "-o", made, "--epochs", 1)
    assert warm_bbp(*arguments).code == 0
    (made / "LICENSE").write_text("old")
    assert warm_bbp(*arguments, "--overwrite").code == 0
    assert {path.name for path in made.iterdir()} == FILES
    assert [path.name for path in made.parent.iterdir()] == ["made"]


@pytest.mark.parametrize("output", ["mine", "."])
@pytest.mark.parametrize("how", ["--overwrite", "--resume"])
def test_a_folder_that_is_no_checkpoint_is_never_replaced(
    output: str, how: str, bbp: Bbp, tmp_path: Path
) -> None:
    folder = tmp_path / output
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text('{"architectures": ["BigBirdPegasusForQuestionAnswering"]}')
    (folder / "thesis.txt").write_text("three years of work")
    done = bbp("train", "qa", "nowhere.jsonl", "-o", output, how)
    assert (done.code, done.stdout) == (7, "")
    assert f"{output}: holds files that are not a checkpoint, and is not replaced" in done.stderr
    assert (folder / "thesis.txt").read_text() == "three years of work"


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "# Ours"},
        {"config.json": '{"colour": "red"}', "README.md": "# Ours"},
        {"config.json": "{", "model.safetensors": ""},
        {"config.json": '{"model_type": "x"}', "model": None},
        {"config.json": '{"model_type": "x"}', "model.safetensors": None},
    ],
)
def test_a_checkpoint_folder_is_recognized_by_its_files(
    files: dict[str, str | None], writer: Path, tmp_path: Path
) -> None:
    assert is_checkpoint_folder(writer)
    for name, content in files.items():
        if content is None:
            (tmp_path / name).mkdir()
        else:
            (tmp_path / name).write_text(content)
    assert not is_checkpoint_folder(tmp_path)


def test_what_was_put_into_the_output_during_a_training_stays(tmp_path: Path) -> None:
    place = RunFolder(tmp_path / "made")
    assert place.prepare({}, resume=False, overwrite=True)
    place.best(1).mkdir()
    place.output.mkdir()
    (place.output / "thesis.txt").write_text("three years of work")
    with pytest.raises(OutputError, match="not a checkpoint"):
        place.finish(1)
    assert (place.output / "thesis.txt").exists()
    assert place.best(1).exists()


def test_a_folder_in_place_of_the_work_folder_is_left_alone(tmp_path: Path) -> None:
    place = RunFolder(tmp_path / "made")
    place.folder.mkdir()
    (place.folder / "diary.txt").write_text("Monday")
    with pytest.raises(OutputError, match="the training keeps its state there"):
        place.prepare({}, resume=False, overwrite=True)
    assert (place.folder / "diary.txt").exists()


def test_an_unwritable_output_is_reported(data: dict[str, Path], warm_bbp: Bbp, extractive: Path) -> None:
    done = warm_bbp("train", "qa", data["qa"], "--base", extractive, "-o", "/proc/made")
    assert done.code == 7
    assert done.stderr.splitlines()[-1].startswith("bbp: error: /proc/made: cannot write: ")


def test_a_full_disk_is_an_output_error_and_what_was_there_stays(
    data: dict[str, Path], extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made/config.json").write_text('{"model_type": "bigbird_pegasus"}')
    arguments = ["train", "qa", str(data["qa"]), "--base", str(extractive), "-o", "made", "--overwrite"]
    done = subprocess.run(
        command(*arguments),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 7, done.stderr
    assert done.stderr.splitlines()[-1].startswith("bbp: error: made: cannot write: ")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["config.json"]


def test_a_work_folder_that_the_system_refuses_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        RunFolder(tmp_path / "file/made").prepare({}, resume=False, overwrite=False)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory")])
def test_memory_that_runs_out_is_no_damage_and_no_full_disk(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_arguments: object, **_options: object) -> None:
        raise error

    place = RunFolder(tmp_path / "made")
    assert place.prepare({}, resume=False, overwrite=False)
    state = TrainingState(1, 0.5, {}, {})
    place.save_state(state, {"best": 0})
    assert place.load_state() == (state, {"best": 0})
    monkeypatch.setattr(torch, "load", run_out)
    monkeypatch.setattr(torch, "save", run_out)
    with pytest.raises(ResourceError, match="out of memory"):
        place.load_state()
    with pytest.raises(ResourceError, match="out of memory"):
        place.save_state(state, {"best": 0})
    with pytest.raises(type(error)), writing_to(tmp_path):
        run_out()
