"""What marks an item of a list: "1.", "(b)", "-". A sentence that is taken out of its list needs none."""

import re

from bigbird_pegasus.text.sentence_boundaries import ORDINAL_LANGUAGES

_NEXT_WORD = r"\s+(?=[\"'\u201c\u2018(\[]{0,2}(?:[^\W\d_]{2}|[AI]\s))"
_MARK = re.compile(rf"(?:[-*\u2022\u00b7]|#\.|\(?(?:\d{{1,2}}|[a-uw-z]|[ivx]{{2,4}})[.)]){_NEXT_WORD}")
# Where "3. Mai" is a date: what has a bracket alone.
_BRACKETED = re.compile(rf"(?:[-*\u2022\u00b7]|\(?(?:\d{{1,2}}|[a-z])\)){_NEXT_WORD}")


def list_mark_end(sentence: str, language: str | None) -> int:
    """Return how many characters at the beginning of a sentence mark an item of a list; 0 if there are none.

    `language` is an ISO 639-1 code.
    """
    mark = (_BRACKETED if language in ORDINAL_LANGUAGES else _MARK).match(sentence)
    return mark.end() if mark else 0
