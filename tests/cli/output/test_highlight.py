"""The copy of a PDF with its summary highlighted: yellow lies on the words, everything else stays."""

import io
import shutil
import subprocess
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pypdfium2  # type: ignore[import-untyped]  # it has no annotations
import pytest
from bigbird_pegasus.summarization.quality import measure_quality
from fpdf import FPDF
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.annotations import Text
from pypdf.constants import PageLabelStyle
from pypdf.generic import ArrayObject, Destination, RectangleObject

from bbp_cli.documents.document import Document, parse
from bbp_cli.documents.pdf.places import Rectangle
from bbp_cli.errors import InputError
from bbp_cli.output.highlight import (
    HighlightedSentence,
    highlighted,
    highlighted_copy,
    is_latin,
    text_width,
    wrapped,
)
from bbp_cli.tasks.results import CitedSentence, DocumentSummary, coverage, origins
from tests.cli.pdfs import make_pdf
from tests.conftest import SENTENCES, Bbp

SCALE = 2  # pixels a point


def annotations(page: PageObject) -> list[Any]:
    return [annotation.get_object() for annotation in cast("ArrayObject", page["/Annots"])]


def sentence_of(data: bytes, words: str) -> HighlightedSentence:
    document = parse(data, "in.pdf")
    start = document.text.index(words)
    assert document.boxes is not None
    return HighlightedSentence(words, "p. 1", tuple(document.boxes.rectangles(start, start + len(words))))


def yellow_words(data: bytes) -> str:
    """Return the words on yellow where the pages are rendered, in the order of the file.

    Nearly all that is bright within the box of a word is yellow, or hardly anything: lines that are set close
    touch.
    """
    found = []
    for page in pypdfium2.PdfDocument(data):
        image = page.render(scale=SCALE).to_pil().convert("RGB")
        text = page.get_textpage()
        boxes = [(text.get_text_range(n, 1), text.get_charbox(n)) for n in range(text.count_chars())]
        for is_space, group in groupby(boxes, lambda one: not one[0].strip()):
            if is_space:
                continue
            letters, sides = zip(*group, strict=True)
            corners = [on_image(page, x, y) for x0, y0, x1, y1 in sides for x, y in ((x0, y0), (x1, y1))]
            across, down = zip(*corners, strict=True)
            left, top, right, bottom = min(across), min(down), max(across), max(down)
            pixels = [image.getpixel((x, y)) for x in range(left, right + 1) for y in range(top, bottom + 1)]
            bright = [blue for red, green, blue in pixels if red > 200 and green > 200]
            share = sum(blue < 150 for blue in bright) / len(bright)
            assert share < 0.25 or share > 0.75, ("".join(letters), share)
            found += ["".join(letters)] if share > 0.75 else []
    return " ".join(found)


def on_image(page: Any, x: float, y: float) -> tuple[int, int]:
    left, bottom, right, top = page.get_cropbox()
    turned = {
        0: (x - left, top - y),
        90: (y - bottom, x - left),
        180: (right - x, y - bottom),
        270: (top - y, right - x),
    }[page.get_rotation()]
    return int(turned[0] * SCALE), int(turned[1] * SCALE)


def changed(data: bytes, *, rotate: int = 0, crop: Sequence[float] | None = None) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    for page in writer.pages:
        if crop:
            page.cropbox = RectangleObject(tuple(crop))
        if rotate:
            page.rotate(rotate)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def two_columns() -> bytes:
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    pdf.add_page()
    with pdf.text_columns(ncols=2, gutter=10) as columns:
        columns.write(" ".join(SENTENCES))
    return bytes(pdf.output())


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (20, 40, 590, 830)])
def test_yellow_lies_on_the_words_and_nowhere_else(rotate: int, crop: Sequence[float] | None) -> None:
    data = changed(make_pdf([" ".join(SENTENCES[:20])]), rotate=rotate, crop=crop)
    words = SENTENCES[7]
    found = highlighted(data, "in.pdf", [sentence_of(data, words)], cover=False)
    assert sorted(yellow_words(found).split()) == sorted(words.split())  # PDFium reads turned pages otherwise


