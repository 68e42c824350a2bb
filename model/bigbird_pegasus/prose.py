"""Which sentences of a text may stand in a summary: prose, and not the headings, tables, lists, code, e-mail
headers and the like between it.

Sentences are half-open spans of code points of the text, ascending, as a sentence splitter finds them.
"""

import re
from collections.abc import Sequence

Span = tuple[int, int]

# Marks of Latin, Arabic and Urdu, Armenian, Hindi, Burmese, Ethiopic, Khmer, Chinese and Japanese writing.
# Behind one may stand quotes, brackets and what points to a source: [3], (Smith, 2020), a raised number.
_SENTENCE_END = re.compile(
    r"[.!?\u2026\u0589\u061f\u06d4\u0964\u0965\u104b\u1362\u17d4\u203c-\u203d\u2047-\u2049"
    r"\u3002\uff01\uff0e\uff1f\uff61]"
    r"(?:[^\w(\[]|[_\u00b2\u00b3\u00b9\u2070-\u2079]|\([^()]{0,100}\)|\[[^\[\]]{0,100}\])*\Z"
)
_LONGEST_END = 200  # characters in which the mark is looked for: a sentence may be a million full stops
_LEAST_KEPT = 0.5  # of a document's words: what has fewer in sentences is a list, a poem, or not punctuated


def candidates(text: str, sentences: Sequence[Span]) -> list[bool]:
    """Tell for each sentence whether it may stand in a summary; of a text with words at least one may."""
    words = [len(text[start:end].split()) for start, end in sentences]
    found = [ends_as_sentence(text[start:end]) for start, end in sentences]
    if sum(count for count, kept in zip(words, found, strict=True) if kept) < _LEAST_KEPT * sum(words):
        return [True] * len(sentences)
    return found


def ends_as_sentence(text: str) -> bool:
    """Whether a full stop or another such mark is at its end; headings and captions have none."""
    return _SENTENCE_END.search(text[-_LONGEST_END:]) is not None
