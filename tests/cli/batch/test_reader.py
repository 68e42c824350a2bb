"""The next document is read while the one before is computed."""

import threading
from pathlib import Path

import pytest

from bbp_cli.batch import reader as reader_module
from bbp_cli.batch.reader import DocumentReader
from bbp_cli.console import Console
from bbp_cli.documents.document import Document, read
from bbp_cli.documents.inputs import InputOptions, collect
from tests.cli.batch.test_resume import texts


def test_the_next_document_is_read_meanwhile_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    second = threading.Event()

    def noted(path: str, *arguments: object, **more: object) -> Document:
        opened.append(Path(path).name)
        if len(opened) == 2:
            second.set()
        return read(path, *arguments, **more)  # type: ignore[arg-type] # whatever the reader gives

    monkeypatch.setattr(reader_module, "read", noted)
    documents = DocumentReader(collect(InputOptions((str(texts(tmp_path / "in", 4)),))), None, Console())
    assert next(documents)[0].name.name == "0.txt"
    assert second.wait(timeout=60)
    assert opened == ["0.txt", "1.txt"]
    assert [item.name.name for item, _ in documents] == ["1.txt", "2.txt", "3.txt"]
    assert opened == [f"{number}.txt" for number in range(4)]


def test_what_goes_wrong_while_reading_ahead_is_raised_in_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: str, *arguments: object, **more: object) -> Document:
        if path.endswith("1.txt"):
            raise ZeroDivisionError
        return read(path)

    monkeypatch.setattr(reader_module, "read", broken)
    documents = DocumentReader(collect(InputOptions((str(texts(tmp_path / "in", 3)),))), None, Console())
    assert isinstance(next(documents)[1], Document)
    with pytest.raises(ZeroDivisionError):
        next(documents)
