"""Which words and pairs of words of a document its summary would hold, judged by what can be counted.

Dimensions: L sentences of a document, W words of all of them, G grams (a content word, or a pair of words of
which one is a content word), M mentions (a gram in a sentence that holds it).

A summary is worth the grams it shares with the author's. So what is learned here is the chance of each gram;
sentences are then selected for the chances that they add to those selected before, as in the concept-based
summaries of Gillick and Favre (2009), whose weights Li et al. (2013) learn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bigbird_pegasus.inference.numpy_functions import Integers
from bigbird_pegasus.summarization.features.cue_words import FUNCTION_WORDS
from bigbird_pegasus.summarization.features.sentence_features import Doubles

MAX_GRAMS = 450  # single words, and as many pairs, that are judged in a document
EARLY_SENTENCES, EARLY_BONUS = 5, 3.0  # what begins there is judged rather than what is as frequent elsewhere
FUNCTION_WORD_RARITY = 0.5
PARTS = 10  # of a document, that a gram may be spread over
PAIR_WEIGHT = 2.0  # of a pair's chance beside a single word's
WORDS_POWER, MIN_WORDS = 0.7, 3  # chances are counted by this power of a sentence's words
_PAIR = 2000003
_DECIMALS = 5
_SENTENCE_MEANS = ("lexrank_general", "centroid_general", "words", "under_opening", "starts_turn")
_SENTENCE_MAXIMA = ("lexrank_general", "centroid_general")
_DOCUMENT = (
    "document_sentences",
    "document_words",
    "document_headings",
    "document_question",
    "document_starts_turn",
)


@dataclass(frozen=True)
class DocumentGrams:
    """The grams of a document that are judged, and where they stand.

    `keys` (G,) are hashes, `features` (G, columns) float32. A mention is `grams[m]` in sentence
    `sentences[m]`, once however often it stands there.
    """

    keys: Integers
    features: NDArray[np.float32]
    grams: Integers
    sentences: Integers

    def among(self, numbers: Integers, count: int) -> "DocumentGrams":
        """Return the same grams with the mentions in some of the `count` sentences, numbered anew."""
        places = np.full(count, -1)
        places[numbers] = np.arange(len(numbers))
        kept = places[self.sentences] >= 0
        return DocumentGrams(self.keys, self.features, self.grams[kept], places[self.sentences][kept])


@dataclass(frozen=True)
class WordCoverage:
    """What sentences add to the chances of the grams that are covered already.

    `chances` (G,) are those of the grams in a document's summary, pairs counted `PAIR_WEIGHT` times;
    `words` (L,) the words of the sentences; `allowed` (L,) those that are compared; `weight` is what a
    deviation counts beside other gains.
    """

    grams: DocumentGrams
    chances: Doubles
    words: Doubles
    allowed: NDArray[np.bool_]
    weight: float

    def gains(self, chosen: Integers, candidates: Integers) -> Doubles:
        """Return what each candidate's grams that the chosen sentences lack are worth for its length (C,)."""
        mean, deviation = self._usual
        covered = np.isin(self.grams.sentences, chosen)
        new = np.ones(len(self.chances), bool)
        new[self.grams.grams[covered]] = False
        found = self._per_word(self.chances * new)[candidates]
        scaled: Doubles = self.weight * (found - mean) / max(deviation, 1e-9)
        return scaled

    @cached_property
    def _usual(self) -> tuple[float, float]:
        """Return mean and deviation over the allowed sentences before any is chosen."""
        found = self._per_word(self.chances)[self.allowed]
        return (float(found.mean()), float(found.std())) if len(found) else (0.0, 0.0)

    def _per_word(self, chances: Doubles) -> Doubles:
        mass = np.bincount(self.grams.sentences, chances[self.grams.grams], len(self.words))
        per_word: Doubles = mass / np.maximum(self.words, MIN_WORDS) ** WORDS_POWER
        return per_word


def weighted_chances(grams: DocumentGrams, values: Doubles) -> Doubles:
    """Return chances from a forest's values, their logarithmic odds, for `WordCoverage` (G,)."""
    chances = 1 / (1 + np.exp(-values))
    return np.where(grams.features[:, 0] > 1, PAIR_WEIGHT, 1.0) * chances


