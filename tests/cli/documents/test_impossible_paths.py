"""Names that no file can have, folders that cannot be read: one line, an exit code, and the rest goes on."""

import os
import subprocess
from pathlib import Path

import pytest

from bbp_cli.documents.inputs import InputOptions, collect
from bbp_cli.files import exists, is_folder
from tests.cli.process import command
from tests.conftest import STORY, Bbp

LONG = "a" * 300
PROSE = "A short text about a boat that lay in the harbour."


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "a.txt").write_text(PROSE)
    return "a.txt"


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (3, ("summarize", LONG)),
        (3, ("extract", LONG)),
        (3, ("summarize", "--files-from", LONG)),
        (3, ("qa", "--questions", LONG, "a.txt")),
        (4, ("summarize", "--model", LONG, "a.txt")),
        (4, ("summarize", "--model", f"{LONG}/{LONG}", "a.txt")),
        (4, ("models", "path", LONG)),
        (4, ("models", "rm", LONG)),
        (7, ("summarize", "-o", LONG, "a.txt")),
        (7, ("summarize", "--output-dir", LONG, "a.txt")),
        (2, ("models", "path", "owner/name", "--revision", LONG)),
    ],
)
def test_a_name_that_is_too_long_is_no_bug(
    code: int, arguments: tuple[str, ...], bbp: Bbp, text: str
) -> None:
    done = bbp(*arguments)
    assert (done.code, done.stdout) == (code, "")
    assert done.stderr.startswith("bbp: error: ")
    assert done.stderr.count("\n") == 1


EMPTY = [
    ("summarize", ""),
    ("summarize", "a.txt", "-o", ""),
    ("summarize", "a.txt", "--output-dir", ""),
    ("summarize", "--files-from", ""),
    ("summarize", "a.txt", "--model", ""),
    ("classify", "a.txt", "--model", ""),
    ("qa", "", "a.txt"),
    ("qa", "--questions", "", "a.txt"),
    ("train", "classify", "", "-o", "new"),
    ("train", "classify", "a.txt", "-o", ""),
    ("train", "classify", "a.txt", "-o", "new", "--val", ""),
    ("train", "classify", "a.txt", "-o", "new", "--base", ""),
    ("evaluate", ""),
    ("evaluate", "a.txt", "--model", ""),
    *(("models", command, "") for command in ("pull", "info", "path", "rm")),
]


