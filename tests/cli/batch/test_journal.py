"""The journal of a run: what is in it stays in it, whatever happens to the process or to the disk."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bbp_cli.batch import journal as journal_module
from bbp_cli.batch.journal import Journal
from bbp_cli.console import Console
from bbp_cli.errors import OutputError

HOLDER = """
import sys
from pathlib import Path
from bbp_cli.batch.journal import Journal
from bbp_cli.console import Console

path, shared, *slots = sys.argv[1:]
journal = Journal(Path(path), slots, Console(), shared=shared == "shared")
head = {"schema": "bbp.result/1", "id": slots[0], "status": "ok", "key": slots[0]}
journal.append(slots[0], [{**head, "source": {"path": slots[0]}}])
print("ready", flush=True)
sys.stdin.read()
"""


def record(name: str, key: str | None = None, **fields: object) -> dict[str, Any]:
    source = {"path": name}
    status = {"schema": "bbp.result/1", "id": name, "status": "ok", "key": key or f"key of {name}"}
    return {**status, "source": source, **fields}


def opened(path: Path, *slots: str, shared: bool = False) -> Any:
    return closing(Journal(path, slots or ("a", "b", "c"), Console(), shared=shared))


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def written(path: Path, *names: str) -> bytes:
    """Write a journal with records of the names, and return its bytes."""
    with opened(path, *names) as journal:
        for name in names:
            journal.append(name, [record(name)])
    return path.read_bytes()


def test_records_are_found_again_by_place_and_key(tmp_path: Path) -> None:
    path = tmp_path / "new" / "j"
    written(path, "a", "b")
    with opened(path) as journal:
        assert [journal.record(entry)["id"] for entry in journal.slots["b"]] == ["b"]
        assert journal.record(journal.by_key["key of a"]) == record("a")


def test_a_journal_that_is_only_looked_at_does_not_come_to_be(tmp_path: Path) -> None:
    with opened(tmp_path / "j") as journal:
        journal.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_last_line_torn_at_any_byte_is_cut_off_and_the_others_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "j"
    whole = written(path, "a", "b é")
    first = whole.index(b"\n") + 1
    for size in range(first, len(whole)):
        path.write_bytes(whole[:size])
        with opened(path) as journal:
            assert list(journal.slots) == ["a"]
            journal.append("b é", [record("b é")])
        assert path.read_bytes() == whole
        said = capsys.readouterr().err
        torn = f"bbp: warning: {path}: the last line is torn: {size - first} bytes cut off\n"
        assert said == (torn if size > first else "")


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"null", b"\x00\x00", b"{}", b'{"schema": "other"}', b"[" * 100_000]
)
def test_damage_before_the_last_line_is_an_error_with_its_number(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "j"
    first, second, _ = written(path, "a", "b").split(b"\n")
    path.write_bytes(first + b"\n" + damage + b"\n" + second + b"\n")
    before = path.read_bytes()
    with pytest.raises(OutputError, match="line 2 is damaged") as found:
        opened(path)
    assert (found.value.code, found.value.exit_code) == ("damaged", 7)
    assert path.read_bytes() == before


def test_a_file_of_something_else_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text("my notes\nof today\n")
    with pytest.raises(OutputError, match="exists already") as found:
        opened(path)
    assert found.value.code == "exists"
    assert path.read_text() == "my notes\nof today\n"


def test_at_the_end_records_stand_in_the_order_of_the_run_and_once(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, "other", "c", "a")
    with opened(path, "a", "b", "c") as journal:
        journal.append("a", [record("a", "new key")])
        journal.append("b", [record("b")])
        journal.keep("c", journal.slots["c"])
        assert ids(path) == ["other", "c", "a", "a", "b"]
        journal.finish()
    assert ids(path) == ["other", "a", "b", "c"]
    with opened(path) as journal:
        assert [entry.key for entry in journal.slots["a"]] == ["new key"]


def test_a_journal_in_order_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, "a", "b")
    before = path.stat()
    with opened(path) as journal:
        for name in ("a", "b"):
            journal.keep(name, journal.slots[name])
        journal.finish()
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with opened(path) as journal:
        journal.append("a", [record("a")])
        whole = path.read_bytes()
        with file_size_limit(len(whole) + 20), pytest.raises(OutputError, match="cannot write") as found:
            journal.append("b", [record("b", text="x" * 10_000)])
        assert path.read_bytes() == whole
        assert found.value.exit_code == 7
        journal.append("c", [record("c")])
    assert ids(path) == ["a", "c"]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: stands for a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def other_process(path: Path, shared: bool, *slots: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold a journal while the block runs."""
    start = [sys.executable, "-c", HOLDER, str(path), "shared" if shared else "alone", *slots]
    with subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_on_the_same_inputs_stops(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with other_process(path, True, "a", "b"):
        with pytest.raises(OutputError, match="another bbp") as found:
            opened(path, "b", "c", shared=True)
        assert (found.value.code, found.value.exit_code) == ("busy", 7)
    with opened(path, "b", "c", shared=True) as journal:  # killed: its claims are gone
        assert list(journal.slots) == ["a"]


def test_processes_on_different_inputs_write_into_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with other_process(path, True, "a"), opened(path, "b", shared=True) as journal:
        journal.append("b", [record("b")])
        journal.append("b", [record("b", "new key")])
        journal.finish()  # not while another works
        assert ids(path) == ["a", "b", "b"]
    with opened(path, "b", shared=True) as journal:
        journal.keep("b", journal.slots["b"][-1:])
        journal.finish()
    assert ids(path) == ["a", "b"]


def test_one_file_of_results_is_for_one_process(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with other_process(path, False, "a"), pytest.raises(OutputError, match="another bbp"):
        opened(path, "b")


def test_a_long_run_claims_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_SINGLE_CLAIMS", 2)
    path = tmp_path / "j"
    with other_process(path, True, "a"), pytest.raises(OutputError, match="another bbp"):
        opened(path, "b", "c", "d", shared=True)


def test_a_journal_that_another_process_replaces_meanwhile_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j"
    written(path, "a")
    newer = tmp_path / "newer"
    written(newer, "b")
    opens = os.open

    def replaced_after_opening(*arguments: Any) -> int:
        descriptor = opens(*arguments)
        if newer.exists():
            newer.replace(path)
        return descriptor

    monkeypatch.setattr(os, "open", replaced_after_opening)
    with opened(path) as journal:
        assert list(journal.slots) == ["b"]


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with opened(tmp_path / "file" / "j") as journal, pytest.raises(OutputError, match="cannot write"):
        journal.append("a", [record("a")])
