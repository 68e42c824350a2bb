"""A document keeps its text, its pages and where it came from."""

import hashlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bbp_cli.documents.document import BEGINNING_BYTES, is_pdf, page_ranges, parse, read
from bbp_cli.documents.pdf.process import ReadingLimits
from bbp_cli.errors import InputError
from tests.cli.pdfs import make_pdf

PAGES = ["The first page has one sentence.", "The second page has two. They are short.", "The third ends."]


def test_a_text_file_is_its_text(tmp_path: Path) -> None:
    content = "\ufeffLine one is here.\r\nLine two — too.\n".encode()
    (tmp_path / "a.txt").write_bytes(content)
    document = read(str(tmp_path / "a.txt"))
    assert document.text == "Line one is here.\nLine two — too.\n"
    assert document.source.path == str(tmp_path / "a.txt")
    assert document.source.sha256 == hashlib.sha256(content).hexdigest()
    assert (document.source.media_type, document.source.encoding) == ("text/plain", "utf-8")
    assert document.pages == ()
    assert document.page_at(3) is None
    assert document.pages_without_text == []


def test_the_pages_of_a_pdf_are_spans_of_its_text() -> None:
    document = parse(make_pdf(PAGES), "a.pdf")
    assert (document.source.media_type, document.source.encoding) == ("application/pdf", None)
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert [document.text[page.start : page.end] for page in document.pages] == PAGES


def test_every_offset_of_a_pdf_is_on_a_page() -> None:
    document = parse(make_pdf(PAGES), "a.pdf")
    numbers = [document.page_at(offset) for offset in range(len(document.text))]
    assert numbers == sorted(n for n in numbers if n)
    for number, text in enumerate(PAGES, start=1):
        assert document.page_at(document.text.index(text)) == number
        assert document.page_at(document.text.index(text) + len(text) - 1) == number


def test_an_empty_page_is_on_no_offset_of_text() -> None:
    document = parse(make_pdf([PAGES[0], "", PAGES[2]]), "a.pdf")
    assert document.page_at(document.text.index(PAGES[2])) == 3
    assert document.pages_without_text == [2]


def test_a_pdf_is_recognized_by_its_content_not_its_name() -> None:
    assert parse(make_pdf(PAGES), "a.txt").pages
    assert not parse(b"The mark %PDF-1.4 stands in this text.", "a.pdf").pages
    assert is_pdf(b"\n" + make_pdf(PAGES))
    assert is_pdf(b"HTTP/1.0 200 OK\n\n" + make_pdf(PAGES))


def test_an_unreadable_page_is_reported_and_the_others_are_kept() -> None:
    content = make_pdf(PAGES)
    start = content.index(b"/FlateDecode")
    damaged = content[:start] + b"/NoSuchThing" + content[start + len(b"/FlateDecode") :]
    document = parse(damaged, "a.pdf")
    assert PAGES[1] in document.text
    assert PAGES[0] not in document.text
    assert any(warning.startswith("page 1 cannot be read") for warning in document.warnings)


