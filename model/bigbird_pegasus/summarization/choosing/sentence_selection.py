"""From scores to a summary: sentences are selected one after another, each time the one that adds most.

Dimensions: C candidates.

What a sentence adds depends on those selected before: they may hold its words, and every further word costs
precision. A small network estimates the gain in ROUGE-1 F1 + ROUGE-2 F1 from both; where no sentence is
expected to add anything, the summary ends. So its length follows from the document. MemSum (Gu et al., 2022)
selects in this way too; here the network is trained on the known gains of training documents, in states that
it reaches itself (Ross et al., "DAgger", 2011).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bigbird_pegasus.inference.numpy_functions import Floats, Integers
from bigbird_pegasus.modeling.sentence_columns import (
    DENSE_COLUMNS,
    SELECTOR_COLUMNS,
    SELECTOR_DENSE_COLUMNS,
    SELECTOR_DOCUMENT_COLUMNS,
    SELECTOR_OVERLAP_COLUMNS,
    SELECTOR_SENTENCE_COLUMNS,
    SELECTOR_STATE_COLUMNS,
)
from bigbird_pegasus.summarization.features.sentence_features import Doubles, SentenceFeatures, stack_columns
from bigbird_pegasus.summarization.features.word_bags import word_bags
from bigbird_pegasus.summarization.features.word_importance import WordCoverage

DEFAULT_CANDIDATES = 40  # sentences that are looked at, more where a longer summary is asked for
WORDS_PER_CANDIDATE = 5  # of the summary asked for
LENGTH_POWER = 0.3  # by which the words of a sentence count against it when candidates are picked
MIN_RANKED_WORDS = 6  # shorter sentences gain nothing by being shorter
MIN_GAIN = 0.0  # below it the summary ends
MAX_SHARED_WORDS = 0.6  # share of a sentence's words with one that is selected
MAX_SAME_WORDS = 0.95  # … where sentences that were asked for are lacking
MIN_SUBSTITUTE_WORDS = 8  # of a sentence that is selected because a better one does not fit: fewer say little
MAX_EXPECTED_RATIO = 1.5  # times the expected length, and …
MAX_EXTRA_WORDS = 20  # … words more, a summary has at most where no length was asked for
_DENSE = [DENSE_COLUMNS.index(name) for name in SELECTOR_DENSE_COLUMNS]
_SCORE = SELECTOR_COLUMNS.index("score")
_NEW_WORDS_GAIN = SELECTOR_COLUMNS.index("new_words_gain")


class Candidates:
    """The sentences of a document that are looked at, best first, and their features that never change."""

    def __init__(
        self,
        numbers: Sequence[int],
        words: Sequence[int],
        scores: Sequence[float],
        features: SentenceFeatures,
        length: float,
    ) -> None:
        """`words` counts every sentence's, as `str.split` does; `length` is the expected summary's."""
        self.numbers = np.array(numbers, np.int64)
        self.words = np.array([words[n] for n in numbers], np.float32)
        self.scores = np.array([scores[n] for n in numbers], np.float32)
        self.length = length
        self.counts = word_bags([features.words[n] for n in numbers])
        self.pairs = word_bags([_pairs(features.words[n]) for n in numbers])
        self.rarity = self.counts.rarity[self.counts.columns]  # of each entry
        self.total = np.maximum(self.counts.sums(self.counts.counts), 1)
        self.weight = np.maximum(self.counts.sums(self.counts.counts * self.rarity), 1e-3)
        self.pair_total = np.maximum(self.pairs.sums(self.pairs.counts), 1)
        # A score is about 2 overlap / (words + length).
        self.overlap = self.scores * (self.words + np.float32(length)) / 2
        best = np.sort(self.scores)[::-1]
        document = {
            "log_length": math.log(length) - 4.2,
            "best_score": float(best[0]),
            "mean_of_best_3": float(best[:3].mean()),
            "mean_of_best_8": float(best[:8].mean()),
            "log_document_sentences": math.log1p(len(features.words)) / 5 - 0.8,
            "mean_score": float((self.words * self.scores).sum() / max(1, self.words.sum())),
        }
        sentence = {
            "score": self.scores,
            "score_of_best": self.scores / max(best[0], 1e-3),
            "log_words": np.log1p(self.words) / 3,
            "words": self.words / 40,
            "rank": np.arange(len(numbers)) / 10,
            "words_of_length": self.words / length,
        }
        self.fixed = np.concatenate(
            [
                stack_columns(sentence, SELECTOR_SENTENCE_COLUMNS),
                features.dense[self.numbers][:, _DENSE],
                _repeated(document, SELECTOR_DOCUMENT_COLUMNS, len(numbers)),
            ],
            axis=1,
        )


class SelectionState:
    """What is selected so far, and the features of each candidate in this state."""

    def __init__(self, candidates: Candidates) -> None:
        self.candidates = candidates
        self.chosen: list[int] = []  # places among the candidates
        self.words = self.overlap = 0.0
        self.counts = np.zeros(candidates.counts.vocabulary, np.float32)
        self.pairs = np.zeros(candidates.pairs.vocabulary, np.float32)
        nothing = np.zeros_like(candidates.scores)
        self.shared = nothing  # the most that a candidate shares with one chosen sentence
        self.distance = np.full_like(nothing, 50)
        self.follows = nothing
        self.precedes = nothing

    def add(self, place: int) -> None:
        """Select the candidate at a place."""
        own = self.candidates
        self.chosen.append(place)
        self.words += float(own.words[place])
        self.overlap += float(own.overlap[place])
        selected = own.counts.row(place)
        self.counts = self.counts + selected
        self.pairs = self.pairs + own.pairs.row(place)
        common = own.counts.sums(own.counts.shared(selected)) / own.total
        self.shared = np.maximum(self.shared, common)
        away = own.numbers - own.numbers[place]
        self.distance = np.minimum(self.distance, np.abs(away))
        self.follows = np.maximum(self.follows, away == 1)
        self.precedes = np.maximum(self.precedes, away == -1)

    def numbers(self) -> Integers:
        """Return the numbers of the selected sentences in the document."""
        return self.candidates.numbers[self.chosen]

    def simple_gains(self) -> Floats:
        """Return what each candidate would add if its shared words added nothing, and all others did (C,)."""
        return self.features()[:, _NEW_WORDS_GAIN]

    def features(self) -> Floats:
        """Return the selection network's inputs, float32 (C, SELECTOR_COLUMNS)."""
        own, length = self.candidates, self.candidates.length
        there = own.counts.shared(self.counts)
        shared = own.counts.sums(there) / own.total
        rare = own.counts.sums(there * own.rarity) / own.weight
        pairs = own.pairs.sums(own.pairs.shared(self.pairs)) / own.pair_total
        worth = 2 * self.overlap / (self.words + length)
        after = 2 * (self.overlap + own.overlap) / (self.words + own.words + length) - worth
        new = 2 * (self.overlap + own.overlap * (1 - rare)) / (self.words + own.words + length) - worth
        usual = float(own.scores[self.chosen].mean()) if self.chosen else 0.0
        ratio = own.scores / (usual + 1e-3) if self.chosen else np.ones_like(own.scores)
        overlap: Mapping[str, ArrayLike] = {
            "shared_words": shared,
            "shared_rare_words": rare,
            "shared_pairs": pairs,
            "shared_with_one": self.shared,
            "distance": np.minimum(self.distance, 20) / 20,
            "follows": self.follows,
            "precedes": self.precedes,
            "value_gain": after,
            "new_words_gain": new,
            "score_of_usual": ratio,
            "words_of_length_after": (self.words + own.words) / length,
        }
        state = {
            "state_words": self.words / 60,
            "state_sentences": len(self.chosen) / 3,
            "state_words_of_length": self.words / length,
            "state_value": worth,
            "state_is_empty": float(not self.chosen),
            "state_mean_score": usual,
        }
        changing = [
            stack_columns(overlap, SELECTOR_OVERLAP_COLUMNS),
            _repeated(state, SELECTOR_STATE_COLUMNS, len(own.numbers)),
        ]
        return np.concatenate([own.fixed, *changing], axis=1)


