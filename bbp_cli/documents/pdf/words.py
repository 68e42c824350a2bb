"""PDFium → the words of each page with their boxes. Only in the reader's process."""

import ctypes
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]  # it has no annotations

from bbp_cli.documents.pdf.annotations import annotations, written
from bbp_cli.documents.pdf.box import VisibleBox
from bbp_cli.documents.pdf.characters import (
    SUPERSCRIPTS,
    Booleans,
    Characters,
    Floats,
    Integers,
    Word,
    is_undecodable,
    is_vertical,
    joined,
    pieces,
    without_copies,
)
from bbp_cli.documents.pdf.objects import covered, dropped_hyphens, shows_something
from bbp_cli.documents.pdf.page import PageKind

RUN_GAP = 0.05  # of a character's box: objects that follow each other this closely are parts of one word
MIN_OBJECTS = 20  # on a page, before their boundaries are taken for spaces
SCANNED_SHARE = 0.5  # of a page that a picture covers
SAMPLE = 400  # characters that mostly tell whether words are objects
QUARTER = np.pi / 2
_INVISIBLE = np.array((0x00AD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, 0xFFFE, 0xFFFF))
_HYPHEN = 0x02  # PDFium's mark of a hyphen behind which a line ends, whatever hyphen it was
_NOTHING = 0xFEFF
_SLANTED = -1
_BEHIND = ".,;:!?)]"  # may follow a raised number
_POWER = re.compile(rf"\d[{re.escape(_BEHIND)}]*$")
_ENDS = frozenset("0123456789" + _BEHIND)
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"


@dataclass(frozen=True, slots=True)
class PageWords:
    """What is seen on a page: upright words, its size and kind.

    `box` is what is visible of it, and `turn` how many quarters its text is turned counter-clockwise there.

    `turned` are the words that are not upright, one direction after the other; what is slanted is one word.
    `kind` says why there is no text; "text" where there is. A picture with hardly any text on it is
    `scanned` too.
    """

    words: tuple[Word, ...]
    width: float
    height: float
    kind: PageKind
    turned: tuple[tuple[Word, ...], ...]
    box: VisibleBox
    turn: int


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

    def pages(self, left_out: Sequence[int], begin: Callable[[int], None]) -> Iterator[PageWords | None]:
        """Each page; None where there is none under a number that the file has promised.

        `begin` is called with the number of each (from 0); those that are `left_out` are not looked at.
        """
        for number in range(self.count):
            if number in left_out:
                yield PageWords((), 0.0, 0.0, "undecodable", (), VisibleBox(0.0, 0.0, 0.0, 0.0), 0)
                continue
            begin(number)
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


def _asking(function: Any, result: Any, *arguments: Any) -> Any:
    """Return a function of PDFium's that takes addresses, so that `map` can call it for all characters."""
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    return ctypes.CFUNCTYPE(result, ctypes.c_void_p, ctypes.c_int, *arguments)(address)


