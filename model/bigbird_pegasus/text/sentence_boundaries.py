"""Where sentencex ends sentences too early or too late, mended: names with dots, ordinals, note marks.

Abbreviations stand in `abbreviations`.

A boundary is judged by a few characters on both sides of it, so the time is linear in the text.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from bigbird_pegasus.text.abbreviations import closing_ends, leads_on, opens_sentence

_SIDE_CHARS = 80  # that are looked at on each side of a boundary
_LETTER = re.compile(r"[^\W\d_]")

# Where a full stop makes an ordinal: "am 3. Mai", "60. Geburtstag".
ORDINAL_LANGUAGES = frozenset(("de", "da", "no", "fi", "cs", "pl", "hu", "tr"))
_ORDINAL = re.compile(r"(?:^|[\s(])(?:\d{1,3}|[IVX]{1,5})\.\s+\Z")
_ITEM_NUMBER = re.compile(r"\s*\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivx]{1,5})[.)]\s+\Z")

# "there are two: (1) the quay and (2) The pier"; "rules; 3. define blocks"; "the special . and .. of a path".
_NUMBER_INSIDE = re.compile(r"\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})\)\s")
_UNFINISHED = re.compile(r"(?:[^\W\d_]|,)\s+\Z")
_NUMBER_BEFORE = re.compile(r"[;,:]\s+\(?(?:\d{1,2}|[a-z])[.)]\s+\Z")
# "for a number of things: 1. Gas costs more. 2. …": the number belongs to what follows it.
_NUMBER_OF_NEXT = re.compile(r"(?:[a-z]{4,}\)?\.|:)\s+(?P<number>\(?\d{1,2}[.)]\s+)\Z")
_LETTERED = re.compile(r"[a-z]\.\s+[\"\u201c(]?[A-Z]")  # "for child care. a. Definitions."
_DOTS_ALONE = re.compile(r"(?:^|\s)\.\.\s+\Z")
_DOT_ALONE = re.compile(r"(?:^|\s)\.\s+\Z")
_AND_DOTS = re.compile(r"(?:and|or) \.")
_SPACE = re.compile(r"\s+")
# Markdown: **Said.** ends after the full stop.
_END_OF_EMPHASIS = re.compile(r"(?:\*{1,3}|_{1,3})(?:\s+|\Z)")
# What closes the sentence before: a quote, a bracket, the raised number of a note.
_CLOSING = re.compile(
    r"[\"'\u201d\u2019\u00bb)\]]{1,3}(?:\s+|\Z)|\s?[\u00b2\u00b3\u00b9\u2070-\u2079]+(?:\s+|\Z)"
)
_OPENING_QUOTE = re.compile(r"\s[\u201c\u201e\u00ab\u2018]\Z")

# ./configure, process.env.HARBOUR, kubernetes.io/x=y, Dipl.-Ing.; but "the quay.The boats" lacks a space.
_GLUED_NAME = re.compile(r"[\w./~$]|-(?=\w)")
_PART_OF_TEXT = re.compile(r"(?:Figure|Table|Section)\s\d")

_ET_AL = re.compile(r"\bet al\.,?\s?(?:\[[^\[\]]{0,40}\]|\([^()]{0,40}\))?\s*\Z")
_GOES_ON = re.compile(r"[^\W\d_A-Z]|[(\[]")
# Before a word in lower case, and a unit before a number too, these end nothing: "900 kg. without fuel".
_UNIT_AT_END = re.compile(
    r"\d\s?(?:[kmcµ]?g|[kmcdµn]?m|[mcd]?l|[kM]?W|ms|sq|ft|lbs?|oz|pct|bn|mi?o|ml?n|mrd|Mi?o|Ml?n|Mrd|Bn)\.\s+\Z"
)
_SHORT_WORD_AT_END = re.compile(r"(?<![^\W\d_]|['\u2019-])[^\W\d_]{1,4}\.\s+\Z")
_NAME_WITH_MARK = re.compile(r"\w!\s+\Z")  # print! and println!

# Words that sentencex takes for abbreviations wherever they stand.
_WORD_AT_END = re.compile(
    r"(?:(?<=\s)(?:me|no|ill|art|may|miss|ok|id|arc|fed|op|con|sun|sat|mass|wash|fig|mar|gal|col|pop|prop|bull)"
    r"|(?<=\s)May|(?<=\s)(?!MR|MS|MRS|DR|ST|JR|SR|NO)[A-Z]{2,6})"
    r"[.!?](?P<close>[\"'\u201d\u2019)]{0,2})\s+(?=[\"\u201c\u2018(]?[A-Z][a-z]*\b)(?![IVXLC]+\b)"
)
# "He left.3 The boats came": the number of a note that was raised.
_NOTE_AT_END = re.compile(r"(?<=[a-z]{4})\.[\"\u201d\u2019)]{0,2}\d{1,3}\s+(?=[A-Z][a-z]*\s)")


def mended_ends(text: str, ends: Sequence[int], language: str) -> list[int]:
    """Return where the sentences of a text end, given where sentencex ends them."""
    ends = sorted({*ends, *closing_ends(text, language)})
    if language == "en":
        more = {match.end() for match in _WORD_AT_END.finditer(text)}
        more.update(match.end() for match in _NOTE_AT_END.finditer(text))
        ends = sorted({*ends, *more})
    is_cased = _is_cased(text, ends)
    mended: list[int] = []
    start = 0  # of the piece that a boundary ends; a sentence may be several
    for end, following_end in pairwise([*ends, len(text)]):
        moved = _moved(text, end)
        if start < moved < len(text):
            begin = mended[-1] if mended else 0
            is_inside = _is_inside(text, begin, start, moved, max(moved, following_end), language)
            if not is_inside and not _continues(text, begin, moved, is_cased=is_cased):
                mended.append(moved)
            start = moved
    return [*mended, len(text)]


def _moved(text: str, end: int) -> int:
    """Return a boundary behind what closes the sentence before, and before a quote that opens the next."""
    if _OPENING_QUOTE.search(text[max(0, end - 2) : end]) and not text[end : end + 1].isspace():
        return end - 1
    if space := _SPACE.match(text, end):
        end = space.end()
    number = _NUMBER_OF_NEXT.search(text[max(0, end - _SIDE_CHARS) : end])
    if number and text[end : end + 1].isupper():
        return end - len(number["number"])
    side = text[end : end + _SIDE_CHARS]
    closing = _END_OF_EMPHASIS.match(side)
    if not closing and not text[end - 1 : end].isspace():
        closing = _CLOSING.match(side)
    return end + closing.end() if closing else end


def _is_cased(text: str, ends: Sequence[int]) -> bool:
    """Return whether pieces begin in upper case at least as often as in lower case."""
    starts = [text[start : start + _SIDE_CHARS].lstrip()[:1] for start in (0, *ends)]
    return sum(map(str.isupper, starts)) >= sum(map(str.islower, starts))


def _continues(text: str, begin: int, end: int, *, is_cased: bool) -> bool:
    """Return whether what follows an abbreviation, or in a cased text any short word, is no new sentence."""
    before = text[max(begin, end - _SIDE_CHARS) : end]
    following = text[end : end + 2]  # a name such as iPhone may begin a sentence
    if _UNIT_AT_END.search(before) and following[:1].isdigit():
        return True
    if not following[:1].islower() or following[1:].isupper() or _LETTERED.match(text, end):
        return False
    if _UNIT_AT_END.search(before):
        return True
    return is_cased and _SHORT_WORD_AT_END.search(before) is not None


def _is_inside(text: str, begin: int, start: int, end: int, following_end: int, language: str) -> bool:
    """Return whether the boundary at `end` between two pieces lies inside of a sentence.

    The first piece begins at `start`, its sentence at `begin`.
    """
    before = text[max(begin, end - _SIDE_CHARS) : end]
    after = text[end : end + _SIDE_CHARS]
    piece = text[start:end] if end - start <= _SIDE_CHARS else ""
    if start == begin and piece and _ITEM_NUMBER.fullmatch(piece):
        return True
    if _UNFINISHED.search(before) and _NUMBER_INSIDE.match(after):
        return True
    if after[:1].islower() and (_NUMBER_BEFORE.search(before) or _DOTS_ALONE.search(before)):
        return True
    if _DOT_ALONE.search(before) and _AND_DOTS.match(after):
        return True
    if leads_on(before, after, language) or (language in ORDINAL_LANGUAGES and _ORDINAL.search(before)):
        return True
    following = text[end:following_end]
    if not _LETTER.search(following) and not _ITEM_NUMBER.fullmatch(following):
        return True
    if before[-1:] == "." and before[-3:] != "..." and _GLUED_NAME.match(after):
        return not (opens_sentence(after, language) or _PART_OF_TEXT.match(after))
    if language != "en" or not _GOES_ON.match(after):
        return False
    return _ET_AL.search(before) is not None or (
        after[0].isalpha() and _NAME_WITH_MARK.search(before) is not None
    )
