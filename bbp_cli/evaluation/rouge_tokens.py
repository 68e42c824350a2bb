"""What ROUGE compares: the words of a text, by its script.

rouge-score knows the letters a to z alone: for it a Russian or Chinese summary has no words, and shares none
with its reference. Texts in Latin letters keep its tokenizer, and with it their published figures. Others are
cut into words at whatever is no letter, digit or mark; of scripts that put no spaces between words each
character is one, as in the published figures for Chinese (Hu et al., "LCSTS", 2015).
"""

import unicodedata
from collections.abc import Iterator
from typing import Literal

from bigbird_pegasus.text.words import is_unspaced

RougeTokens = Literal["rouge-score", "by-script"]

# First and last code point of the Latin letters.
_LATIN = ((0x41, 0x24F), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF), (0xFF21, 0xFF5A))


def rouge_tokens_for(reference: str) -> RougeTokens:
    """Choose how a summary and its reference are cut: by rouge-score where most letters are Latin."""
    letters = [character for character in reference if character.isalpha()]
    latin = sum(map(_is_latin, letters))
    return "rouge-score" if 2 * latin >= len(letters) else "by-script"


class ScriptTokenizer:
    """Cuts texts of any script, as `RougeScorer` wants it of a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words of a text, in lower case and normalized (NFKC)."""
        return list(_words(unicodedata.normalize("NFKC", text).lower()))


def _words(text: str) -> Iterator[str]:
    word = ""
    for character in text:
        kind = unicodedata.category(character)[0]
        if kind == "M":  # a vowel sign or an accent belongs to what it stands on
            word += character
            continue
        if kind not in "LN" or is_unspaced(character) or is_unspaced(word[:1]):
            yield from [word] if word else ()
            word = ""
        if kind in "LN":
            word += character
    yield from [word] if word else ()


def _is_latin(letter: str) -> bool:
    return any(first <= ord(letter) <= last for first, last in _LATIN)