_unicode = _asking(pdfium.FPDFText_GetUnicode, ctypes.c_uint)
_angle = _asking(pdfium.FPDFText_GetCharAngle, ctypes.c_float)
_generated = _asking(pdfium.FPDFText_IsGenerated, ctypes.c_int)
_unmapped = _asking(pdfium.FPDFText_HasUnicodeMapError, ctypes.c_int)
_weight = _asking(pdfium.FPDFText_GetFontWeight, ctypes.c_int)
_object = _asking(pdfium.FPDFText_GetTextObject, ctypes.c_void_p)
_loose_box = _asking(pdfium.FPDFText_GetLooseCharBox, ctypes.c_int, ctypes.c_void_p)
_origin = _asking(pdfium.FPDFText_GetCharOrigin, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class _Page:
    """One page while it is read."""

    def __init__(self, page: Any, text: Any, form: Any) -> None:
        self._page, self._text, self._form = page, text, form
        self._address = ctypes.cast(text, ctypes.c_void_p).value
        self._count = max(0, pdfium.FPDFText_CountChars(text))
        bounds = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, bounds)
        self._box = VisibleBox(bounds.left, bounds.bottom, bounds.right, bounds.top)
        self._spaces = 0  # that are drawn

    def read(self) -> PageWords:
        characters = self._characters()
        turns = self._turns(characters)
        turn = Counter(turns.tolist()).most_common(1)[0][0] if len(turns) else 0
        turn = max(turn, 0)  # a page of slanted text only is upright as a whole
        if turn == 0 and is_vertical(characters):
            turn, turns = 3, np.where(turns == 0, 3, turns)  # lines go down, the next one stands to the left
        words = without_copies(self._words(characters.of(turns == turn), turn)) + self._annotations(turn)
        turned = [
            without_copies(self._words(characters.of(turns == other), other))
            for other in range(4)
            if other != turn and (turns == other).any()
        ]
        if (turns == _SLANTED).any():
            turned.append([self._slanted(characters.of(turns == _SLANTED))])
        width, height = self._box.right - self._box.left, self._box.top - self._box.bottom
        if turn % 2:
            width, height = height, width
        kind = self._kind(words, turned, characters)
        if kind == "undecodable":
            words, turned = [], []
        return PageWords(
            tuple(words), width, height, kind, tuple(map(tuple, turned)), box=self._box, turn=turn
        )

    def _kind(
        self, words: Sequence[Word], turned: Sequence[Sequence[Word]], characters: Characters
    ) -> PageKind:
        upright = " ".join(word.text for word in words)
        seen = " ".join([upright, *(word.text for group in turned for word in group)])
        if not seen.strip():
            return "scanned" if shows_something(self._page) else "blank"
        asked = characters.indices[:: max(1, len(characters.indices) // SAMPLE)]
        unmapped = float(np.mean(self._ask(_unmapped, asked) == 1)) if len(asked) else 0.0
        if is_undecodable(upright.strip() or seen, unmapped):
            return "undecodable"
        few = len(seen) - seen.count(" ") < 200
        return "scanned" if few and covered(self._page) > SCANNED_SHARE * self._box.area else "text"

    def _ask(self, function: Any, indices: Integers) -> Any:
        """Return what PDFium says of characters, (N,)."""
        asked = indices.tolist()
        return np.array(list(map(function, repeat(self._address), asked)))

    def _turns(self, characters: Characters) -> Integers:
        """Quarters that characters are turned counter-clockwise; -1 where it is something between.

        Those that follow each other on a line without a blank are turned alike.
        """
        middle = (characters.boxes[:, 1] + characters.boxes[:, 3]) / 2
        height = characters.boxes[:, 3] - characters.boxes[:, 1]
        begins = np.diff(characters.indices, prepend=-2) > 1
        begins |= np.abs(np.diff(middle, prepend=np.inf)) > 0.3 * height
        angles = self._ask(_angle, characters.indices[begins]).astype(float)
        quarters = np.round(angles / QUARTER)
        slanted = (angles < 0) | (np.abs(angles - quarters * QUARTER) > 0.2)
        turns = np.where(slanted, _SLANTED, -quarters % 4).astype(int)
        filled: Integers = turns[np.cumsum(begins) - 1]
        return filled

    def _characters(self) -> Characters:
        """Return the characters that are visible; boxes in user space (left, bottom, right, top)."""
        every = range(self._count)
        codes = np.fromiter(map(_unicode, repeat(self._address), every), np.int64, self._count)
        codes[codes == _HYPHEN] = 0x2D
        _join_surrogates(codes)
        blank = (codes <= 32) | (codes == 0xA0)
        # What PDFium adds at the ends of lines says nothing: the next character may stand beside it.
        drawn = blank.copy()
        drawn[blank] = self._ask(_generated, np.flatnonzero(blank)) == 0
        self._spaces = int(drawn.sum())
        shown = np.flatnonzero(~blank & ~np.isin(codes, _INVISIBLE))
        boxes, found = self._boxes(shown)
        shown, boxes = shown[found], boxes[found]
        spaces = np.cumsum(drawn | (codes == 32))[shown]
        spaced = np.diff(spaces, prepend=-1) > 0
        _give_hyphens_height(codes[shown], boxes)
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        box = self._box
        inside = (box.left - 1 <= x) & (x <= box.right + 1) & (box.bottom - 1 <= y) & (y <= box.top + 1)
        texts = np.array(list(map(chr, codes[shown])), object)
        for place in np.flatnonzero(codes[shown] >= 0xD800).tolist():
            texts[place] = _letters(int(codes[shown][place]))
        self._give_back_hyphens(texts, boxes, shown, spaced)
        return Characters(texts, boxes, shown, spaced).of(inside)

    def _give_back_hyphens(
        self, texts: npt.NDArray[np.object_], boxes: Floats, indices: Integers, spaced: Booleans
    ) -> None:
        """Add the hyphens that PDFium drops: each a text object that follows another hyphen, as in --."""
        hyphens = np.flatnonzero(texts == "-")
        hyphens = hyphens[hyphens + 1 < len(texts)]
        if not len(hyphens):
            return
        objects = self._ask(_object, indices[hyphens])
        alone = objects != self._ask(_object, indices[hyphens + 1])
        gap = boxes[hyphens + 1, 0] - boxes[hyphens, 2]
        width = boxes[hyphens, 2] - boxes[hyphens, 0]
        hyphens = hyphens[alone & (spaced[hyphens] | (gap > 0.8 * width))]
        if not len(hyphens):
            return
        dropped = dropped_hyphens(self._page, self._text, self._ask(_object, indices[hyphens]).tolist())
        for hyphen, count in zip(hyphens.tolist(), dropped, strict=True):
            texts[hyphen] = "-" * (1 + count)
            boxes[hyphen, 2] += count * (boxes[hyphen, 2] - boxes[hyphen, 0])

    def _boxes(self, indices: Integers) -> tuple[Floats, Booleans]:
        """Return the boxes of characters, (N, 4) in user space, and for which there are any."""
        room = np.zeros((len(indices), 4), np.float32)  # FS_RECTF: left, top, right, bottom
        places = range(room.ctypes.data, room.ctypes.data + room.nbytes, room.itemsize * 4)
        found = np.array(list(map(_loose_box, repeat(self._address), indices.tolist(), places)), bool)
        return room[:, [0, 3, 2, 1]].astype(float), found

    def _baselines(self, indices: Integers, turn: int) -> Floats:
        """Return the baselines of characters in reading coordinates, (N,)."""
        room = np.zeros((len(indices), 2))
        start, step = room.ctypes.data, room.itemsize * 2
        across = range(start, start + room.nbytes, step)
        along = range(start + room.itemsize, start + room.itemsize + room.nbytes, step)
        list(map(_origin, repeat(self._address), indices.tolist(), across, along))
        return self._box.placed(room[:, [0, 1, 0, 1]], turn)[:, 1]

    def _words(self, characters: Characters, turn: int) -> list[Word]:
        """Return the words of characters that are turned alike, in the order of the file."""
        placed = Characters(
            characters.texts, self._box.placed(characters.boxes, turn), characters.indices, characters.spaced
        )
        placed, first, glued = pieces(placed, self._object_starts(placed))
        if not len(first):
            return []
        last = np.append(first[1:], len(placed.texts)) - 1
        baselines = self._baselines(placed.indices[first], turn).tolist()
        bold = (self._ask(_weight, placed.indices[first]) >= 600).tolist()
        x0 = np.minimum(placed.boxes[first, 0], placed.boxes[last, 0]).tolist()
        x1 = np.maximum(placed.boxes[first, 2], placed.boxes[last, 2]).tolist()
        top, bottom = placed.boxes[first, 1].tolist(), placed.boxes[first, 3].tolist()
        ends = placed.indices[last].tolist()
        texts = placed.texts.tolist()
        words: list[Word] = []
        for n, (start, end) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            text = "".join(texts[start : end + 1])
            if text[-1] in _ENDS and _POWER.search(text):
                text = self._with_raised_digits(placed, start, end, turn)
            size = bottom[n] - top[n]
            word = Word(text, x0[n], x1[n], top[n], bottom[n], baselines[n], size, bold[n], ends[n])
            if glued[n] and words:
                words[-1] = joined(words[-1], word)
                words[-1].index = ends[n]
            else:
                words.append(word)
        return words

    def _with_raised_digits(self, placed: Characters, start: int, end: int, turn: int) -> str:
        """Return the text of a piece; digits at its end that stand above the line are raised ones."""
        texts = placed.texts[start : end + 1].tolist()
        place = len(texts) - 1
        while place > 0 and texts[place] in _BEHIND:
            place -= 1
        first = max(-1, place - 3)
        while place > first and texts[place].isdecimal() and self._is_raised(placed, start + place, turn):
            texts[place] = texts[place].translate(SUPERSCRIPTS)
            place -= 1
        signed = place > 0 and texts[place] in "-−" and texts[place - 1].isdecimal()
        if signed and texts[place + 1 : place + 2] and texts[place + 1] in _RAISED:
            texts[place] = texts[place].translate(SUPERSCRIPTS)  # 10⁻⁶
        return "".join(texts)

    def _is_raised(self, placed: Characters, place: int, turn: int) -> bool:
        """Return whether the ink of a digit begins well above its baseline."""
        index = int(placed.indices[place])
        left, right, low, high, x, y = (ctypes.c_double() for _ in range(6))
        pdfium.FPDFText_GetCharBox(self._text, index, left, right, low, high)
        pdfium.FPDFText_GetCharOrigin(self._text, index, x, y)
        down = self._box.down
        ink = max(down(left.value, low.value, turn), down(right.value, high.value, turn))
        size = placed.boxes[place, 3] - placed.boxes[place, 1]
        return bool(down(x.value, y.value, turn) - ink > 0.2 * size)

    def _object_starts(self, characters: Characters) -> Booleans:
        """Return the characters that text objects begin with, where every word is an object of its own.

        It is so on a page without spaces whose objects have a few letters, and do not touch.
        """
        count = len(characters.texts)
        starts = np.zeros(count, bool)
        if count < 2 * MIN_OBJECTS or self._spaces > 0.1 * count:
            return starts
        for number in (SAMPLE, count):
            found, touching = self._boundaries(characters.of(np.arange(min(number, count))))
            many = int(found.sum())
            usual = 2 <= min(number, count) / max(1, many) <= 12
            if many < MIN_OBJECTS or not usual or touching > 0.25 * many:
                return starts
        return found

    def _boundaries(self, characters: Characters) -> tuple[Booleans, int]:
        """Return where other text objects begin on the same line, and how many touch the one before."""
        objects = self._ask(_object, characters.indices)
        x0, top, x1, bottom = characters.boxes.T
        size = bottom - top
        other = (objects[1:] != objects[:-1]) & (np.abs(np.diff(bottom)) < 0.3 * size[1:])
        touching = np.abs(x0[1:] - x1[:-1]) < RUN_GAP * size[1:]
        return np.append(False, other), int((other & touching).sum())

    def _slanted(self, characters: Characters) -> Word:
        """Return slanted text as one word, with spaces, at the foot of the page."""
        text = "".join(
            (" " if spaced else "") + letters
            for letters, spaced in zip(characters.texts.tolist(), characters.spaced.tolist(), strict=True)
        )
        width, height = self._box.right - self._box.left, self._box.top - self._box.bottom
        return Word(text.strip(), 0.0, width, height - 12.0, height, height, 12.0, False, self._count)

    def _annotations(self, turn: int) -> list[Word]:
        """Return the values of filled forms and text written on the page, as words where they stand."""
        words: list[Word] = []
        for text, box in annotations(self._page, self._form):
            x0, top, x1, bottom = self._box.placed(np.array([box]), turn)[0].tolist()
            words += written(text, (x0, top, x1, bottom), self._count + len(words))
        return words


def _join_surrogates(codes: Integers) -> None:
    """Make one character, in place, of each two halves of UTF-16, and none of the second half."""
    first = np.flatnonzero((codes[:-1] >> 10 == 0x36) & (codes[1:] >> 10 == 0x37))
    codes[first] = 0x10000 + ((codes[first] & 0x3FF) << 10 | codes[first + 1] & 0x3FF)
    codes[first + 1] = _NOTHING


def _give_hyphens_height(codes: Integers, boxes: Floats) -> None:
    """Give hyphens at the ends of lines, of which PDFium gives the ink, the height of what is before them."""
    for place in np.flatnonzero(codes == 0x2D).tolist():
        if place == 0:
            continue
        (_, low, end, high), (x0, y0, _, y1) = boxes[place - 1].tolist(), boxes[place].tolist()
        if low < (y0 + y1) / 2 < high and abs(x0 - end) < high - low:
            boxes[place, 1], boxes[place, 3] = low, high


def _letters(code: int) -> str:
    """Return the character of a code; ligatures, Arabic forms and letters of formulas become plain ones."""
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        return "\ufffd"
    if 0xFB00 <= code <= 0xFEFC or 0x1D400 <= code <= 0x1D7FF:
        return unicodedata.normalize("NFKC", chr(code)) or chr(code)
    return chr(code)
