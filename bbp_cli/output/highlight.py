"""A copy of a PDF with the sentences of its summary highlighted, and a first page that leads to them."""

import hashlib
import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NullObject,
    NumberObject,
    TextStringObject,
)

from bbp_cli.documents.document import Document, display_name
from bbp_cli.documents.folders import HIGHLIGHT_MARK
from bbp_cli.documents.pdf.places import Rectangle
from bbp_cli.errors import InputError
from bbp_cli.output.citations import place
from bbp_cli.tasks.results import DocumentSummary

YELLOW = (1.0, 0.87, 0.25)
COVER_WIDTH, COVER_HEIGHT = 595.0, 842.0  # points: A4
MARGIN = 64.0
TITLE_SIZE, TEXT_SIZE, LEADING = 16.0, 11.0, 1.4

# Of Helvetica's characters from space to tilde, in thousandths of the font's size (Adobe's font metrics).
_WIDTHS = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, *[556] * 10, 278, 278),
    *(584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500),
    *(556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722),
    *(500, 500, 500, 334, 260, 334, 584),
)
_OTHER_WIDTH = 600


@dataclass(frozen=True)
class HighlightedSentence:
    """A sentence of the summary: its text, its place as citations name it, its boxes line by line."""

    text: str
    place: str
    rectangles: tuple[Rectangle, ...]


def highlighted_copy(document: Document, summary: DocumentSummary, *, cover: bool) -> bytes:
    """Return a copy of a document's PDF with the sentences of its summary highlighted; see `highlighted`.

    Raises:
        InputError: the file cannot be read again, or is not what was summarized; or see `highlighted`.
    """
    path = document.source.path
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read again: {error.strerror}", code="unreadable") from error
    if hashlib.sha256(data).hexdigest() != document.source.sha256:
        raise InputError("changed while it was summarized", hint="run again", code="unreadable")
    sentences = [
        HighlightedSentence(
            sentence.text,
            place(sentence, document),
            tuple(
                Rectangle(source.page, *sides)
                for source in sentence.sources
                if source.page is not None
                for sides in source.rectangles
            ),
        )
        for sentence in summary.sentences
    ]
    return highlighted(data, f"Summary of {Path(display_name(path)).name}", sentences, cover=cover)


def highlighted(data: bytes, title: str, sentences: Sequence[HighlightedSentence], *, cover: bool) -> bytes:
    """Return a copy of a PDF with its sentences highlighted; with `cover` behind a page that lists them.

    Each highlight has the number of its sentence as a note. Whatever else the file has is kept: other
    annotations, outlines, forms, labels of pages.

    Raises:
        InputError: the file is encrypted, so that its copy would lose its protection, or it is damaged.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise InputError(
                "an encrypted PDF is not highlighted: its copy would lose the protection",
                hint="decrypt it first: qpdf --decrypt",
                code="encrypted",
            )
        writer = PdfWriter(clone_from=reader)
        for number, sentence in enumerate(sentences, start=1):
            for page in dict.fromkeys(one.page for one in sentence.rectangles):
                boxes = [one for one in sentence.rectangles if one.page == page]
                _highlight(writer, page - 1, boxes, f"{number} of {len(sentences)}")
        if cover:
            _shift_labels(writer, _insert_cover(writer, title, sentences))
        # By this the copy is known where its folder is read; a comment changes nothing of what is shown.
        writer.pdf_header = f"{writer.pdf_header}\n{HIGHLIGHT_MARK}"
        written = io.BytesIO()
        writer.write(written)
    except (PyPdfError, ValueError, KeyError, RecursionError, AttributeError, TypeError) as error:
        raise InputError(f"the PDF is too damaged to be highlighted: {error}", code="corrupt") from error
    return written.getvalue()


def _highlight(writer: PdfWriter, page: int, boxes: Sequence[Rectangle], note: str) -> None:
    """Add one highlight over some boxes of a page, with its appearance: not all readers make one."""
    around = [
        min(box.left for box in boxes),
        min(box.bottom for box in boxes),
        max(box.right for box in boxes),
        max(box.top for box in boxes),
    ]
    # Upper left, upper right, lower left, lower right: the order that readers expect.
    corners = [
        value
        for box in boxes
        for value in (box.left, box.top, box.right, box.top, box.left, box.bottom, box.right, box.bottom)
    ]
    annotation = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Highlight"),
            NameObject("/Rect"): _numbers(around),
            NameObject("/QuadPoints"): _numbers(corners),
            NameObject("/C"): _numbers(YELLOW),
            NameObject("/F"): NumberObject(4),  # it is printed
            NameObject("/T"): TextStringObject("bbp"),
            NameObject("/Contents"): TextStringObject(f"Summary: {note}"),
            NameObject("/AP"): DictionaryObject({NameObject("/N"): _appearance(writer, boxes, around)}),
        }
    )
    writer.add_annotation(page, annotation)


def _appearance(writer: PdfWriter, boxes: Sequence[Rectangle], around: Sequence[float]) -> Any:
    """Return a form that fills the boxes with yellow, multiplied with what is below."""
    commands = [f"{' '.join(f'{part:.3f}' for part in YELLOW)} rg /Multiply gs"]
    for box in boxes:
        width, height = box.right - box.left, box.top - box.bottom
        commands.append(f"{box.left:.2f} {box.bottom:.2f} {width:.2f} {height:.2f} re f")
    form = DecodedStreamObject()
    form.set_data("\n".join(commands).encode())
    multiply = DictionaryObject(
        {NameObject("/Type"): NameObject("/ExtGState"), NameObject("/BM"): NameObject("/Multiply")}
    )
    states = DictionaryObject({NameObject("/Multiply"): multiply})
    form.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Form"),
            NameObject("/BBox"): _numbers(around),
            NameObject("/Resources"): DictionaryObject({NameObject("/ExtGState"): states}),
        }
    )
    return writer._add_object(form)  # pypdf has no public name for it


def _insert_cover(writer: PdfWriter, title: str, sentences: Sequence[HighlightedSentence]) -> int:
    """Put pages with the summary before all others, each sentence a link to its place; return how many."""
    pages = list(writer.pages)
    lines = list(_cover_lines(title, sentences))
    per_page = int((COVER_HEIGHT - 2 * MARGIN - 2 * TITLE_SIZE) / (TEXT_SIZE * LEADING))
    covers = [lines[start : start + per_page] for start in range(0, max(1, len(lines)), per_page)]
    for number, shown in enumerate(covers):
        writer.insert_blank_page(COVER_WIDTH, COVER_HEIGHT, number)
        page = writer.pages[number]
        first = title if number == 0 else ""
        _draw(writer, page, first, [text for text, _ in shown])
        links = ArrayObject()
        for row, (text, target) in enumerate(shown):
            if target is not None and target.page <= len(pages):
                links.append(writer._add_object(_link(row, text, target, pages[target.page - 1])))
        page[NameObject("/Annots")] = links
    return len(covers)


def _cover_lines(
    title: str, sentences: Sequence[HighlightedSentence]
) -> Iterator[tuple[str, Rectangle | None]]:
    """Yield the lines of the cover, each with the place that it leads to."""
    width = COVER_WIDTH - 2 * MARGIN
    for number, sentence in enumerate(sentences, start=1):
        target = sentence.rectangles[0] if sentence.rectangles else None
        text = sentence.text if is_latin(sentence.text) else "(this page has no font for its writing)"
        for line in wrapped(f"{number}. {text} [{sentence.place}]", width, TEXT_SIZE):
            yield line, target
        yield "", None


def is_latin(text: str) -> bool:
    """Return whether the standard fonts of PDF have the characters of a text, but for a few."""
    lost = text.encode("cp1252", "replace").count(b"?") - text.count("?")
    return lost <= 0.05 * len(text)


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Return text in lines of at most `width` points in Helvetica; a longer word is cut."""
    lines, line = [], ""
    for word in text.split():
        while text_width(word, size) > width:
            cut = max(1, int(len(word) * width / text_width(word, size)) - 1)
            lines += [part for part in (line, word[:cut]) if part]
            line, word = "", word[cut:]
        longer = f"{line} {word}" if line else word
        if text_width(longer, size) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines


