"""PDFium → the words of each page with their boxes. pypdfium2 only here, and only in the reader's process."""

import ctypes
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]  # it has no annotations

from bbp_cli.documents.pdf_characters import (
    SUPERSCRIPTS,
    Character,
    Word,
    is_undecodable,
    joined,
    pieces,
    without_copies,
    written,
)
from bbp_cli.documents.pdf_page import PageKind

RUN_GAP = 0.05  # of it: objects that follow each other this closely are parts of one word
MIN_OBJECTS = 20  # on a page, before their boundaries are taken for spaces
SCANNED_SHARE = 0.5  # of a page that a picture covers
MIN_DRAWING = 30  # paths: fewer are rules and frames of an empty page
MAX_OBJECTS = 5000  # looked at for pictures
SAMPLE = 400  # characters that mostly tell whether words are objects
_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, 0xFFFE, 0xFFFF))
_HYPHEN = 0x02  # PDFium's mark of a hyphen behind which a line ends, whatever hyphen it was


@dataclass(frozen=True, slots=True)
class PageWords:
    """What is seen on a page: upright words, its size and kind.

    `kind` says why there is no text; "text" where there is. A picture with hardly any
    text on it is `scanned` too.
    """

    words: tuple[Word, ...]
    width: float
    height: float
    kind: PageKind


class DamagedPdfError(Exception):
    """PDFium cannot open the file; `locked` if it asks for a password."""

    def __init__(self, *, locked: bool) -> None:
        super().__init__("PDFium cannot open the file")
        self.locked = locked


class PdfiumDocument:
    """An open document; `count` pages as the file says, which may be more than can be read."""

    def __init__(self, data: bytes) -> None:
        pdfium.FPDF_InitLibrary()
        self._data = data  # PDFium reads from it until the document is closed
        self._document = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
        if not self._document:
            raise DamagedPdfError(locked=pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD)
        self._form_info = pdfium.FPDF_FORMFILLINFO(version=2)
        self._form = pdfium.FPDFDOC_InitFormFillEnvironment(self._document, self._form_info)
        self.count = int(pdfium.FPDF_GetPageCount(self._document))

    def close(self) -> None:
        """Give the document's memory back."""
        pdfium.FPDFDOC_ExitFormFillEnvironment(self._form)
        pdfium.FPDF_CloseDocument(self._document)

    def label(self, number: int) -> str | None:
        """Return the name of a page (from 0), such as iv, where it is not the page's number from 1."""
        length = pdfium.FPDF_GetPageLabel(self._document, number, None, 0)
        if length <= 2:  # a NUL in UTF-16
            return None
        room = ctypes.create_string_buffer(length)
        pdfium.FPDF_GetPageLabel(self._document, number, room, length)
        label = room.raw.decode("utf-16-le", "replace").rstrip("\0").strip()
        return label if label and label != str(number + 1) else None

    def pages(self) -> Iterator[PageWords | None]:
        """Each page; None where there is none under a number that the file has promised."""
        for number in range(self.count):
            page = pdfium.FPDF_LoadPage(self._document, number)
            if not page:
                yield None
                continue
            text = pdfium.FPDFText_LoadPage(page)
            try:
                yield _Page(page, text, self._form).read()
            finally:
                pdfium.FPDFText_ClosePage(text)
                pdfium.FPDF_ClosePage(page)


