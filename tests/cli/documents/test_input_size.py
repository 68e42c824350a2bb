"""Inputs longer than what is to be read, and memory that ends while one is."""

import io
import resource
import subprocess
from pathlib import Path

import pytest

from bbp_cli.documents.document import read_at_most
from bbp_cli.errors import InputError
from tests.cli.process import command
from tests.conftest import STORY, Bbp


def test_no_more_is_read_than_one_byte_too_many() -> None:
    assert read_at_most(io.BytesIO(b"abcd"), 4) == b"abcd"
    file = io.BytesIO(b"abcdefgh")
    with pytest.raises(InputError, match="has more than 4 bytes"):
        read_at_most(file, 4)
    assert file.tell() == 5


def test_a_longer_input_is_refused_and_the_others_continue(warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(STORY + " " * 1_000_001, encoding="utf-8")
    (tmp_path / "short.txt").write_text(STORY, encoding="utf-8")
    done = warm_bbp("summarize", "long.txt", "short.txt", "--max-input", 1)
    assert done.code == 6
    assert "bbp: error: long.txt: has more than 1.0 MB (--max-input MB reads more)" in done.stderr
    assert "==> short.txt <==" in done.stdout
    done = warm_bbp("summarize", "--max-input", 1, stdin=b"x" * 1_000_001)
    assert (done.code, done.stdout) == (3, "")
    assert warm_bbp("summarize", "long.txt", "--max-input", 2).code == 0


def test_an_input_that_does_not_fit_into_memory_is_a_resource_error(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(900_000_000)  # sparse: nothing is written

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (800_000_000, 800_000_000))

    done = subprocess.run(
        command("extract", "huge.txt"),
        capture_output=True,
        cwd=tmp_path,
        env=environment,
        preexec_fn=limit,
        check=False,
    )
    assert (done.returncode, done.stdout) == (5, b""), done.stderr
    assert done.stderr.startswith(b"bbp: error: huge.txt: out of memory")
