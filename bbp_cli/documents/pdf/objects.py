"""What is drawn on a page of a PDF, object by object: pictures, drawings, and text that PDFium leaves out."""

import ctypes
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]  # it has no annotations

MIN_DRAWING = 30  # paths: fewer are rules and frames of an empty page
MAX_OBJECTS = 5000  # looked at
_END = 2  # bytes of a text without a character


def shows_something(page: Any) -> bool:
    """Return whether a page without text has a picture or a drawing on it."""
    kinds = Counter(pdfium.FPDFPageObj_GetType(item) for item in _objects(page))
    return bool(kinds[pdfium.FPDF_PAGEOBJ_IMAGE]) or kinds[pdfium.FPDF_PAGEOBJ_PATH] >= MIN_DRAWING


def covered(page: Any) -> float:
    """Return the area in square points of the page's greatest picture."""
    greatest = 0.0
    for item in _objects(page):
        if pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = _bounds(item)
            greatest = max(greatest, (right - left) * (top - bottom))
    return greatest


def dropped_hyphens(page: Any, text: Any, addresses: Sequence[int]) -> list[int]:
    """Return how many text objects without a character follow each object that is a hyphen.

    PDFium leaves a hyphen out that is an object of its own behind another one, as in a dash of two.
    """
    items = list(_objects(page))
    places = {ctypes.cast(item, ctypes.c_void_p).value: place for place, item in enumerate(items)}
    found = []
    for address in addresses:
        first = place = places.get(address, len(items))
        while place + 1 < len(items) and _is_left_out(text, items[place], items[place + 1]):
            place += 1
        found.append(place - first)
    return found


def _is_left_out(text: Any, item: Any, following: Any) -> bool:
    """Return whether an object is text that PDFium left out, of the same shape as the one right before it."""
    if pdfium.FPDFPageObj_GetType(following) != pdfium.FPDF_PAGEOBJ_TEXT:
        return False
    if pdfium.FPDFTextObj_GetText(following, text, None, 0) > _END:
        return False
    left, bottom, right, top = _bounds(item)
    other = _bounds(following)
    width = right - left
    differences = (other[3] - top, other[1] - bottom, other[2] - other[0] - width)
    return max(map(abs, differences)) < 0.1 and 0.5 * width < other[0] - left < 2.5 * width


def _objects(page: Any) -> Iterator[Any]:
    for number in range(min(MAX_OBJECTS, pdfium.FPDFPage_CountObjects(page))):
        item = pdfium.FPDFPage_GetObject(page, number)
        yield item
        if pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_FORM:
            for inner in range(min(MAX_OBJECTS, max(0, pdfium.FPDFFormObj_CountObjects(item)))):
                yield pdfium.FPDFFormObj_GetObject(item, inner)


def _bounds(item: Any) -> tuple[float, ...]:
    """Return left, bottom, right and top of an object, of its ink."""
    sides = [ctypes.c_float() for _ in range(4)]
    pdfium.FPDFPageObj_GetBounds(item, *sides)
    return tuple(side.value for side in sides)