@pytest.mark.parametrize("arguments", EMPTY, ids=" ".join)
def test_an_empty_name_is_a_usage_error(arguments: tuple[str, ...], warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        '{"text": "An oak.", "label": "x", "document": "An oak.", "summary": "x"}'
    )
    done = warm_bbp(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert "empty" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_one_impossible_name_does_not_end_a_batch(bbp: Bbp, text: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(f"{LONG}\nx\x00y\n{text}\n".encode())
    done = bbp("extract", "--files-from", "list")
    assert (done.code, done.stdout) == (6, f"==> a.txt <==\n{PROSE}\n")
    *errors, last = done.stderr.splitlines()
    assert errors == [
        f"bbp: error: {LONG}: cannot be read: File name too long",
        "bbp: error: x\\x00y: cannot be read: embedded null byte",
    ]
    assert last.startswith("bbp: error: 2 of 3 inputs failed: ")


def test_an_impossible_input_does_not_end_a_batch_that_writes_files(
    warm_bbp: Bbp, extractive: Path, text: str, tmp_path: Path
) -> None:
    (tmp_path / "list").write_bytes(f"{LONG}\nx\x00y\n{text}\n".encode())
    done = warm_bbp("summarize", "--model", extractive, "--files-from", "list", "--output-dir", "out")
    assert done.code == 6
    assert (tmp_path / "out/a.txt.summary.txt").read_text() == PROSE + "\n"


def test_an_output_name_that_becomes_too_long_is_an_error_before_the_model_loads(
    bbp: Bbp, tmp_path: Path
) -> None:
    (tmp_path / ("b" * 250)).write_text(STORY)
    (tmp_path / "out").mkdir()
    done = bbp("summarize", "--model", "missing", "b" * 250, "--output-dir", "out")
    assert (done.code, done.stdout) == (7, "")
    assert done.stderr.endswith("cannot write: File name too long\n")


@pytest.mark.parametrize(
    ("folder", "reason"), [("a.txt", "is not a folder (-o takes a file)"), ("a.txt/b", "cannot write: Not a")]
)
def test_an_output_folder_that_is_a_file_is_an_error_before_the_model_loads(
    folder: str, reason: str, bbp: Bbp, text: str
) -> None:
    done = bbp("summarize", "--model", "missing", text, "--output-dir", folder)
    assert (done.code, done.stdout) == (7, "")
    assert done.stderr.startswith(f"bbp: error: {folder}: {reason}")


def test_impossible_names_are_nothing() -> None:
    for name in (LONG, "a\x00b", "/".join(["deep"] * 2000)):
        assert not is_folder(name)
        assert not exists(name)


def test_a_folder_inside_that_cannot_be_read_is_a_failed_input(
    bbp: Bbp, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "d" * 250
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / text).write_text(PROSE)
    monkeypatch.chdir(tmp_path / "docs")
    for _ in range(18):  # the path of the deepest is longer than any that can be opened, even by root
        Path(name).mkdir()
        os.chdir(name)
    monkeypatch.chdir(tmp_path)
    items = collect(InputOptions(("docs",))).items
    assert items[0].path == "docs/a.txt"
    assert [item.problem.code for item in items if item.problem] == ["unreadable"]
    done = bbp("extract", "docs")
    assert (done.code, done.stdout) == (6, f"==> docs/a.txt <==\n{PROSE}\n")
    assert "the folder cannot be read: File name too long" in done.stderr
    items = collect(InputOptions((items[1].path.rpartition("/")[0],))).items
    assert [item.problem.code for item in items if item.problem] == [
        "unreadable"
    ]  # and not "missing" as well


@pytest.mark.parametrize("options", [(), ("-0",)])
def test_a_mark_of_utf_8_at_the_beginning_of_a_list_is_no_part_of_a_name(
    options: tuple[str, ...], bbp: Bbp, text: str, tmp_path: Path
) -> None:
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbfa.txt" + (b"\x00" if options else b"\n"))
    done = bbp("extract", "--files-from", "list", *options)
    assert (done.code, done.stdout) == (0, PROSE + "\n")


def test_headers_are_utf_8_whatever_the_locale(bbp: Bbp, tmp_path: Path) -> None:
    for name in ("é.txt", "b.txt"):
        (tmp_path / name).write_text(PROSE)
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = bbp("extract", "é.txt", "b.txt", "none é.txt", **plain)
    assert done.stdout == f"==> é.txt <==\n{PROSE}\n\n==> b.txt <==\n{PROSE}\n"
    assert "none \\xe9.txt: no such file" in done.stderr  # the stream of errors cannot show it


@pytest.mark.parametrize("content", [b"hi\n", b"!?\n", b"7"])
def test_extract_prints_any_text(content: bytes, bbp: Bbp) -> None:
    done = bbp("extract", stdin=content)
    assert (done.code, done.stdout, done.stderr) == (0, content.decode().rstrip("\n") + "\n", "")
    done = bbp("extract", "--count", stdin=content)
    assert (done.code, done.stderr) == (0, "")
    assert int(done.stdout) > 0
    done = bbp("extract", stdin=b" \n\t")
    assert (done.code, done.stderr) == (3, "bbp: error: stdin: no text\n")


def test_doctor_prints_all_of_its_report_or_none(bbp: Bbp) -> None:
    done = bbp("doctor", "--device", "xyz")
    assert (done.code, done.stdout) == (2, "")
    assert "unknown device 'xyz'" in done.stderr


def test_an_output_folder_that_links_to_itself_is_an_output_error(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.txt").write_text(PROSE)
    (tmp_path / "loop").symlink_to("loop")
    done = bbp("summarize", "docs", "--output-dir", "loop")
    assert (done.code, done.stdout) == (7, "")
    assert done.stderr.startswith("bbp: error: loop: cannot write: Too many levels of symbolic links")


def test_files_are_read_from_a_working_directory_that_was_removed(
    text: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    script = f"mkdir gone && cd gone && rmdir ../gone && exec {' '.join(command('extract', '$1'))}"
    start = ["sh", "-c", script, "sh", str(tmp_path / text)]
    done = subprocess.run(start, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, PROSE.encode() + b"\n", b"")
