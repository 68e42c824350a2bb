"""How long a summary is asked to be, and the bounds that this sets for one document."""

import re
from dataclasses import dataclass
from typing import Literal

from bigbird_pegasus.errors import ConfigError

Unit = Literal["w", "s", "%", "short", "medium", "long"]

NAMED_WORDS = {"short": (30, 60), "medium": (80, 130), "long": (180, 280)}  # at least, at most
MAX_NAMED_SHARE = 1 / 2  # of a document's words that a named length has at most
MIN_SHARE = 0.8  # of the words asked for as `120w` or `10%` that a summary has at least
MIN_OF_SHORT = 1 / 2  # of the most words of a named length, where half of the document is less than its least
SHORT_TEXT = range(5, 9)  # sentences: a text of so many is shortened …
SHORT_TEXT_SENTENCES = (2, 3)  # … to so many
WORDS_PER_SENTENCE = 22  # of the sentences that are chosen, on average

# A number, perhaps with decimals (of a share; three digits would be thousands), and its unit, which may be
# spelled out.
_NUMBER = re.compile(
    r"(\d{1,9})(?:[.,](\d{1,2}))?\s?(?:(w|words?)|(s|sentences?)|(%|percent))?", re.ASCII | re.IGNORECASE
)
_FORMS = "a number of words, 120w, 5s, 10%, short, medium or long"


@dataclass(frozen=True)
class AskedLength:
    """A length that is more than a limit: words to be reached (w), sentences (s), a share (%), or a name."""

    unit: Unit
    number: int | float = 0  # a whole one, but of a share

    def __str__(self) -> str:
        return f"{self.number}{self.unit}" if self.unit in ("w", "s", "%") else self.unit


Length = int | AskedLength
"""The most words that a summary may have, or what else was asked for."""


@dataclass(frozen=True)
class LengthBounds:
    """Words and sentences that a summary of one document has at least and at most."""

    max_words: int | None = None
    min_words: int = 0
    max_sentences: int | None = None
    min_sentences: int = 0


def parse_length(text: str) -> Length:
    """Return the length that a text asks for: `120`, `120w`, `5s`, `10%`, `short`, `medium` or `long`.

    Capitals, a space before the unit and units that are spelled out (`20 words`, `5 sentences`, `3.5 %`)
    mean the same.

    Raises:
        ConfigError: it is none of these, or 0, or more than 100 %.
    """
    plain = text.strip().lower()
    if plain in NAMED_WORDS:
        return AskedLength(plain)  # type: ignore[arg-type]  # one of the three
    match = _NUMBER.fullmatch(plain)
    if match is None or (match[2] and not match[5]):
        raise ConfigError(f"length {text!r} is not {_FORMS}")
    number, decimals, words, sentences, share = match.groups()
    if share:
        asked = float(f"{number}.{decimals or 0}")
        if not 0 < asked <= 100:
            raise ConfigError(
                f"length {text!r} is no share of the document: give more than 0 and at most 100%"
            )
        return AskedLength("%", int(asked) if asked.is_integer() else asked)
    if int(number) < 1:
        raise ConfigError(f"length {text!r} asks for nothing: give at least 1")
    if sentences:
        return AskedLength("s", int(number))
    return AskedLength("w", int(number)) if words else int(number)


def bounds_of(length: Length | None, document_words: int, eligible: int) -> LengthBounds:
    """Return the bounds for a document of so many words, with `eligible` sentences that may be chosen.

    A text of five to eight sentences is shortened to two or three where no length is asked for.
    """
    if length is None:
        least, most = SHORT_TEXT_SENTENCES
        return LengthBounds(None, 0, most, least) if eligible in SHORT_TEXT else LengthBounds()
    if isinstance(length, int):
        return LengthBounds(length)
    if length.unit == "s":
        return LengthBounds(None, 0, int(length.number), int(length.number))
    if length.unit in ("w", "%"):
        number = length.number
        words = int(number) if length.unit == "w" else max(1, round(document_words * number / 100))
        return LengthBounds(words, int(MIN_SHARE * words))
    least, most = NAMED_WORDS[length.unit]
    most = max(1, min(most, int(MAX_NAMED_SHARE * document_words)))
    return LengthBounds(most, least if least < most else int(MIN_OF_SHORT * most))
