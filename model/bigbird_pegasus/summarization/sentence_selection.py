"""From scores to a summary: sentences are taken one after another, each time the one that adds most.

Dimensions: C candidates, V different words of them, P different pairs of words.

What a sentence adds depends on what is there already: its words may stand there, and every word more costs
precision. A small network estimates the gain in ROUGE-1 F1 + ROUGE-2 F1 from both; where no sentence is
expected to add anything, the summary ends. So its length follows from the document. MemSum (Gu et al., 2022)
chooses in this way too; here the network is trained on gains that are known for training documents, in states
that it comes to itself (Ross et al., "DAgger", 2011).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from bigbird_pegasus.modeling.sentence_extraction import TOLD, Chooser
from bigbird_pegasus.summarization.sentence_features import SentenceFeatures

CANDIDATES = 40  # sentences that are looked at, more where a longer summary is asked for
WORDS_A_CANDIDATE = 5  # of the summary asked for
LENGTH_POWER = 0.3  # by which the words of a sentence count against it when candidates are picked
SHORTEST_COUNTED = 6  # words; shorter sentences gain nothing by being shorter
LEAST_GAIN = 0.0  # below it the summary ends
MAX_SHARED_WORDS = 0.6  # of a sentence's words with one already chosen
LEAST_IN_PLACE = 8  # words of a sentence that is taken because a better one does not fit: fewer say little
MOST_OF_EXPECTED = 1.5  # times the expected length, and …
MORE_THAN_EXPECTED = 20  # … words more, a summary has at most when nobody says how long it shall be
SIMPLE_GAIN = 6 + len(TOLD) + 6 + 8  # where among them it stands


class Candidates:
    """The sentences of a document that are looked at, best first, and what the chooser is told of them."""

    def __init__(
        self,
        numbers: Sequence[int],
        words: Sequence[int],
        scores: Sequence[float],
        features: SentenceFeatures,
        length: float,
    ) -> None:
        """`words` counts every sentence's, as `str.split` does; `length` is the expected summary's."""
        self.numbers = torch.tensor(list(numbers), dtype=torch.long)
        self.words = torch.tensor([float(words[n]) for n in numbers])
        self.scores = torch.tensor([scores[n] for n in numbers], dtype=torch.float32)
        self.length = length
        self.counts, self.rarity = _bags([features.words[n] for n in numbers], len(features.words))
        pairs = [_pairs(features.words[n]) for n in numbers]
        self.pairs, _ = _bags(pairs, len(features.words))
        self.total = self.counts.sum(1).clamp(min=1)
        self.weight = (self.counts @ self.rarity).clamp(min=1e-3)
        self.pair_total = self.pairs.sum(1).clamp(min=1)
        self.overlap = (
            self.scores * (self.words + length) / 2
        )  # a score is about 2 overlap / (words + length)
        best = self.scores.sort(descending=True).values
        document = [
            math.log(length) - 4.2,
            float(best[0]),
            float(best[:3].mean()),
            float(best[:8].mean()),
            math.log1p(len(features.words)) / 5 - 0.8,
            float((self.words * self.scores).sum() / self.words.sum().clamp(min=1)),
        ]
        rank = torch.arange(len(numbers)) / 10
        sentence = [
            self.scores,
            self.scores / best[0].clamp(min=1e-3),
            (self.words + 1).log() / 3,
            self.words / 40,
            rank,
            self.words / length,
        ]
        told = features.dense[self.numbers][:, list(TOLD)]
        whole = torch.tensor(document).expand(len(numbers), -1)
        self.fixed = torch.cat([torch.stack(sentence, 1), told, whole], 1)


class Choice:
    """What is chosen so far, and the chooser's features of each candidate in this state."""

    def __init__(self, candidates: Candidates) -> None:
        self.candidates = candidates
        self.chosen: list[int] = []  # places among the candidates
        self.words = self.overlap = 0.0
        self.counts = torch.zeros(candidates.counts.shape[1])
        self.pairs = torch.zeros(candidates.pairs.shape[1])
        number = len(candidates.numbers)
        self.shared = torch.zeros(number)  # the most that a candidate shares with one chosen sentence
        self.distance = torch.full((number,), 50.0)
        self.follows = torch.zeros(number)
        self.precedes = torch.zeros(number)

    def add(self, place: int) -> None:
        """Choose the candidate at a place."""
        own = self.candidates
        self.chosen.append(place)
        self.words += float(own.words[place])
        self.overlap += float(own.overlap[place])
        self.counts = self.counts + own.counts[place]
        self.pairs = self.pairs + own.pairs[place]
        common = torch.minimum(own.counts, own.counts[place]).sum(1) / own.total
        self.shared = torch.maximum(self.shared, common)
        away = own.numbers - own.numbers[place]
        self.distance = torch.minimum(self.distance, away.abs().float())
        self.follows = torch.maximum(self.follows, (away == 1).float())
        self.precedes = torch.maximum(self.precedes, (away == -1).float())

    def simple_gains(self) -> Tensor:
        """What each candidate would add if the words it shares were all that it adds in vain (C,)."""
        return self.features()[:, SIMPLE_GAIN]

    def features(self) -> Tensor:
        """What the chooser is told of each candidate, float32 (C, FEATURES)."""
        own, length = self.candidates, self.candidates.length
        there = torch.minimum(own.counts, self.counts)
        shared = there.sum(1) / own.total
        rare = (there @ own.rarity) / own.weight
        pairs = torch.minimum(own.pairs, self.pairs).sum(1) / own.pair_total
        worth = 2 * self.overlap / (self.words + length)
        after = 2 * (self.overlap + own.overlap) / (self.words + own.words + length) - worth
        new = 2 * (self.overlap + own.overlap * (1 - rare)) / (self.words + own.words + length) - worth
        usual = float(own.scores[self.chosen].mean()) if self.chosen else 0.0
        ratio = own.scores / (usual + 1e-3) if self.chosen else torch.ones_like(own.scores)
        sentence = [
            shared,
            rare,
            pairs,
            self.shared,
            self.distance.clamp(max=20) / 20,
            self.follows,
            self.precedes,
            after,
            new,
            ratio,
            (self.words + own.words) / length,
        ]
        state = [
            self.words / 60,
            len(self.chosen) / 3,
            self.words / length,
            worth,
            float(not self.chosen),
            usual,
        ]
        rows = torch.tensor(state).expand(len(own.numbers), -1)
        return torch.cat([own.fixed, torch.stack(sentence, 1), rows], 1)