def _repeated(numbers: Mapping[str, float], names: Sequence[str], rows: int) -> Floats:
    """Return numbers of these names, in their order, as `rows` equal rows."""
    row = np.array([numbers[name] for name in names], np.float32)
    return np.broadcast_to(row, (rows, len(names)))


def _pairs(words: Sequence[int]) -> list[int]:
    return [a * 2000003 + b for a, b in pairwise(words)]


def score_gains(features: Floats) -> Floats:
    """Return the score of each candidate as its gain (C,), from features (C, SELECTOR_COLUMNS)."""
    return features[:, _SCORE]


def pick_candidates(
    words: Sequence[int], scores: Sequence[float], allowed: Sequence[bool], wanted: int = 0
) -> list[int]:
    """Return the sentences to look at for a summary of `wanted` words, best first.

    They are ranked by score, longer ones a little later than their score says: words use up the length.
    """

    def rank(number: int) -> tuple[float, int]:
        return -scores[number] / max(MIN_RANKED_WORDS, words[number]) ** LENGTH_POWER, number

    order = sorted((n for n, count in enumerate(words) if count and allowed[n]), key=rank)
    return order[: max(DEFAULT_CANDIDATES, wanted // WORDS_PER_CANDIDATE)]


@dataclass(frozen=True)
class SelectionBounds:
    """Words and sentences that a summary has at least and at most; 0 and None: no bound.

    `first` is the sentence that is selected before all others. Of the sentences in `dependent` each is
    selected only behind the one before it.
    """

    max_words: int | None = None
    min_words: int = 0
    max_sentences: int | None = None
    min_sentences: int = 0
    first: int | None = None
    dependent: frozenset[int] = frozenset()


def select_sentences(
    gains_of: Callable[[Floats], Floats],
    words: Sequence[int],
    scores: Sequence[float],
    features: SentenceFeatures,
    length: float,
    allowed: Sequence[bool],
    bounds: SelectionBounds | None = None,
    coverage: WordCoverage | None = None,
) -> tuple[list[int], bool]:
    """Select the sentences of a summary; return them in document order, and whether a bound ended it.

    The sentence that adds most is selected, again and again while one does, or until the least words and
    sentences are there. Left out are those that share more than 60 % of their words with a selected one,
    and those that no longer fit into the most words (a shorter one may, of at least 8 words). Where
    sentences that were asked for are lacking, dependent ones and near repeats may be selected too. Where
    nothing fits at all, the best sentence is selected whatever its length: a summary is never empty unless
    the document is.

    Args:
        gains_of: the selection network of the model that gave the scores: from features (C, SELECTOR_COLUMNS)
            to the gain that each candidate would bring (C,).
        words: how many words each sentence has.
        scores: one for each.
        features: of these sentences.
        length: how many words the summary is expected to have.
        allowed: which sentences may be selected.
        bounds: of its words and sentences.
        coverage: added to the gains where the best one is taken; what ends a summary is the gains alone.

    Raises:
        ValueError: not as many scores as sentences, or `max_words` below 1.
    """
    bounds = bounds or SelectionBounds()
    if not len(words) == len(scores) == len(features.words) == len(allowed):
        raise ValueError(f"{len(words)} sentences have {len(scores)} scores")
    if bounds.max_words is not None and bounds.max_words < 1:
        raise ValueError(f"max_words is {bounds.max_words}: it must be at least 1")
    numbers = _candidate_numbers(words, scores, allowed, bounds)
    if not numbers:
        return [], False
    state = SelectionState(Candidates(numbers, words, scores, features, length))
    dependent = np.array([number in bounds.dependent for number in numbers])
    if bounds.first is not None:
        state.add(numbers.index(bounds.first))
    room = MAX_EXPECTED_RATIO * length + MAX_EXTRA_WORDS if bounds.max_words is None else bounds.max_words
    cut = False
    while len(state.chosen) < len(numbers):
        gains = gains_of(state.features())
        repeats = _not_wanted(state, dependent, lacks=_lacks_sentences(state, bounds))
        too_long = state.candidates.words > (
            math.inf if _lacks_sentences(state, bounds) else room - state.words
        )
        lacks = state.words < bounds.min_words or _lacks_sentences(state, bounds)
        # The first sentence needs no gain: a poor summary is better than none.
        wanted = (gains >= MIN_GAIN) & ~repeats if state.chosen and not lacks else ~repeats
        if len(state.chosen) == bounds.max_sentences:
            return sorted(numbers[place] for place in state.chosen), bool(wanted.any())
        # Of the last round only: what did not fit earlier may have become worthless since.
        cut = bool((wanted & too_long).any())
        if cut and state.chosen and bounds.max_words is not None and not lacks:
            # A better one does not fit. Filling its room with a few words would say less than ending here.
            wanted &= state.candidates.words >= MIN_SUBSTITUTE_WORDS
        worth: Doubles = gains.astype(np.float64)
        if coverage is not None:
            worth += coverage.gains(state.numbers(), state.candidates.numbers)
        worth = np.where(wanted & ~too_long, worth, -np.inf)
        best = int(worth.argmax())
        if worth[best] == -math.inf:
            break
        state.add(best)
    return sorted(numbers[place] for place in state.chosen or [0]), cut


def _candidate_numbers(
    words: Sequence[int], scores: Sequence[float], allowed: Sequence[bool], bounds: SelectionBounds
) -> list[int]:
    """Return the sentences to look at; the first of the summary is among them."""
    least = max(bounds.min_sentences, bounds.max_sentences or 0) * WORDS_PER_CANDIDATE
    wanted = max(bounds.max_words or 0, least)
    numbers = pick_candidates(words, scores, allowed, wanted)
    if bounds.dependent.issuperset(numbers):  # with none that the others could stand behind
        alone = [may and n not in bounds.dependent for n, may in enumerate(allowed)]
        numbers = pick_candidates(words, scores, alone, wanted) or numbers
    if bounds.first is None or bounds.first in numbers:
        return numbers
    return [*numbers, bounds.first]


def _not_wanted(state: SelectionState, dependent: NDArray[np.bool_], *, lacks: bool) -> NDArray[np.bool_]:
    """Return which candidates may not be selected: repeats, and those that stand behind none that is (C,).

    Where sentences that were asked for are lacking and none is left, the latter may, then near repeats.
    """
    chosen = np.zeros_like(dependent)
    chosen[state.chosen] = True
    alone = dependent & (state.follows == 0)
    rules = [chosen | alone | (state.shared > MAX_SHARED_WORDS)]
    if lacks:
        rules += [chosen | (state.shared > share) for share in (MAX_SHARED_WORDS, MAX_SAME_WORDS)]
    return next((rule for rule in rules if not rule.all()), rules[0])


def _lacks_sentences(state: SelectionState, bounds: SelectionBounds) -> bool:
    return len(state.chosen) < bounds.min_sentences