@dataclass(frozen=True)
class _Occurrences:
    """Every place of every gram of one kind, sorted by gram; each gram's begin at `starts` (G,)."""

    keys: Integers
    numbers: Integers
    sentences: Integers
    starts: Integers
    parts: tuple[Integers, ...]  # of each gram, the hashes of its words

    @property
    def counts(self) -> Doubles:
        """Return how often each gram stands in the document (G,)."""
        return np.bincount(self.numbers, minlength=len(self.keys)).astype(np.float64)

    def select(self, kept: Integers) -> "_Occurrences":
        """Keep some grams, in this order."""
        place = np.full(len(self.keys), -1)
        place[kept] = np.arange(len(kept))
        numbers = place[self.numbers]
        order = np.argsort(numbers, kind="stable")[np.count_nonzero(numbers < 0) :]
        numbers = numbers[order]
        starts = np.searchsorted(numbers, np.arange(len(kept)))
        parts = tuple(part[kept] for part in self.parts)
        return _Occurrences(self.keys[kept], numbers, self.sentences[order], starts, parts)


GRAM_COLUMNS = (
    "gram_words",
    "gram_count",
    "gram_log_count",
    "gram_sentences",
    "gram_sentence_share",
    "gram_count_of_greatest",
    "gram_first",
    "gram_relative_first",
    "gram_relative_last",
    "gram_spread",
    "gram_opening_3",
    "gram_opening_10",
    "gram_closing_5",
    "gram_headings",
    *(f"gram_mean_{name}" for name in _SENTENCE_MEANS),
    *(f"gram_max_{name}" for name in _SENTENCE_MAXIMA),
    "gram_rarity",
    "gram_rarity_and_count",
    "gram_rarity_and_log_count",
    "gram_parts",
    "gram_rank",
    "gram_relative_rank",
    "gram_rank_of_word",
    "gram_count_of_word",
    *_DOCUMENT,
)
Rarity = Callable[[Integers], Doubles]


def pair_key(first: int, second: int) -> int:
    """Return the key of a pair of words' hashes."""
    return first * _PAIR + second


def judged_grams(
    words: Sequence[Sequence[int]],
    heading: NDArray[np.bool_],
    columns: Mapping[str, Doubles],
    rarity: NDArray[np.float16],
) -> DocumentGrams:
    """Return the grams of a document that are worth judging, with their features.

    Args:
        words: the hashes of each sentence's words.
        heading: (L,), which of them are headings.
        columns: the sentences' features by name, each (L,).
        rarity: (buckets,), how rare the words are in general whose hashes fall into each bucket.
    """
    flat = np.fromiter((word for row in words for word in row), np.int64)
    owners = np.repeat(np.arange(len(words)), [len(row) for row in words])
    function = np.isin(flat, FUNCTION_WORDS)

    def rarity_of(hashes: Integers) -> Doubles:
        general = rarity[hashes % len(rarity)].astype(np.float64)
        return np.where(np.isin(hashes, FUNCTION_WORDS), FUNCTION_WORD_RARITY, general)

    content = np.flatnonzero(~function)
    singles = _occurrences(flat[content], owners[content], (flat[content],))
    first, second = flat[:-1], flat[1:]
    beside = np.flatnonzero((owners[1:] == owners[:-1]) & ~(function[:-1] & function[1:]))
    pairs = _occurrences(
        first[beside] * _PAIR + second[beside], owners[beside], (first[beside], second[beside])
    )
    shown = [found.select(_worth_judging(found, rarity_of)) for found in (singles, pairs)]
    rows = [_features(found, singles, shown[0], heading, columns, rarity_of) for found in shown]
    mentions = [_mentions(found, len(words)) for found in shown]
    return DocumentGrams(
        np.concatenate([found.keys for found in shown]),
        np.round(np.concatenate(rows), _DECIMALS).astype(np.float32),
        np.concatenate([mentions[0][0], mentions[1][0] + len(shown[0].keys)]),
        np.concatenate([mentions[0][1], mentions[1][1]]),
    )


def _occurrences(keys: Integers, sentences: Integers, parts: tuple[Integers, ...]) -> _Occurrences:
    known, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    numbers = numbers[order]
    starts = np.searchsorted(numbers, np.arange(len(known)))
    return _Occurrences(known, numbers, sentences[order], starts, tuple(part[first] for part in parts))


