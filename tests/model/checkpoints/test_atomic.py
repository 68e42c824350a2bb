"""A file appears whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bigbird_pegasus.checkpoints.atomic import atomic_write, remove_unfinished


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("old")
    place.chmod(0o640)
    atomic_write(place, lambda path: path.write_text("new"))
    assert (place.read_text(), place.stat().st_mode & 0o777) == ("new", 0o640)
    assert list(tmp_path.iterdir()) == [place]


def test_a_new_file_has_the_mode_that_others_have(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    atomic_write(tmp_path / "file", lambda path: path.write_text("new"))
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("name", ["要" * 84, "e" * 255, "é" * 127, "a" + "要" * 84])
def test_the_longest_names_can_be_written(tmp_path: Path, name: str) -> None:
    atomic_write(tmp_path / name, lambda path: path.write_text("new"))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder/file"
    target.write_text("old")
    (tmp_path / "link").symlink_to(target)
    atomic_write(tmp_path / "link", lambda path: path.write_text("new"))
    assert (tmp_path / "link").is_symlink()
    assert target.read_text() == "new"


def test_after_an_error_the_old_file_stands_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("old")

    def write(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(place, write)
    assert place.read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]


def test_after_a_kill_the_old_file_stands(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("old")
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from bigbird_pegasus.checkpoints.atomic import atomic_write, remove_unfinished\n"
        "def write(path):\n path.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "atomic_write(Path(sys.argv[1]), write)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(place)], env=dict(os.environ), check=False)
    assert done.returncode == -9
    assert place.read_text() == "old"


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    place = tmp_path / "re[p]ort.txt"
    command = (
        "import os, sys; from pathlib import Path; "
        "from bigbird_pegasus.checkpoints.atomic import atomic_write; "
        "atomic_write(Path(sys.argv[1]), lambda path: os.kill(os.getpid(), 9))"
    )
    assert subprocess.run([sys.executable, "-c", command, str(place)], check=False).returncode == -9
    (tmp_path / ".re[p]ort.txt.mine.tmp").touch()
    (tmp_path / "re[p]ort.txt").touch()
    assert len(list(tmp_path.iterdir())) == 3
    remove_unfinished(place)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".re[p]ort.txt.mine.tmp", "re[p]ort.txt"]
