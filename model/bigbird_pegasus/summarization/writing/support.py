"""Facts of a written summary that its document does not contain: numbers, quantities, dates and names.

What is compared are forms, not meanings: a number that the document has elsewhere counts as supported, and
"a dozen" for 12 does not. It is a warning for whoever reads the summary, not a proof.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

FactKind = Literal["number", "quantity", "date", "name"]

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|[%°$€£¥]")
_NAME = re.compile(r"[^\W\d_]*[A-ZÀ-ÖØ-ÞΑ-ΩА-Я][^\W_]*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SENTENCE_END = (".", "!", "?", ":", "\n")


def _forms(lines: str) -> dict[str, str]:
    """Return the first word of each line for every word of it."""
    rows = [line.split() for line in lines.strip().splitlines()]
    return {word: row[0] for row in rows for word in row}


_NUMBER_WORDS = _forms("""
    0 zero\n 1 one\n 2 two\n 3 three\n 4 four\n 5 five\n 6 six\n 7 seven\n 8 eight\n 9 nine\n 10 ten
    11 eleven\n 12 twelve\n 13 thirteen\n 14 fourteen\n 15 fifteen\n 16 sixteen\n 17 seventeen
    18 eighteen\n 19 nineteen\n 20 twenty\n 30 thirty\n 40 forty\n 50 fifty\n 60 sixty\n 70 seventy
    80 eighty\n 90 ninety
""")
_UNITS = _forms("""
    % percent
    °
    $ dollar dollars
    € euro euros
    £ pound pounds
    ¥ yen
    thousand\n million\n billion\n trillion
    year years\n month months\n week weeks\n day days
    h hour hours\n min minute minutes\n s second seconds\n ms millisecond milliseconds
    km kilometre kilometres kilometer kilometers\n m metre metres meter meters
    cm centimetre centimetres\n mm millimetre millimetres\n nm nanometre nanometres\n mile miles
    t tonne tonnes ton tons\n kg kilogram kilograms\n g gram grams\n mg milligram milligrams
    l litre litres liter liters
    hz hertz\n khz\n mhz\n ghz\n ev\n kev\n mev\n gev\n tev
    bit bits\n byte bytes\n kb\n mb\n gb\n tb
""")
_MONTHS = _forms("""
    january jan\n february feb\n march mar\n april apr\n may\n june jun\n july jul\n august aug
    september sep sept\n october oct\n november nov\n december dec
""")


@dataclass(frozen=True)
class Unsupported:
    """A fact, as the summary has it, that the document does not contain."""

    text: str
    kind: FactKind


@dataclass(frozen=True)
class SourceFacts:
    """The words and numbers of a document, and its pairs of a number with a unit or a month beside it."""

    words: frozenset[str]
    numbers: frozenset[str]
    pairs: frozenset[tuple[str, str]]


def source_facts(document: str) -> SourceFacts:
    """Collect what a document's summary may say."""
    tokens = [_normal(token) for token in _TOKEN.findall(document)]
    pairs = {pair for a, b in pairwise(tokens) for pair in ((a, b), (b, a))}
    numbers = frozenset(token for token in tokens if token[0].isdigit())
    words = frozenset(part for token in tokens for part in (token, *re.split(r"['\u2019-]", token)))
    return SourceFacts(words, numbers, frozenset(pair for pair in pairs if pair[0][0].isdigit()))


def unsupported_facts(sentence: str, facts: SourceFacts) -> tuple[Unsupported, ...]:
    """Return the numbers, quantities, dates and names of a sentence that the document does not contain."""
    return tuple(dict.fromkeys(_unsupported(sentence, facts)))


def _unsupported(sentence: str, facts: SourceFacts) -> Iterator[Unsupported]:
    found = list(_TOKEN.finditer(sentence))
    shown = [match[0] for match in found]
    tokens = [_normal(token) for token in shown]
    for number, token in enumerate(tokens):
        if token[0].isdigit():
            if token not in facts.numbers:
                if shown[number][0].isdigit():  # "one" and "two" are words too
                    yield Unsupported(shown[number], "number")
                continue
            yield from _pairs(number, sentence, found, tokens, facts)
        elif _NAME.fullmatch(shown[number]) and not _starts_sentence(sentence, found[number].start()):
            parts = re.split(r"['\u2019-]", token)
            if token not in facts.words and parts[0] not in facts.words:
                yield Unsupported(shown[number], "name")


def _pairs(
    number: int, sentence: str, found: list[re.Match[str]], tokens: list[str], facts: SourceFacts
) -> Iterator[Unsupported]:
    """Quantities and dates that begin or end with the number at a place, unless the document has them."""
    for other in (number - 1, number + 1):
        if not 0 <= other < len(tokens) or (tokens[number], tokens[other]) in facts.pairs:
            continue
        is_date = tokens[other] in _MONTHS.values()
        is_unit = tokens[other] in _UNITS.values() and (other > number or tokens[other] in "$€£¥")
        if is_date or is_unit:
            first, last = sorted((number, other))
            text = sentence[found[first].start() : found[last].end()]
            yield Unsupported(text, "date" if is_date else "quantity")


def _normal(token: str) -> str:
    """Return a number without separators and closing zeros, a unit by its sign, a word in small letters."""
    if token[0].isdigit():
        plain = token.replace(",", "") if _THOUSANDS.fullmatch(token) else token.replace(",", ".")
        if plain.count(".") == 1:
            plain = plain.rstrip("0").rstrip(".")
        return plain.lstrip("0") or "0"
    word = token.lower()
    return _UNITS.get(word) or _NUMBER_WORDS.get(word) or _MONTHS.get(word, word)


def _starts_sentence(text: str, position: int) -> bool:
    before = text[:position].rstrip(" \t\"'(\u201c\u2018")
    return not before or before[-1] in _SENTENCE_END
