"""What is written on a page of a PDF: the values of its form's fields, and notes that are shown."""

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]  # it has no annotations

from bbp_cli.documents.pdf.characters import Word

_CHOICES = (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
_TICKS = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_PASSWORD = 1 << 13  # a flag of fields with text
MAX_OPTIONS = 1000  # of a list
MAX_LINE = 14.0  # points, of a value in its box


def annotations(page: Any, form: Any) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """Yield the texts of a page's annotations that are seen, each with its left, bottom, right and top."""
    for number in range(max(0, pdfium.FPDFPage_GetAnnotCount(page))):
        annotation = pdfium.FPDFPage_GetAnnot(page, number)
        if not annotation:
            continue
        box = pdfium.FS_RECTF()
        hidden = pdfium.FPDFAnnot_GetFlags(annotation) & (
            pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
        )
        text = "" if hidden else _text(annotation, form)
        if text.strip() and pdfium.FPDFAnnot_GetRect(annotation, box):
            yield text, (box.left, box.bottom, box.right, box.top)
        pdfium.FPDFPage_CloseAnnot(annotation)


def written(text: str, place: tuple[float, float, float, float], index: int) -> list[Word]:
    """Return the words of a form's field or a note, spread over its box."""
    x0, top, x1, bottom = place
    lines = [line.split() for line in text.splitlines() if line.strip()]
    height = min((bottom - top) / max(1, len(lines)), 1.2 * MAX_LINE)
    words: list[Word] = []
    for number, line in enumerate(lines):
        width = (x1 - x0) / max(1, sum(map(len, line)) + len(line))
        position = x0
        for word in line:
            end = position + width * len(word)
            low = top + height * (number + 1)
            size = min(height, MAX_LINE)
            words.append(
                Word(word, position, end, low - size, low, low - 0.2 * size, size, False, index + len(words))
            )
            position = end + width
    return words


def _text(annotation: Any, form: Any) -> str:
    kind = pdfium.FPDFAnnot_GetSubtype(annotation)
    if kind == pdfium.FPDF_ANNOT_FREETEXT:
        return _string(lambda *room: pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", *room))
    if kind != pdfium.FPDF_ANNOT_WIDGET:
        return ""
    field = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if field in _TICKS:
        state = _string(lambda *room: pdfium.FPDFAnnot_GetStringValue(annotation, b"AS", *room))
        return "☒" if state not in ("", "Off") else "☐"
    if field in _CHOICES and (chosen := _chosen(annotation, form)):
        return ", ".join(chosen)
    is_secret = pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD
    if field not in (pdfium.FPDF_FORMFIELD_TEXTFIELD, *_CHOICES) or is_secret:
        return ""
    return _string(lambda *room: pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, *room))


def _chosen(annotation: Any, form: Any) -> list[str]:
    """Return the options of a list that are chosen, as the page shows them."""
    return [
        _string(lambda *room, number=number: pdfium.FPDFAnnot_GetOptionLabel(form, annotation, number, *room))
        for number in range(min(MAX_OPTIONS, max(0, pdfium.FPDFAnnot_GetOptionCount(form, annotation))))
        if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, number)
    ]


def _string(get: Callable[..., int]) -> str:
    """Return a string of PDFium's: asked for its length in bytes, then for UTF-16."""
    length = get(None, 0)
    room = (ctypes.c_ushort * (length // 2 + 1))()
    get(room, length)
    return bytes(room).decode("utf-16-le", "replace").split("\0", 1)[0]