def _pairs(words: Sequence[int]) -> list[int]:
    return [a * 2000003 + b for a, b in pairwise(words)]


def _bags(rows: Sequence[Sequence[int]], sentences: int) -> tuple[Tensor, Tensor]:
    """Counts (C, V), and how rare each word is among the candidates (V,)."""
    known: dict[int, int] = {}
    columns = [[known.setdefault(word, len(known)) for word in row] for row in rows]
    counts = torch.zeros(len(rows), len(known))
    for number, row in enumerate(columns):
        counts[number].index_add_(0, torch.tensor(row, dtype=torch.long), torch.ones(len(row)))
    having = (counts > 0).sum(0).clamp(min=1)
    return counts, ((1 + len(rows)) / having).log()


def pick_candidates(
    words: Sequence[int], scores: Sequence[float], allowed: Sequence[bool], wanted: int = 0
) -> list[int]:
    """The sentences worth looking at for a summary of `wanted` words, best first.

    They are ranked by score, longer ones a little later than their score says: words use up the length.
    """

    def rank(number: int) -> tuple[float, int]:
        return -scores[number] / max(SHORTEST_COUNTED, words[number]) ** LENGTH_POWER, number

    order = sorted((n for n, count in enumerate(words) if count and allowed[n]), key=rank)
    return order[: max(CANDIDATES, wanted // WORDS_A_CANDIDATE)]


def choose_sentences(
    chooser: Chooser,
    words: Sequence[int],
    scores: Sequence[float],
    features: SentenceFeatures,
    length: float,
    allowed: Sequence[bool],
    max_words: int | None = None,
) -> tuple[list[int], bool]:
    """Choose the sentences of a summary; return them in document order, and whether `max_words` ended it.

    Taken is what adds most, again and again while something does. Left out is what shares more than 60 % of
    its words with a sentence already chosen, and what no longer fits into `max_words` (a shorter one may, of
    at least 8 words). When nothing fits at all, the best sentence is chosen whatever its length: a summary is
    never empty unless the document is.

    Args:
        chooser: of the model that gave the scores.
        words: how many words each sentence has.
        scores: one for each.
        features: of these sentences.
        length: how many words the summary is expected to have.
        allowed: which sentences may be chosen.
        max_words: words that the summary may have at most.

    Raises:
        ValueError: not as many scores as sentences, or `max_words` below 1.
    """
    if not len(words) == len(scores) == len(features.words) == len(allowed):
        raise ValueError(f"{len(words)} sentences have {len(scores)} scores")
    if max_words is not None and max_words < 1:
        raise ValueError(f"max_words is {max_words}: it must be at least 1")
    most = MOST_OF_EXPECTED * length + MORE_THAN_EXPECTED if max_words is None else max_words
    numbers = pick_candidates(words, scores, allowed, max_words or 0)
    if not numbers:
        return [], False
    choice = Choice(Candidates(numbers, words, scores, features, length))
    cut = False
    while len(choice.chosen) < len(numbers):
        with torch.inference_mode():
            gains = chooser(choice.features().to(chooser.gain.weight.device)).cpu()
        repeats = choice.shared > MAX_SHARED_WORDS
        repeats[choice.chosen] = True
        too_long = choice.candidates.words > most - choice.words
        wanted = (gains >= LEAST_GAIN) & ~repeats if choice.chosen else ~repeats
        cut = bool((wanted & too_long).any())
        if cut and choice.chosen and max_words is not None:
            wanted &= choice.candidates.words >= LEAST_IN_PLACE
        gains = gains.masked_fill(~wanted | too_long, -math.inf)
        best = int(gains.argmax())
        if gains[best] == -math.inf:
            break
        choice.add(best)
    return sorted(numbers[place] for place in choice.chosen or [0]), cut
