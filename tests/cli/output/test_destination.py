"""Where results go, and that a file is written whole or not at all."""

import os
import stat
import threading
from pathlib import Path

import pytest

from bbp_cli.errors import ClosedOutputError, OutputError
from bbp_cli.files import write_file
from bbp_cli.output.records import json_line
from tests.conftest import DOCUMENTS, Bbp

TEXT, SUMMARY = next(iter(DOCUMENTS.items()))


def test_a_result_goes_to_the_named_file_and_not_to_stdout(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.txt").write_text(TEXT)
    done = warm_bbp("summarize", "--model", writer, "in.txt", "-o", "new/out.txt")
    assert (done.code, done.stdout) == (0, "")
    assert (tmp_path / "new/out.txt").read_text() == SUMMARY + "\n"
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["out.txt"]
    assert done.stderr == ""


def test_an_output_folder_mirrors_the_inputs_and_keeps_their_extensions(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    for name in ("a/report.pdf", "a/report.txt", "b.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT)
    done = warm_bbp("summarize", "--model", writer, "a", "b.txt", "--output-dir", "out")
    assert (done.code, done.stdout) == (0, "")
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.txt"))
    assert written == ["a/report.pdf.summary.txt", "a/report.txt.summary.txt", "b.txt.summary.txt"]
    assert (tmp_path / "out/b.txt.summary.txt").read_text() == SUMMARY + "\n"


def test_an_output_folder_takes_json_and_stdin(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    done = warm_bbp("summarize", "--json", "--model", writer, "--output-dir", "out", stdin=TEXT.encode())
    assert done.code == 0
    assert SUMMARY in (tmp_path / "out/stdin.summary.json").read_text()


def test_a_second_run_over_a_folder_does_not_read_its_own_results(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.txt").write_text(TEXT)
    for said in ("bbp: 1 made\n", "bbp: 1 made again\n"):
        done = warm_bbp("summarize", "--model", writer, ".", "--output-dir", "out", "--overwrite")
        assert done.stderr == said


def test_two_inputs_for_one_output_stop_the_run_before_the_model_loads(bbp: Bbp, tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "in.txt").write_text(TEXT)
    done = bbp("summarize", "--model", "missing/model", "x/in.txt", "../x/in.txt", "--output-dir", "out")
    assert (done.code, done.stdout) == (2, "")
    assert "x/in.txt and ../x/in.txt would both be written to out/x/in.txt.summary.txt" in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_existing_output_is_an_error_before_the_model_loads(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(TEXT)
    (tmp_path / "out.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/in.txt.summary.txt").write_text("mine")
    done = bbp("summarize", "in.txt", "-o", "out.txt")
    assert (done.code, done.stderr) == (7, "bbp: error: out.txt: exists already (--overwrite replaces it)\n")
    done = bbp("summarize", "in.txt", "--output-dir", "folder")
    assert (done.code, done.stdout) == (7, "")
    done = bbp("summarize", "in.txt", "-o", "folder", "--overwrite")
    assert (done.code, "is a folder" in done.stderr) == (7, True)
    assert (tmp_path / "out.txt").read_text() == "mine"


@pytest.mark.parametrize("output", ["in.txt", "folder/../in.txt", "link.txt"])
def test_a_document_is_never_replaced_by_its_summary(bbp: Bbp, tmp_path: Path, output: str) -> None:
    (tmp_path / "in.txt").write_text(TEXT)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.txt").symlink_to("in.txt")
    done = bbp("summarize", "in.txt", "-o", output, "--overwrite")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == (
        f"bbp: error: {output} is an input: its result cannot replace it (name another file)\n"
    )
    assert (tmp_path / "in.txt").read_text() == TEXT


def test_overwrite_replaces_the_file_and_keeps_its_mode(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("mine")
    (tmp_path / "out.txt").chmod(0o640)
    done = warm_bbp("summarize", "--model", writer, "-o", "out.txt", "--overwrite", stdin=TEXT.encode())
    assert done.code == 0
    assert (tmp_path / "out.txt").read_text() == SUMMARY + "\n"
    assert stat.S_IMODE((tmp_path / "out.txt").stat().st_mode) == 0o640


def test_a_place_that_cannot_be_written_is_an_output_error(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    done = warm_bbp("summarize", "--model", writer, "-o", "file/out.txt", stdin=TEXT.encode())
    assert (done.code, done.stdout) == (7, "")
    assert "file/out.txt: cannot write: " in done.stderr


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_file(tmp_path / "ours", "text\n")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_file(tmp_path / "link", "new\n")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new\n"


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    write_file(Path(os.devnull), "text\n")
    assert not Path(os.devnull).is_file()


def test_a_named_pipe_gets_the_text(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    write_file(pipe, "text\n")
    reader.join()
    assert heard == ["text\n"]


def test_a_named_pipe_without_reader_left_is_a_broken_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: pipe.open("rb").close())
    reader.start()
    with pytest.raises(ClosedOutputError):
        write_file(pipe, "text\n" * 1_000_000)
    reader.join()


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_file(target, BrokenText("new"))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


class BrokenText(str):
    """Text that cannot be encoded: stands for anything that fails while a file is being written."""

    def encode(self, *_: object) -> bytes:
        raise UnicodeEncodeError("utf-8", str(self), 0, 1, "broken")


def test_a_full_disk_is_reported_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No space left") as failed:
        write_file(Path("/dev/full"), "text\n")
    assert failed.value.file == "/dev/full"


def test_json_is_utf8_and_bytes_of_file_names_survive() -> None:
    line = json_line({"path": "caf\udce9 é 😀"})
    assert line == '{"path": "caf\\udce9 é 😀"}'
