"""Characters of a page with their boxes → words: pure functions over what PDFium finds.

Words are found by the distances between characters, not by PDFium's own spaces alone, which are missing
where a font's space is wider than the gaps, and where every word is a text object of its own.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

WORD_GAP = 0.125  # of a character's box, which is about 1.2 em high: more is a space
TOUCHING = 0.03  # of it: no space is seen between characters that are so close, whatever the file says
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


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


# A visible character: itself, its box in reading coordinates, its number, and whether a space is before it.
Character = tuple[str, float, float, float, float, int, bool]


def pieces(
    characters: Sequence[Character], starts: frozenset[int] = frozenset()
) -> Iterator[tuple[list[Character], bool]]:
    """Characters that belong together, and whether they go on with the word before (in another size)."""
    piece: list[Character] = []
    glued = False
    px0 = px1 = ptop = pbottom = 0.0
    previous = ""
    for one in characters:
        character, x0, top, x1, bottom, index, space = one
        size = bottom - top
        gap = px0 - x1 if previous and _is_leftward(previous) else x0 - px1
        if x0 == px0 and x1 == px1:
            gap = 0.0  # letters of a ligature have one box
        if (
            (space and abs(gap) > TOUCHING * size)
            or gap > WORD_GAP * size
            or gap < -0.5 * size
            or top > pbottom
            or bottom < ptop
            or index in starts
        ):
            if piece:
                yield piece, glued
            piece, glued = [one], False
        elif x0 == px0 and x1 == px1 and (character != previous or character == "f"):
            piece.append(one)  # of one shape: a ligature
        elif character == previous and x0 - px0 < 0.35 * (x1 - x0):
            continue  # drawn again, a little aside, for boldness
        elif abs(bottom - pbottom) + abs(top - ptop) > 0.12 * size:
            yield piece, glued
            piece, glued = [one], True
        else:
            piece.append(one)
        previous, px0, px1, ptop, pbottom = character, x0, x1, top, bottom
    if piece:
        yield piece, glued


def _is_leftward(text: str) -> bool:
    """Return whether a character is Hebrew or Arabic: the next one stands to its left."""
    return "\u0590" <= text[-1] <= "\u08ff"


def joined(word: Word, piece: Word) -> Word:
    """Return a word with the rest of it, set in another size; raised numbers stay raised."""
    raised = word.baseline - piece.baseline > 0.12 * word.size and piece.size < 0.9 * word.size
    text = piece.text.translate(SUPERSCRIPTS) if raised and piece.text.isdigit() else piece.text
    if piece.size > 1.02 * word.size:  # a raised mark comes first, or a small capital
        main = replace(piece, x0=word.x0, index=word.index)
        lifted = piece.baseline - word.baseline > 0.12 * piece.size and word.text.isdigit()
        return replace(main, text=(word.text.translate(SUPERSCRIPTS) if lifted else word.text) + text)
    return replace(word, text=word.text + text, x1=max(word.x1, piece.x1))


def without_copies(words: Sequence[Word]) -> list[Word]:
    """Words that are not drawn again at nearly the same place (for boldness, or as a shadow)."""
    seen: dict[tuple[str, int], list[float]] = {}
    kept = []
    for word in words:
        height, near = int(word.baseline), 0.2 * word.size
        rows = (seen.get((word.text, row), ()) for row in (height - 1, height, height + 1))
        if not any(abs(x - word.x0) < near for row in rows for x in row):
            kept.append(word)
            seen.setdefault((word.text, height), []).append(word.x0)
    return kept


def written(text: str, place: tuple[float, float, float, float], index: int) -> list[Word]:
    """Return the words of a form's field or a note, spread over its box."""
    x0, top, x1, bottom = place
    lines = [line.split() for line in text.splitlines() if line.strip()]
    height = (bottom - top) / max(1, len(lines))
    words: list[Word] = []
    for number, line in enumerate(lines):
        width = (x1 - x0) / max(1, sum(map(len, line)) + len(line))
        position = x0
        for word in line:
            end = position + width * len(word)
            low = top + height * (number + 1)
            size = min(height, 14.0)
            words.append(
                Word(word, position, end, low - size, low, low - 0.2 * size, size, False, index + len(words))
            )
            position = end + width
    return words


_VOWELS = frozenset("aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿąęůıаеёиоуыэюяіїєαεηιουωάέήίόύώ")
_USUAL = frozenset(".,;:!?-–—()[]/'\"‘’“”„«»…%|_=+*•·<>&§$€£#@^~{}\\`−×°±")


def is_undecodable(text: str, unmapped: float) -> bool:
    """Return whether a page's text is not what is seen: fonts do not say which letters their shapes are."""
    visible = [character for character in text if not character.isspace()]
    if not visible:
        return False
    categories = Counter(map(unicodedata.category, visible))
    unknown = sum(categories[name] for name in ("Co", "Cn", "Cc", "Cs")) + text.count("\ufffd")
    if unknown > 0.3 * len(visible) or unmapped > 0.5 or 6 * text.count("(cid:") > 0.3 * len(visible):
        return True
    if len(visible) < 60:
        return False
    letters = [character for character in visible if character.isalpha() and ord(character) < 0x500]
    odd = sum(
        not one.isalnum() and one not in _USUAL and unicodedata.category(one)[0] != "M" for one in visible
    )
    if odd > 0.35 * len(visible):
        return True
    if len(letters) < 60 or len(letters) < 0.5 * len(visible):
        return False
    vowels = sum(one.lower() in _VOWELS for one in letters)
    shifts = sum(a.islower() and b.isupper() for a, b in pairwise(text))
    return vowels < 0.15 * len(letters) or shifts > 0.15 * len(letters)