def test_a_sentence_of_the_second_column() -> None:
    data = two_columns()
    for words in (SENTENCES[3], SENTENCES[40]):
        found = highlighted(data, "in.pdf", [sentence_of(data, words)], cover=False)
        assert sorted(yellow_words(found).split()) == sorted(words.split())


def test_a_sentence_over_two_pages_is_highlighted_on_both() -> None:
    data = make_pdf(["The lamp was lit in May, and it burned for ninety years", "until the cable came."])
    document = parse(data, "in.pdf")
    assert document.boxes is not None
    boxes = document.boxes.rectangles(0, len(document.text))
    assert [box.page for box in boxes] == [1, 2]
    found = highlighted(data, "in.pdf", [HighlightedSentence("x", "pp. 1-2", tuple(boxes))], cover=False)
    assert yellow_words(found) == " ".join(document.text.split())
    notes = [annotations(page)[0]["/Contents"] for page in PdfReader(io.BytesIO(found)).pages]
    assert notes == ["Summary: 1 of 1"] * 2


def test_the_cover_lists_the_sentences_and_leads_to_them() -> None:
    data = make_pdf([" ".join(SENTENCES[:20]), " ".join(SENTENCES[20:40])])
    sentences = [sentence_of(data, SENTENCES[number]) for number in (2, 30)]
    reader = PdfReader(io.BytesIO(highlighted(data, "Summary of in.pdf", sentences, cover=True)))
    assert len(reader.pages) == 3
    shown = " ".join(reader.pages[0].extract_text().split())
    assert shown == f"Summary of in.pdf 1. {SENTENCES[2]} [p. 1] 2. {SENTENCES[30]} [p. 1]"
    targets = [link["/Dest"][0] for link in annotations(reader.pages[0])]
    assert [reader.get_page_number(target.get_object()) for target in targets] == [1, 2]


def test_a_long_summary_has_several_covers() -> None:
    data = make_pdf([" ".join(SENTENCES)])
    found = highlighted(data, "in.pdf", [sentence_of(data, words) for words in SENTENCES], cover=True)
    reader = PdfReader(io.BytesIO(found))
    assert len(reader.pages) == 4
    assert f"48. {SENTENCES[47][:30]}" in reader.pages[2].extract_text()