@pytest.mark.parametrize("text", ["", "?!", "Hello!", "a b c d e f"])
def test_next_to_nothing_is_not_a_document(text: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(text.encode(), "-")
    assert refused.value.code == "empty"


@pytest.mark.parametrize(
    "text", ["It rained all day.", "今日は雨が降っていました。", "1 2 3 4 5 6 7 8 9 and 10"]
)
def test_a_short_sentence_is_a_document_in_any_script(text: str) -> None:
    assert parse(text.encode(), "-").text == text


@given(st.lists(st.integers(1, 60), unique=True, min_size=1).map(sorted))
def test_page_ranges_name_exactly_the_pages(numbers: list[int]) -> None:
    named: list[int] = []
    for part in page_ranges(numbers).removeprefix("pages ").removeprefix("page ").split(", "):
        first, _, last = part.partition("-")
        named += range(int(first), int(last or first) + 1)
    assert named == numbers


LINE = b"The ferries stayed in port, and the crews went home.\n"
BEGINNING = ReadingLimits(only_beginning=True)


def test_a_beginning_ends_with_a_line_and_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(LINE * (BEGINNING_BYTES // len(LINE) + 9))
    document = read(str(tmp_path / "a.txt"), limits=BEGINNING)
    assert document.is_beginning
    assert document.source.sha256 is None
    assert document.text == LINE.decode() * ((BEGINNING_BYTES + 1) // len(LINE))


def test_a_stream_without_end_has_a_beginning(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    script = f"exec yes 'The ferries stayed in port.' > '{tmp_path / 'pipe'}'"
    with subprocess.Popen(["sh", "-c", script], stderr=subprocess.DEVNULL) as endless:
        assert read(str(tmp_path / "pipe"), limits=BEGINNING).is_beginning
        assert endless.wait() != 0


WHOLE = {
    "short": LINE,
    "as long as a beginning": LINE * (BEGINNING_BYTES // len(LINE)),
    "one line": LINE.replace(b"\n", b" ") * (BEGINNING_BYTES // len(LINE) + 9),
    "UTF-16": (LINE.decode() * (BEGINNING_BYTES // 2 // len(LINE) + 9)).encode("utf-16"),
    "a page": b"<!doctype html><p>" + LINE * (BEGINNING_BYTES // len(LINE) + 9),
    "a log": b"2024-05-01 10:00:00 INFO all is well\n" * (BEGINNING_BYTES // 36)
    + b"2024-05-02 10:00:00 ERROR no\n",
    "a calendar": b"BEGIN:VCALENDAR\n" + b"SUMMARY:The crews go home to the port\n" * (BEGINNING_BYTES // 36),
    "source code": b"import os\nx = os.getpid()\nprint(x)\nif x:\n    y = 2\n" * (BEGINNING_BYTES // 40),
    "blank lines": LINE + b"\n" * BEGINNING_BYTES + LINE,
    "rules": LINE + b"- - - - -\n" * (BEGINNING_BYTES // 10) + LINE,
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_has_no_beginning_is_read_to_its_end(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(WHOLE[name])
    document = read(str(tmp_path / "a"), limits=BEGINNING)
    assert not document.is_beginning
    assert document.source.sha256 == hashlib.sha256(WHOLE[name]).hexdigest()
    assert document == read(str(tmp_path / "a"))


def test_markup_is_no_word_of_a_beginning(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(LINE + b"<a name='x'></a>\n" * (BEGINNING_BYTES // 17) + LINE)
    document = read(str(tmp_path / "a.md"), limits=BEGINNING)
    assert not document.is_beginning
    assert document.text.count(LINE.decode().strip()) == 2


def test_no_beginning_is_longer_than_the_most_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LINE * 50_000)
    document = read(str(tmp_path / "a"), limits=replace(BEGINNING, input_bytes=1_000_000))
    assert document.is_beginning
    assert document.text == LINE.decode() * (1_000_001 // len(LINE))


def test_what_is_no_text_is_refused_as_ever(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x89PNG" + b"\xff\n" * BEGINNING_BYTES)
    for limits in (BEGINNING, ReadingLimits()):
        with pytest.raises(InputError, match="a PNG image"):
            read(str(tmp_path / "a"), limits=limits)


def test_a_long_pdf_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"\n" * 3000 + make_pdf(PAGES) + b"\n%" + b"-" * BEGINNING_BYTES + b"\n")
    assert len(read(str(tmp_path / "a.pdf"), limits=BEGINNING).pages) == 3


def test_the_most_bytes_count_what_was_read_first(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(WHOLE["one line"])
    with pytest.raises(InputError, match=r"has more than 2\.1 MB"):
        read(str(tmp_path / "a"), limits=ReadingLimits(input_bytes=2_097_500, only_beginning=True))
