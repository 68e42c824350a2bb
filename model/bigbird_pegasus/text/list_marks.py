"""What marks an item of a list: "1.", "(b)", "-". A sentence that is taken out of its list needs none."""

import re

from bigbird_pegasus.text.sentence_boundaries import ORDINAL_LANGUAGES

_NEXT_WORD = r"\s+(?=[\"'\u201c\u2018(\[]{0,2}(?:[^\W\d_]{2}|[AI]\s))"
# A letter before a full stop is as often an abbreviation: see `letter_mark`.
_SECTION = r"\d{1,2}(?:\.\d{1,2}){1,3}\.?"  # 4.1 and 3.2.1.
_MARK = re.compile(
    rf"(?:[-*\u2022\u00b7]|#\.|{_SECTION}|\(?(?:\d{{1,2}}|[ivx]{{2,4}})[.)]|\(?[a-z]\)){_NEXT_WORD}"
)
# Where "3. Mai" may be a date: what has a bracket alone.
_BRACKETED = re.compile(rf"(?:[-*\u2022\u00b7]|{_SECTION}|\(?(?:\d{{1,2}}|[a-z])\)){_NEXT_WORD}")


_LETTER = re.compile(rf"([a-z])\.{_NEXT_WORD}")


def letter_mark(sentence: str) -> tuple[str, int]:
    """Return the letter before a full stop at the beginning, and where it ends; of most sentences "" and 0.

    It marks an item only where the letter before or after it stands beside it: "e. coli" is an abbreviation.
    """
    mark = _LETTER.match(sentence)
    return (mark[1], mark.end()) if mark else ("", 0)


def list_mark_end(sentence: str, language: str | None) -> int:
    """Return how many characters at the beginning of a sentence mark an item of a list; 0 if there are none.

    Whether there is a list, its neighbours say: "10. Downing Street is a house." `language` is an ISO 639-1
    code; of an unknown one, full stops after numbers are those of dates.
    """
    is_ordinal = language is None or language in ORDINAL_LANGUAGES
    mark = (_BRACKETED if is_ordinal else _MARK).match(sentence)
    return mark.end() if mark else 0