def _worth_judging(found: _Occurrences, rarity_of: Rarity) -> Integers:
    """Return the grams that are frequent and rare in general, or stand early; the best first."""
    early = found.sentences[found.starts] < EARLY_SENTENCES
    weight = found.counts * _summed(found, rarity_of) + EARLY_BONUS * early
    return np.argsort(-weight, kind="stable")[:MAX_GRAMS]


def _summed(found: _Occurrences, of_word: Rarity) -> Doubles:
    total: Doubles = np.sum([of_word(part) for part in found.parts], axis=0)
    return total


def _mentions(found: _Occurrences, sentences: int) -> tuple[Integers, Integers]:
    keys = np.unique(found.numbers * max(1, sentences) + found.sentences)
    return keys // max(1, sentences), keys % max(1, sentences)


def _features(
    found: _Occurrences,
    singles: _Occurrences,
    judged_singles: _Occurrences,
    heading: NDArray[np.bool_],
    columns: Mapping[str, Doubles],
    rarity_of: Rarity,
) -> Doubles:
    """Return the features of grams of one kind (G, columns)."""
    count, total = len(found.keys), max(1, len(heading))
    grams, sentences = _mentions(found, total)
    having = np.maximum(np.bincount(grams, minlength=count), 1).astype(np.float64)
    counts = found.counts

    def mean(values: Doubles) -> Doubles:
        means: Doubles = np.bincount(grams, values[sentences], count) / having
        return means

    def number(where: NDArray[np.bool_]) -> Doubles:
        return np.bincount(grams, where[sentences], count).astype(np.float64)

    def greatest(values: Doubles) -> Doubles:
        most = np.zeros(count)
        np.maximum.at(most, grams, values[sentences])
        return most

    place = np.arange(total)
    relative = place / total
    parts = np.unique(grams * PARTS + sentences * PARTS // total) // PARTS
    ends = np.searchsorted(found.numbers, np.arange(count), side="right") - 1
    rare = _summed(found, rarity_of)
    member_counts = [_looked_up(singles.keys, singles.counts, part, np.inf) for part in found.parts]
    fewest = np.minimum.reduce(member_counts)
    order = _order(judged_singles.counts * _summed(judged_singles, rarity_of))
    ranks = [_looked_up(judged_singles.keys, order, part, 2.0 * MAX_GRAMS) for part in found.parts]
    rank = _order(counts * rare)
    columns_of = {
        "gram_words": np.full(count, float(len(found.parts))),
        "gram_count": counts,
        "gram_log_count": np.log1p(counts),
        "gram_sentences": having,
        "gram_sentence_share": having / total,
        "gram_count_of_greatest": counts / max(1.0, float(singles.counts.max(initial=1))),
        "gram_first": found.sentences[found.starts].astype(float),
        "gram_relative_first": found.sentences[found.starts] / total,
        "gram_relative_last": found.sentences[ends] / total,
        "gram_spread": np.sqrt(np.maximum(0, mean(relative**2) - mean(relative) ** 2)),
        "gram_opening_3": number(place < 3),
        "gram_opening_10": number(place < 10),
        "gram_closing_5": number(place >= total - 5),
        "gram_headings": number(heading),
        **{f"gram_mean_{name}": mean(columns[name]) for name in _SENTENCE_MEANS},
        **{f"gram_max_{name}": greatest(columns[name]) for name in _SENTENCE_MAXIMA},
        "gram_rarity": rare,
        "gram_rarity_and_count": rare * counts,
        "gram_rarity_and_log_count": rare * np.log1p(counts),
        "gram_parts": np.bincount(parts, minlength=count).astype(float),
        "gram_rank": rank,
        "gram_relative_rank": rank / max(1, count),
        "gram_rank_of_word": np.minimum.reduce(ranks),
        "gram_count_of_word": counts / fewest,
        **{name: np.full(count, columns[name][0]) for name in _DOCUMENT},
    }
    return np.stack([columns_of[name] for name in GRAM_COLUMNS], axis=1)


def _order(values: Doubles) -> Doubles:
    """Return the place of each value, the greatest first (G,)."""
    places = np.empty(len(values))
    places[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return places


def _looked_up(known: Integers, values: Doubles, keys: Integers, missing: float) -> Doubles:
    """Return the values of keys, `missing` for those that are not known."""
    if not len(known):
        return np.full(len(keys), missing)
    order = np.argsort(known)
    places = order[np.searchsorted(known, keys, sorter=order).clip(max=len(known) - 1)]
    return np.where(known[places] == keys, values[places], missing)
