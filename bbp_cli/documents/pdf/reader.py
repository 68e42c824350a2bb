"""PDF bytes → text, in the process that reads PDFs: open the file, mend it if need be, read its pages."""

import contextlib
import io
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from bbp_cli.documents.pdf.box import VisibleBox
from bbp_cli.documents.pdf.characters import Word
from bbp_cli.documents.pdf.layout import PageLayout, lay_out
from bbp_cli.documents.pdf.places import WordBoxes
from bbp_cli.documents.pdf.text import PlacedWord, text_of
from bbp_cli.documents.pdf.words import DamagedPdfError, PdfiumDocument
from bbp_cli.errors import InputError

ASCENT, DESCENT = 0.68, 0.2  # of a character's box, which is about 1.2 em high: what stands above and below
CUT_OFF = "the PDF is cut off: its end is missing"


def read(
    data: bytes, left_out: Sequence[int] = (), begin: Callable[[int], None] = lambda _page: None
) -> dict[str, Any]:
    """Return text, pages, asides and warnings, as `pdf.PdfText` has them.

    Pages (from 0) that are `left_out` are not looked at; `begin` is called before each other one, and with
    the number of pages before the text is put together.

    Raises:
        InputError: the file is cut off or damaged, or asks for a password.
    """
    start = max(0, data.find(b"%PDF-"))
    warnings = outer_damage(data, start)
    document = _open(data[start:], warnings)
    layouts: list[PageLayout] = []
    frames: list[tuple[VisibleBox, int]] = []
    kinds: list[str] = []
    labels: list[str | None] = []
    missing = 0
    for number, page in enumerate(document.pages(left_out, begin)):
        if page is None:
            missing += 1
            continue
        layouts.append(lay_out(page.words, page.width, page.turned))
        kinds.append(page.kind)
        frames.append((page.box, page.turn))
        labels.append(document.label(number))
    document.close()
    begin(document.count)
    if blank := [number for number, kind in enumerate(kinds) if kind == "blank"]:
        for number, problem in _unreadable(data[start:], blank, warnings):
            kinds[number] = "undecodable"
            warnings.append(f"page {number + 1} cannot be read: {problem}")
    if missing and not has_end(data):
        raise InputError(CUT_OFF, hint="download or copy it again", code="corrupt")
    if missing:
        warnings.append(f"damaged PDF: only {len(layouts)} of {document.count} pages could be found")
    found = text_of(layouts)
    return {
        "text": found.text,
        "pages": [
            (n, start, end, kinds[n - 1], labels[n - 1])
            for n, (start, end) in enumerate(found.pages, start=1)
        ],
        "asides": [(aside.start, aside.end, aside.kind) for aside in found.asides],
        "boxes": _boxes(found.words, frames).packed(),
        "warnings": warnings,
    }


def _boxes(words: Sequence[PlacedWord], frames: Sequence[tuple[VisibleBox, int]]) -> WordBoxes:
    """Return where the words of the text stand on their pages, in the pages' own coordinates."""
    pages = np.array([page for _, _, page, _ in words], np.int32)
    placed = np.array([_inked(word) for *_, word in words]).reshape(-1, 4)
    for page in np.unique(pages):
        box, turn = frames[page]
        placed[pages == page] = box.in_user_space(placed[pages == page], turn)
    spans = np.array([(start, end) for start, end, _, _ in words], np.int32).reshape(-1, 2)
    upright = np.array([turn % 2 == 0 for _, turn in frames], bool)[pages]
    return WordBoxes(spans, pages + 1, upright, placed.astype(np.float32))


