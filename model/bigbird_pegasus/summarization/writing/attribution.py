"""The sentence of a document that a written sentence rests on, by the words and word pairs that they share.

Words count by how rare they are in the document (inverse document frequency over its sentences), so that a
name or a number weighs more than "the". Where no sentence shares enough, none is named.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

MIN_OVERLAP = 0.4  # of the weight of a sentence's words and pairs (tests/benchmarks/attribution.py)
MIN_GRAMS = 5  # words and pairs of a written sentence, that is three words: fewer stand anywhere
_WORD = re.compile(r"\w+(?:[.,'\u2019]\w+)*")


@dataclass(frozen=True)
class SentenceIndex:
    """Where the words and word pairs of a document stand: the sentences of each, and its weight."""

    places: dict[str, list[int]]
    weights: dict[str, float]
    unseen: float


def index_sentences(sentences: Sequence[str]) -> SentenceIndex:
    """Index the sentences of a document by their words and word pairs."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for number, sentence in enumerate(sentences):
        for gram in dict.fromkeys(_grams(sentence)):
            places[gram].append(number)
    total = len(sentences) + 1
    weights = {gram: math.log(total / len(numbers)) for gram, numbers in places.items()}
    return SentenceIndex(dict(places), weights, math.log(total))


def attribute(sentence: str, index: SentenceIndex) -> tuple[int, float] | None:
    """Return the number of the sentence that a written one shares most with, and how much (0 to 1).

    None where that is less than `MIN_OVERLAP`. Of equals the first one is named.
    """
    shared: defaultdict[int, float] = defaultdict(float)
    total = 0.0
    grams = list(dict.fromkeys(_grams(sentence)))
    if len(grams) < MIN_GRAMS:
        return None
    for gram in grams:
        weight = index.weights.get(gram, index.unseen)
        total += weight
        for number in index.places.get(gram, ()):
            shared[number] += weight
    if not shared or total <= 0:
        return None
    number, weight = min(shared.items(), key=lambda one: (-one[1], one[0]))
    return (number, weight / total) if weight >= MIN_OVERLAP * total else None


def _grams(sentence: str) -> Iterator[str]:
    """Words in small letters, and pairs of neighbours."""
    words = _WORD.findall(sentence.lower())
    yield from words
    yield from (f"{a} {b}" for a, b in pairwise(words))