@dataclass(slots=True)
class _Box:
    """What is visible of a page, and how its text is turned: user space → reading coordinates."""

    left: float
    bottom: float
    right: float
    top: float
    turn: int = 0  # quarters, counter-clockwise

    def place(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of a box in the direction of reading."""
        if self.turn == 1:
            return y0 - self.bottom, x0 - self.left, y1 - self.bottom, x1 - self.left
        if self.turn == 2:
            return self.right - x1, y0 - self.bottom, self.right - x0, y1 - self.bottom
        if self.turn == 3:
            return self.top - y1, self.right - x1, self.top - y0, self.right - x0
        return x0 - self.left, self.top - y1, x1 - self.left, self.top - y0


class _Page:
    """One page while it is read."""

    def __init__(self, page: Any, text: Any, form: Any) -> None:
        self._page, self._text, self._form = page, text, form
        self._count = max(0, pdfium.FPDFText_CountChars(text))
        bounds = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, bounds)
        self._box = _Box(bounds.left, bounds.bottom, bounds.right, bounds.top)
        self._spaces = 0  # that are drawn, seen so far
        self._x, self._y = ctypes.c_double(), ctypes.c_double()

    def read(self) -> PageWords:
        self._box.turn = self._usual_turn()
        words, turned, unmapped = self._words(list(self._characters()))
        words = without_copies(words) + self._annotations()
        width, height = self._box.right - self._box.left, self._box.top - self._box.bottom
        if self._box.turn % 2:
            width, height = height, width
        seen = "".join(word.text for word in words) + "".join(turned)
        kind: PageKind = "text"
        if not seen.strip():
            kind = "scanned" if self._shows_something() else "blank"
        elif is_undecodable(" ".join(word.text for word in words) or "".join(turned), unmapped):
            kind = "undecodable"
        elif len(seen) < 200 and self._covered() > SCANNED_SHARE:
            kind = "scanned"
        if kind == "undecodable":
            words, turned = [], []
        return PageWords(tuple(words), width, height, kind)

    def _usual_turn(self) -> int:
        step = max(1, self._count // 24)
        turns = [self._turn(n) for n in range(0, self._count, step)]
        return Counter(turns).most_common(1)[0][0] if turns else 0

    def _turn(self, index: int) -> int:
        """Quarters that a character is turned counter-clockwise; -1 where it is something between."""
        angle = float(pdfium.FPDFText_GetCharAngle(self._text, index))
        quarters = round(angle / 1.5707963)
        return -1 if angle < 0 or abs(angle - quarters * 1.5707963) > 0.2 else -quarters % 4

    def _characters(self) -> Iterator[Character]:
        """Return the characters that are visible, in the order of the file."""
        text, box = self._text, pdfium.FS_RECTF()
        unicode_of, box_of, place = (
            pdfium.FPDFText_GetUnicode,
            pdfium.FPDFText_GetLooseCharBox,
            self._box.place,
        )
        left, bottom = self._box.left - 1, self._box.bottom - 1
        right, top = self._box.right + 1, self._box.top + 1
        space = True
        low = high = end = 0.0
        for index in range(self._count):
            code = unicode_of(text, index)
            if code == _HYPHEN:
                code = 0x2D
            elif code <= 32 or code == 0xA0:
                # What PDFium adds at the ends of lines says nothing: the next character may stand beside it.
                drawn = not pdfium.FPDFText_IsGenerated(text, index)
                self._spaces += drawn
                space = space or code == 32 or drawn
                continue
            if code in _INVISIBLE or not box_of(text, index, box):
                continue
            x0, y0, x1, y1 = box.left, box.bottom, box.right, box.top
            if code == 0x2D and low < (y0 + y1) / 2 < high and abs(x0 - end) < high - low:
                y0, y1 = low, high  # PDFium gives a hyphen at the end of a line the box of its ink
            if left <= (x0 + x1) / 2 <= right and bottom <= (y0 + y1) / 2 <= top:
                character = chr(code) if code < 0xD800 else _letters(code)
                yield (character, *place(x0, y0, x1, y1), index, space)
            space = False
            low, high, end = y0, y1, x1

    def _words(self, characters: list[Character]) -> tuple[list[Word], list[str], float]:
        """Return the words in order, those that are turned, and the share without Unicode."""
        words: list[Word] = []
        turned: list[str] = []
        unmapped = count = 0
        for piece, glued in pieces(characters, self._object_starts(characters)):
            index = piece[0][5]
            count += 1
            unmapped += pdfium.FPDFText_HasUnicodeMapError(self._text, index) == 1
            if self._turn(index) != self._box.turn:
                turned.append((" " if piece[0][6] else "") + "".join(one[0] for one in piece))
                continue
            word = self._word(piece)
            if glued and words and words[-1].index == index - 1:
                words[-1] = joined(words[-1], word)
            else:
                words.append(word)
            words[-1].index = piece[-1][5]  # of its end, while it grows
        return words, turned, unmapped / max(1, count)

    def _word(self, piece: list[Character]) -> Word:
        first = piece[0]
        pdfium.FPDFText_GetCharOrigin(self._text, first[5], self._x, self._y)
        x, y = self._x.value, self._y.value
        return Word(
            text=self._with_raised_digits(piece),
            x0=min(first[1], piece[-1][1]),
            x1=max(first[3], piece[-1][3]),
            top=first[2],
            bottom=first[4],
            baseline=self._box.place(x, y, x, y)[1],
            size=first[4] - first[2],
            bold=pdfium.FPDFText_GetFontWeight(self._text, first[5]) >= 600,
            index=first[5],
        )

    def _with_raised_digits(self, piece: list[Character]) -> str:
        """Return the text of a piece; digits at its end that stand above the line are raised ones."""
        texts = [one[0] for one in piece]
        for place in range(len(piece) - 1, max(-1, len(piece) - 4), -1):
            if not texts[place].isdecimal() or not self._is_raised(piece[place]):
                break
            texts[place] = texts[place].translate(SUPERSCRIPTS)
        return "".join(texts)

    def _is_raised(self, character: Character) -> bool:
        """Return whether the ink of a digit begins well above its baseline."""
        _, _, top, _, bottom, index, _ = character
        sides = [ctypes.c_double() for _ in range(4)]
        pdfium.FPDFText_GetCharBox(self._text, index, *sides)
        pdfium.FPDFText_GetCharOrigin(self._text, index, self._x, self._y)
        left, right, low, high = (side.value for side in sides)
        ink = self._box.place(left, low, right, high)[3]
        baseline = self._box.place(self._x.value, self._y.value, self._x.value, self._y.value)[1]
        return baseline - ink > 0.2 * (bottom - top)

    def _object_starts(self, characters: list[Character]) -> frozenset[int]:
        """Return the characters that text objects begin with, where every word is an object of its own.

        It is so on a page without spaces whose objects have a few letters, and do not touch.
        """
        if len(characters) < 2 * MIN_OBJECTS or self._spaces > 0.1 * len(characters):
            return frozenset()
        found: frozenset[int] = frozenset()
        for some in (characters[:SAMPLE], characters):
            starts, touching = self._boundaries(some)
            usual = 2 <= len(some) / max(1, len(starts)) <= 12
            if len(starts) < MIN_OBJECTS or not usual or touching > 0.25 * len(starts):
                return frozenset()
            found = frozenset(starts)
        return found

    def _boundaries(self, characters: Sequence[Character]) -> tuple[list[int], int]:
        """Return where other text objects begin on the same line, and how many touch the one before."""
        starts: list[int] = []
        touching, last = 0, None
        before = characters[0]
        for one in characters:
            item = pdfium.FPDFText_GetTextObject(self._text, one[5])
            now = ctypes.cast(item, ctypes.c_void_p).value
            size = one[4] - one[2]
            if now != last and one is not before and abs(one[4] - before[4]) < 0.3 * size:
                starts.append(one[5])
                touching += abs(one[1] - before[3]) < RUN_GAP * size
            before, last = one, now
        return starts, touching

    def _annotations(self) -> list[Word]:
        """Return the values of filled forms and text written on the page, as words where they stand."""
        words: list[Word] = []
        for number in range(max(0, pdfium.FPDFPage_GetAnnotCount(self._page))):
            annotation = pdfium.FPDFPage_GetAnnot(self._page, number)
            if not annotation:
                continue
            rectangle = pdfium.FS_RECTF()
            hidden = pdfium.FPDFAnnot_GetFlags(annotation) & (
                pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
            )
            text = "" if hidden else self._annotation_text(annotation)
            if text.strip() and pdfium.FPDFAnnot_GetRect(annotation, rectangle):
                place = self._box.place(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
                words += written(text, place, self._count + len(words))
            pdfium.FPDFPage_CloseAnnot(annotation)
        return words

    def _annotation_text(self, annotation: Any) -> str:
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_FREETEXT:
            return _string(lambda *room: pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", *room))
        if kind != pdfium.FPDF_ANNOT_WIDGET:
            return ""
        if pdfium.FPDFAnnot_GetFormFieldType(self._form, annotation) not in _FIELDS_WITH_TEXT:
            return ""
        return _string(lambda *room: pdfium.FPDFAnnot_GetFormFieldValue(self._form, annotation, *room))

    def _objects(self) -> Iterator[Any]:
        for number in range(min(MAX_OBJECTS, pdfium.FPDFPage_CountObjects(self._page))):
            item = pdfium.FPDFPage_GetObject(self._page, number)
            yield item
            if pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_FORM:
                for inner in range(min(MAX_OBJECTS, max(0, pdfium.FPDFFormObj_CountObjects(item)))):
                    yield pdfium.FPDFFormObj_GetObject(item, inner)

    def _shows_something(self) -> bool:
        """Return whether a page without text has a picture or a drawing on it."""
        kinds = Counter(pdfium.FPDFPageObj_GetType(item) for item in self._objects())
        return bool(kinds[pdfium.FPDF_PAGEOBJ_IMAGE]) or kinds[pdfium.FPDF_PAGEOBJ_PATH] >= MIN_DRAWING

    def _covered(self) -> float:
        """Return the share of the page that its greatest picture covers."""
        sides = [ctypes.c_float() for _ in range(4)]
        greatest = 0.0
        for item in self._objects():
            if pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_IMAGE:
                pdfium.FPDFPageObj_GetBounds(item, *sides)
                left, bottom, right, top = (side.value for side in sides)
                greatest = max(greatest, (right - left) * (top - bottom))
        area = (self._box.right - self._box.left) * (self._box.top - self._box.bottom)
        return greatest / max(1.0, area)


_FIELDS_WITH_TEXT = (
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
    pdfium.FPDF_FORMFIELD_LISTBOX,
)


def _letters(code: int) -> str:
    """Return the character of a code; ligatures and Arabic forms become their letters."""
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        return "\ufffd"
    if 0xFB00 <= code <= 0xFEFC:
        return unicodedata.normalize("NFKC", chr(code)) or chr(code)
    return chr(code)


def _string(get: Callable[..., int]) -> str:
    """Return a string of PDFium's: asked for its length in bytes, then for UTF-16."""
    length = get(None, 0)
    room = (ctypes.c_ushort * (length // 2 + 1))()
    get(room, length)
    return bytes(room).decode("utf-16-le", "replace").split("\0", 1)[0]