def _inked(word: Word) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of a word without its leading, which lies on the lines beside it."""
    top = max(word.top, word.baseline - ASCENT * word.size)
    return word.x0, top, word.x1, min(word.bottom, word.baseline + DESCENT * word.size)


def _open(data: bytes, warnings: list[str]) -> PdfiumDocument:
    """Return the document; where PDFium cannot open it, as pypdf rewrites it."""
    if is_cut_off(data):
        raise InputError(CUT_OFF, hint="download or copy it again", code="corrupt")
    try:
        return PdfiumDocument(data)
    except DamagedPdfError as error:
        if error.locked:
            raise InputError(
                "the PDF asks for a password",
                hint="decrypt it first: qpdf --decrypt --password=...",
                code="encrypted",
            ) from error
    with contextlib.suppress(DamagedPdfError):
        return PdfiumDocument(with_trailer(data))
    if not has_end(data):
        raise InputError(CUT_OFF, hint="download or copy it again", code="corrupt")
    try:
        document = PdfiumDocument(_mended(data))
    except DamagedPdfError as error:
        raise InputError("damaged PDF: it cannot be opened", code="corrupt") from error
    warnings.append("damaged PDF: mended as far as it could be")
    return document


def with_trailer(data: bytes) -> bytes:
    """Return a PDF with a trailer that leads to its catalog, or nothing where that cannot be found."""
    catalog = re.search(rb"(\d+)\s+(\d+)\s+obj\b[^\d]*$", data[: max(0, data.rfind(b"/Catalog"))][-4096:])
    if catalog is None:
        return b""
    root = b"%b %b R" % catalog.groups()
    return data + b"\ntrailer\n<</Root " + root + b">>\nstartxref\n0\n%%EOF\n"


def outer_damage(data: bytes, start: int) -> list[str]:
    """Return what is wrong around a PDF that begins at `start`, though its text may be whole."""
    found = []
    if data[:start].strip():
        found.append(f"damaged PDF: {start} bytes before its beginning were skipped")
    if not has_end(data):
        found.append("damaged PDF: its end is missing; what is in it was read")
    elif behind := len(data[data.rindex(b"%%EOF") + 5 :].strip()):
        found.append(f"damaged PDF: {behind} bytes behind its end were skipped")
    if not _has_index(data, start):
        found.append("damaged PDF: its index is missing; its pages were searched for")
    return found


def _has_index(data: bytes, start: int) -> bool:
    """Return whether the last pointer to a table of the objects leads to one."""
    pointers = re.findall(rb"startxref\s+(\d{1,12})", data[-1 << 20 :])
    if not pointers:
        return False
    places = (int(pointers[-1]), start + int(pointers[-1]))  # counted from the file's beginning, or the PDF's
    return any(re.match(rb"\s*(?:xref|\d+\s+\d+\s+obj)", data[place : place + 64]) for place in places)


def is_cut_off(data: bytes) -> bool:
    """Return whether the last object of a file is not complete."""
    return not has_end(data) and data.rfind(b" obj") > data.rfind(b"endobj")


def has_end(data: bytes) -> bool:
    """Return whether a file ends as a PDF does, whatever was put behind that."""
    return b"%%EOF" in data.rstrip(b"\0")[-8192:]


def _unreadable(data: bytes, numbers: Sequence[int], warnings: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the pages that seem blank and are not, and why: PDFium does not say what it leaves out."""
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        pages = PdfReader(io.BytesIO(data)).pages
    except Exception as error:  # noqa: BLE001 - a file that only PDFium can read
        named = ", ".join(str(number + 1) for number in numbers)
        problem = f"{type(error).__name__}: {error}"
        warnings.append(f"whether there is text on pages that seem blank ({named}) is unknown: {problem}")
        return
    for number in numbers:
        try:
            contents = pages[number].get_contents()
            commands = contents.get_data() if contents is not None else b""
        except Exception as error:  # noqa: BLE001 - pypdf raises anything on a damaged page; it is reported
            yield number, f"{type(error).__name__}: {error}"
        else:
            if re.search(rb"\(\s*[^\s)][^)]*\)\s*Tj", commands):
                yield number, "its text is left out by PDFium"


def _mended(data: bytes) -> bytes:
    """Return the file as pypdf reads and writes it."""
    from pypdf import PdfReader, PdfWriter

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    written = io.BytesIO()
    try:
        writer = PdfWriter()
        for page in PdfReader(io.BytesIO(data)).pages:
            writer.add_page(page)
        writer.write(written)
    except Exception as error:  # pypdf raises anything on a damaged file
        raise InputError(f"damaged PDF: {error or type(error).__name__}", code="corrupt") from error
    return written.getvalue()
