"""Characters of a page with their boxes → words: functions over arrays of what PDFium finds.

Words are found by the distances between characters, not by PDFium's own spaces alone, which are missing
where a font's space is wider than the gaps, and where every word is a text object of its own.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

WORD_GAP = 0.125  # of a character's box, which is about 1.2 em high: more is a space
TOUCHING = 0.03  # of it: no space is seen between characters that are so close, whatever the file says
MIN_VERTICAL = 8  # characters of a page whose lines go down
SUPERSCRIPTS = str.maketrans("0123456789-−+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺")
_POWER = re.compile(r"[-−+]?\d+")

_ALEFS = ("\u0622", "\u0623", "\u0625", "\u0627")

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Booleans: TypeAlias = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Word:
    """A word and its box in points: x to the right, y downwards, in the direction the text is read.

    `size` is the height of its characters' boxes. `index` counts the page's characters in logical order.
    """

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    baseline: float
    size: float
    bold: bool
    index: int


@dataclass(frozen=True, slots=True)
class Characters:
    """Visible characters in the order of the file; all arrays have their number, N.

    `texts` are their letters (several for a ligature), `boxes` (N, 4) their left, top, right and bottom in
    reading coordinates, `indices` their numbers on the page, `spaced` whether a space is before them.
    """

    texts: npt.NDArray[np.object_]
    boxes: Floats
    indices: Integers
    spaced: Booleans

    def of(self, chosen: Booleans | Integers) -> "Characters":
        """Return some of them."""
        return Characters(self.texts[chosen], self.boxes[chosen], self.indices[chosen], self.spaced[chosen])


@dataclass(frozen=True, slots=True)
class _Steps:
    """From each character to the next one (the first of N stands alone), each (N,).

    `apart`: a word begins; `resized`: it goes on in another size; `again`: the character before is drawn
    again, a little aside, for boldness.
    """

    apart: Booleans
    resized: Booleans
    again: Booleans


def pieces(characters: Characters, starts: Booleans) -> tuple[Characters, Integers, Booleans]:
    """Return the characters that are drawn but once, where pieces of one size begin, and which go on a word.

    Words begin where `starts` (N,) says so, too.
    """
    steps = _steps(characters, starts)
    while steps.again.any():
        characters, starts = characters.of(~steps.again), starts[~steps.again]
        steps = _steps(characters, starts)
    _mend_ligatures(characters)
    first = np.flatnonzero(steps.apart | steps.resized)
    return characters, first, ~steps.apart[first]


def _steps(characters: Characters, starts: Booleans) -> _Steps:
    boxes, texts = characters.boxes, characters.texts
    if not len(boxes):
        nothing = np.zeros(0, bool)
        return _Steps(nothing, nothing, nothing)
    x0, top, x1, bottom = boxes[1:].T
    last_x0, last_top, last_x1, last_bottom = boxes[:-1].T
    size = bottom - top
    leftward = _leftward(texts[:-1])
    same_box = (x0 == last_x0) & (x1 == last_x1)  # letters of a ligature have one box
    gap = np.where(same_box, 0.0, np.where(leftward, last_x0 - x1, x0 - last_x1))
    apart = (
        (characters.spaced[1:] & (np.abs(gap) > TOUCHING * size))
        | (gap > WORD_GAP * size)
        | (gap < -0.5 * size)
        | (top > last_bottom)
        | (bottom < last_top)
        | starts[1:]
    )
    same = texts[1:] == texts[:-1]
    ligature = ~apart & same_box & (~same | (texts[1:] == "f"))
    again = ~apart & ~ligature & same & (np.abs(x0 - last_x0) < 0.35 * (x1 - x0))
    resized = ~apart & ~ligature & (np.abs(bottom - last_bottom) + np.abs(top - last_top) > 0.12 * size)
    return _Steps(
        *(
            np.concatenate([[value], rest])
            for value, rest in ((True, apart), (False, resized), (False, again))
        )
    )


def _mend_ligatures(characters: Characters) -> None:
    """Put lam before alef, in place, where one shape stands for both: PDFium turns such lines around."""
    texts, boxes = characters.texts, characters.boxes
    for place in np.flatnonzero(texts[1:] == "\u0644").tolist():
        if texts[place] in _ALEFS and (boxes[place, ::2] == boxes[place + 1, ::2]).all():
            texts[place], texts[place + 1] = texts[place + 1], texts[place]


def _leftward(texts: npt.NDArray[np.object_]) -> Booleans:
    """Return which characters are Hebrew or Arabic: the next one stands to their left."""
    if "".join(texts).isascii():
        return np.zeros(len(texts), bool)
    return np.array(["\u0590" <= text[-1] <= "\u08ff" for text in texts], bool)


def joined(word: Word, piece: Word) -> Word:
    """Return a word with the rest of it, set in another size; raised numbers stay raised."""
    lift = word.baseline - piece.baseline
    raised = lift > (0.12 if piece.size < 0.9 * word.size else 0.25) * word.size
    text = piece.text.translate(SUPERSCRIPTS) if raised and _POWER.fullmatch(piece.text) else piece.text
    if piece.size > 1.02 * word.size:  # a raised mark comes first, or a small capital
        main = replace(piece, x0=word.x0, index=word.index)
        lifted = piece.baseline - word.baseline > 0.12 * piece.size and word.text.isdigit()
        return replace(main, text=(word.text.translate(SUPERSCRIPTS) if lifted else word.text) + text)
    return replace(word, text=word.text + text, x1=max(word.x1, piece.x1))


def is_vertical(characters: Characters) -> bool:
    """Return whether characters (boxes in user space) follow each other downwards, as in Japanese books."""
    if len(characters.texts) < MIN_VERTICAL:
        return False
    x0, low, x1, high = characters.boxes.T
    across, down = np.abs(np.diff((x0 + x1) / 2)), -np.diff((low + high) / 2)
    size = np.maximum(x1 - x0, high - low)[1:]
    follows = (across < 0.2 * size) & (down > 0.4 * size) & (down < 2 * size)
    if follows.mean() < 0.6:
        return False
    unspaced = sum(text[0] >= "\u2e80" for text in characters.texts.tolist())
    return bool(unspaced > 0.5 * len(characters.texts))


def without_copies(words: Sequence[Word]) -> list[Word]:
    """Words that are not drawn again at nearly the same place (for boldness, or as a shadow)."""
    seen: dict[tuple[str, int], list[float]] = {}
    kept = []
    for word in words:
        text, x0, height, near = word.text, word.x0, int(word.baseline), 0.2 * word.size
        for row in (height, height - 1, height + 1):
            places = seen.get((text, row))
            if places is not None and any(abs(x - x0) < near for x in places):
                break
        else:
            kept.append(word)
            seen.setdefault((text, height), []).append(x0)
    return kept


_VOWELS = frozenset("aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿąęůıаеёиоуыэюяіїєαεηιουωάέήίόύώ")
_FREQUENT = "aeinorst"  # more than half of the letters of European languages
_UNKNOWN = ("Co", "Cn", "Cc", "Cs")  # categories of characters that are none
_SHIFT = re.compile(r"[a-zà-öø-ÿа-яё](?=[A-ZÀ-ÖØ-ÞА-ЯЁ])")
_USUAL = frozenset(".,;:!?-–—()[]/'\"‘’“”„«»…%|_=+*•·<>&§$€£#@^~{}\\`−×°±")


def is_undecodable(text: str, unmapped: float) -> bool:
    """Return whether a page's text is not what is seen: fonts do not say which letters their shapes are."""
    counts = Counter(text)
    seen = {character: count for character, count in counts.items() if not character.isspace()}
    visible = sum(seen.values())
    if not visible:
        return False
    categories = {character: unicodedata.category(character) for character in seen}
    unknown = sum(count for one, count in seen.items() if categories[one] in _UNKNOWN or one == "\ufffd")
    if unknown > 0.3 * visible or 6 * text.count("(cid:") > 0.3 * visible:
        return True
    if unmapped > 0.5 and not _is_latin(seen):
        return True
    if visible < 60:
        return False
    odd = sum(
        count
        for one, count in seen.items()
        if not one.isalnum() and one not in _USUAL and categories[one][0] != "M"
    )
    if odd > 0.35 * visible:
        return True
    alphabetic = {one: count for one, count in seen.items() if one.isalpha() and ord(one) < 0x500}
    letters = sum(alphabetic.values())
    if letters < 60 or letters < 0.5 * visible:
        return False
    vowels = sum(count for one, count in alphabetic.items() if one.lower() in _VOWELS)
    return vowels < 0.15 * letters or len(_SHIFT.findall(text)) > 0.15 * letters


def _is_latin(counts: Mapping[str, int]) -> bool:
    """Return whether letters are as frequent as in a language with Latin letters.

    A font of one byte a character need not say what its codes mean: they mostly are those of ASCII.
    """
    letters = sum(count for one, count in counts.items() if one.isalpha())
    frequent = sum(count for one, count in counts.items() if one.lower() in _FREQUENT)
    return letters >= 0.5 * sum(counts.values()) and frequent > 0.48 * letters