def test_annotations_outlines_forms_and_labels_stay() -> None:
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    for number in (1, 2):
        pdf.add_page()
        pdf.start_section(f"Part {number}")
        pdf.multi_cell(0, 6, " ".join(SENTENCES[20 * number - 20 : 20 * number]))
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(bytes(pdf.output()))))
    writer.add_annotation(1, Text(text="mine", rect=(50, 50, 70, 70)))
    writer.set_page_label(0, 0, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(1, 1, style=PageLabelStyle.DECIMAL)
    written = io.BytesIO()
    writer.write(written)
    data = written.getvalue()
    reader = PdfReader(io.BytesIO(highlighted(data, "t", [sentence_of(data, SENTENCES[25])], cover=True)))
    kinds = [annotation["/Subtype"] for annotation in annotations(reader.pages[2])]
    assert sorted(kinds) == ["/Highlight", "/Text"]
    assert reader.page_labels == ["Summary", "i", "1"]
    items = [item for item in reader.outline if isinstance(item, Destination)]
    parts = [(item.title, reader.get_destination_page_number(item)) for item in items]
    assert parts == [("Part 1", 1), ("Part 2", 2)]


@pytest.mark.parametrize("password", ["", "secret"])
def test_an_encrypted_file_is_refused(password: str) -> None:
    with pytest.raises(InputError, match="its copy would lose the protection") as caught:
        highlighted(make_pdf(["Some words."], password=password), "t", [], cover=True)
    assert caught.value.code == "encrypted"


def test_a_file_that_is_no_pdf_is_refused() -> None:
    with pytest.raises(InputError, match="too damaged to be highlighted"):
        highlighted(b"no PDF", "t", [], cover=True)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_poppler_reads_the_copy_too(tmp_path: Path) -> None:
    data = make_pdf([" ".join(SENTENCES[:20])])
    (tmp_path / "out.pdf").write_bytes(
        highlighted(data, "Title", [sentence_of(data, SENTENCES[4])], cover=True)
    )
    done = subprocess.run(
        ["pdftotext", "out.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert " ".join(done.stdout.split()).startswith(f"Title 1. {SENTENCES[4]} [p. 1]")


def test_lines_of_the_cover_fit() -> None:
    text = "MMMM " * 40 + "W" * 200
    lines = wrapped(text, 300.0, 11.0)
    assert all(text_width(line, 11.0) <= 300.0 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_what_the_cover_s_font_lacks_is_said() -> None:
    assert is_latin("café “so”")
    assert not is_latin("灯塔看守人写下了")
    box = Rectangle(1, 50.0, 700.0, 100.0, 712.0)
    found = highlighted(make_pdf(["x"]), "t", [HighlightedSentence("灯塔看守人", "p. 1", (box,))], cover=True)
    assert (
        "1. (this page has no font for its writing) [p. 1]"
        in PdfReader(io.BytesIO(found)).pages[0].extract_text()
    )


def summary_of(data: bytes, path: Path) -> tuple[Document, DocumentSummary]:
    """Return a document that was read from a file, and a summary of its first sentence."""
    path.write_bytes(data)
    document = parse(data, str(path))
    end = document.text.index(".") + 1
    sentence = CitedSentence(document.text[:end], origins(document, 0, end, 0.5))
    read = coverage(document, 9, 9, 1)
    return document, DocumentSummary(sentence.text, (sentence,), read, measure_quality(9, "x", "end"))


def test_a_file_that_changed_meanwhile_is_not_highlighted(tmp_path: Path) -> None:
    document, summary = summary_of(make_pdf([" ".join(SENTENCES[:5])]), tmp_path / "in.pdf")
    assert highlighted_copy(document, summary, cover=True).startswith(b"%PDF")
    (tmp_path / "in.pdf").write_bytes(make_pdf(["Other words."]))
    with pytest.raises(InputError, match="changed while it was summarized"):
        highlighted_copy(document, summary, cover=True)
    (tmp_path / "in.pdf").unlink()
    with pytest.raises(InputError, match="cannot be read again: No such file"):
        highlighted_copy(document, summary, cover=True)


def test_the_command_writes_copies_and_leaves_the_originals(warm_bbp: Bbp, tmp_path: Path) -> None:
    data = make_pdf([" ".join(SENTENCES)])
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers/a.pdf").write_bytes(data)
    (tmp_path / "papers/b.txt").write_text(" ".join(SENTENCES))
    done = warm_bbp("summarize", "--json", "papers", "--highlight", "out")
    assert done.code == 0
    assert "papers/b.txt: not a PDF: nothing is highlighted" in done.stderr
    sentences = done.records[0]["sentences"]
    found = (tmp_path / "out/papers/a.pdf").read_bytes()
    assert len(PdfReader(io.BytesIO(found)).pages) == 2
    shown = sorted(yellow_words(found).split())
    assert shown == sorted(word for one in sentences for word in one["text"].split())
    assert (tmp_path / "papers/a.pdf").read_bytes() == data
    assert not (tmp_path / "out/papers/b.txt").exists()
    again = warm_bbp("summarize", "papers/a.pdf", "--highlight", "out")
    assert (again.code, "out/papers/a.pdf: exists already" in again.stderr) == (7, True)


def test_an_encrypted_pdf_is_summarized_and_not_highlighted(warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "in.pdf").write_bytes(make_pdf([" ".join(SENTENCES)], password=""))
    done = warm_bbp("summarize", "in.pdf", "--highlight", "out.pdf", "--no-cover")
    assert (done.code, bool(done.stdout)) == (3, True)
    assert "in.pdf: an encrypted PDF is not highlighted" in done.stderr
    assert not (tmp_path / "out.pdf").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-", "--highlight", "out"), "--highlight needs a PDF file, not stdin"),
        (("a.pdf", "b.pdf", "--highlight", "out.pdf"), "--highlight FILE takes one PDF"),
        (("a.pdf", "--highlight", "a.pdf"), "a.pdf is an input"),
        (("a.pdf", "--highlight", "."), "a.pdf is an input"),
    ],
)
def test_impossible_places_for_copies_are_usage_errors(
    bbp: Bbp, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-")
    done = bbp("summarize", *arguments)
    assert (done.code, message in done.stderr) == (2, True)