def text_width(text: str, size: float) -> float:
    """Return the width of a text in Helvetica, in points."""
    widths = (_WIDTHS[ord(one) - 32] if " " <= one <= "~" else _OTHER_WIDTH for one in text)
    return sum(widths) * size / 1000


def _draw(writer: PdfWriter, page: Any, title: str, lines: Sequence[str]) -> None:
    """Set the text of a cover page."""
    top = COVER_HEIGHT - MARGIN
    commands = ["BT", f"/Bold {TITLE_SIZE} Tf {MARGIN} {top} Td", f"{_string(title)} Tj", "ET", "BT"]
    commands += [f"/Text {TEXT_SIZE} Tf {TEXT_SIZE * LEADING} TL {MARGIN} {_row_top(0) - TEXT_SIZE} Td"]
    commands += [f"{_string(line)} Tj T*" for line in lines]
    stream = DecodedStreamObject()
    stream.set_data("\n".join([*commands, "ET"]).encode("latin-1"))
    fonts = {"/Text": "/Helvetica", "/Bold": "/Helvetica-Bold"}
    page[NameObject("/Contents")] = writer._add_object(stream)
    page[NameObject("/Resources")] = DictionaryObject(
        {
            NameObject("/Font"): DictionaryObject(
                {NameObject(name): _font(base) for name, base in fonts.items()}
            )
        }
    )


def _font(base: str) -> DictionaryObject:
    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject(base),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )


def _string(text: str) -> str:
    """Return text as a string of a page's commands, in Windows' encoding."""
    return "<" + text.encode("cp1252", "replace").hex() + ">"


def _row_top(row: int) -> float:
    return COVER_HEIGHT - MARGIN - 2 * TITLE_SIZE - row * TEXT_SIZE * LEADING


def _link(row: int, text: str, target: Rectangle, page: Any) -> DictionaryObject:
    """Return a link from a line of the cover to the line where its sentence begins."""
    top = _row_top(row)
    box = [MARGIN, top - 1.2 * TEXT_SIZE, MARGIN + text_width(text, TEXT_SIZE), top]
    place = [
        page.indirect_reference,
        NameObject("/XYZ"),
        NullObject(),
        FloatObject(target.top + 60),
        NullObject(),
    ]
    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Link"),
            NameObject("/Rect"): _numbers(box),
            NameObject("/Border"): _numbers([0, 0, 0]),
            NameObject("/Dest"): ArrayObject(place),
        }
    )


def _shift_labels(writer: PdfWriter, covers: int) -> None:
    """Keep the labels of the document's pages, which are counted from the first page, with their pages."""
    labels = writer.root_object.get("/PageLabels")
    if labels is None:
        return
    numbers = labels.get_object().get("/Nums")
    if numbers is None:  # a tree with branches: rare, and its pages keep their numbers
        return
    numbers = numbers.get_object()
    shifted = ArrayObject(
        [NumberObject(0), DictionaryObject({NameObject("/P"): TextStringObject("Summary")})]
    )
    for key, value in zip(numbers[::2], numbers[1::2], strict=False):
        shifted += [NumberObject(int(key) + covers), value]
    labels.get_object()[NameObject("/Nums")] = shifted


def _numbers(values: Sequence[float]) -> ArrayObject:
    return ArrayObject([FloatObject(round(value, 3)) for value in values])
