"""Stage `choose` of the default model. Helper of `train.py`.

The chooser is trained on the scores that `scorer` kept: those of documents that a scorer was
trained on are better than any it will meet.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.modeling.sentence_columns import GAIN_SCALE
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction, SelectionNetwork
from bigbird_pegasus.summarization.choosing.extractive import MAX_SUMMARY_SHARE, MIN_SUMMARY_WORDS
from bigbird_pegasus.summarization.choosing.sentence_selection import (
    Candidates,
    SelectionState,
    pick_candidates,
)
from bigbird_pegasus.summarization.features.sentence_features import SentenceFeatures, sentence_features
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences
from bigbird_pegasus.text.words import count_words
from torch import Tensor
from torch.nn import functional as F

from examples.default_model.corpus import Corpus, Record, clean_summary, rouge_words


@dataclass(frozen=True)
class ChooserRecipe:
    """How the chooser is trained."""

    rounds: int = 3  # of choosing by what was learned in the round before
    first_documents: int = 2000  # in the first round, in which nothing was learned before
    looked_at: tuple[int, int] = (12, 16)  # candidates of each state: half the best ones, half at random
    most_sentences: int = 12
    epochs: int = 3
    batch: int = 4096
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    dropout: float = 0.1
    seed: int = 0


@dataclass
class Gold:
    """What a summary's words and pairs of words are, and how many of them each candidate has."""

    unigrams: np.ndarray
    bigrams: np.ndarray
    own_unigrams: np.ndarray = field(repr=False)  # (C, unigrams)
    own_bigrams: np.ndarray = field(repr=False)
    words: np.ndarray  # of each candidate
    total: int

    @classmethod
    def of(cls, summary: str, sentences: Sequence[str]) -> "Gold":
        """Count as ROUGE does."""
        wanted = rouge_words(summary)
        rows = [rouge_words(sentence) for sentence in sentences]
        unigrams, bigrams = Counter(wanted), Counter(pairwise(wanted))
        ones, twos = [Counter(row) for row in rows], [Counter(pairwise(row)) for row in rows]
        one = np.array([[counts[gram] for gram in unigrams] for counts in ones], np.float32)
        two = np.array([[counts[gram] for gram in bigrams] for counts in twos], np.float32)
        return cls(
            np.array(list(unigrams.values()), np.float32),
            np.array(list(bigrams.values()), np.float32),
            one.reshape(len(rows), -1),
            two.reshape(len(rows), -1),
            np.array([len(row) for row in rows], np.float32),
            len(wanted),
        )

    def gains(self, chosen: Sequence[int]) -> np.ndarray:
        """Return what each candidate adds to the ROUGE-1 F1 + ROUGE-2 F1 of those chosen."""
        one, two = self.own_unigrams[chosen].sum(0), self.own_bigrams[chosen].sum(0)
        words = self.words[chosen].sum()
        before = self._value(one, two, words) if len(chosen) else 0.0
        after = self._value(one + self.own_unigrams, two + self.own_bigrams, words + self.words)
        gained: np.ndarray = (after - before).astype(np.float32)
        return gained

    def _value(self, one: np.ndarray, two: np.ndarray, words: np.ndarray) -> np.ndarray:
        first = 2 * np.minimum(one, self.unigrams).sum(-1) / np.maximum(1, words + self.total)
        second = 2 * np.minimum(two, self.bigrams).sum(-1) / np.maximum(1, words + self.total - 2)
        value: np.ndarray = first + second
        return value


@dataclass(frozen=True)
class Text:
    """What the chooser's training needs of a record, whatever its sentences' scores are."""

    sentences: list[str]
    words: list[int]
    allowed: list[bool]
    features: SentenceFeatures
    summary: str

    @classmethod
    def of(cls, record: Record) -> "Text":
        """Split a record's document as the command does."""
        parsed = parse_text(record.document)
        sentences = [parsed.on_one_line(span) for span in parsed.sentences]
        return cls(
            sentences,
            [count_words(sentence) for sentence in sentences],
            eligible_sentences(parsed, parsed.sentences),
            sentence_features(sentences, [s.starts_paragraph for s in parsed.sentences]),
            clean_summary(record.summary),
        )


def choose(run: Path, corpus: Corpus, records: Sequence[Record], recipe: ChooserRecipe) -> None:
    """Train the chooser of `RUN/checkpoint` on gains that are known for the training documents."""
    kept = np.load(run / "scores.npz")
    documents = [
        scored_document(Text.of(record), kept["scores"][start:end], length)
        for record, start, end, length in zip(
            records, corpus.documents[:-1], corpus.documents[1:], kept["lengths"], strict=True
        )
    ]
    chooser = train_chooser(documents, recipe)
    model = load_model(run / "checkpoint")
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    model.sentence_head.chooser.load_state_dict(chooser.state_dict())
    model.to(torch.float16).save_pretrained(run / "checkpoint")


def train_chooser(documents: Sequence[tuple[Candidates, Gold]], recipe: ChooserRecipe) -> SelectionNetwork:
    """Train a selection network on the gains in states that it comes to itself."""
    generator = np.random.default_rng(recipe.seed)
    chooser: SelectionNetwork | None = None
    seen: list[np.ndarray] = []
    gains: list[np.ndarray] = []
    for turn in range(recipe.rounds):
        part = documents if turn else documents[: recipe.first_documents]
        for found, gold in part:
            for features, gained in _states(
                chooser, found, gold, generator, recipe, recipe.looked_at[min(turn, 1)]
            ):
                seen.append(features)
                gains.append(gained)
        chooser = fit_chooser(
            torch.from_numpy(np.concatenate(seen)), torch.from_numpy(np.concatenate(gains)), recipe
        )
    assert chooser is not None
    return chooser


def scored_document(text: Text, scores: np.ndarray, length: float) -> tuple[Candidates, Gold]:
    """Return a document's candidates by their scores; `length` is the logarithm of a summary's."""
    known = [float(score) for score in scores]
    numbers = pick_candidates(text.words, known, text.allowed) or [0]
    expected = max(MIN_SUMMARY_WORDS, min(float(np.exp(length)), MAX_SUMMARY_SHARE * sum(text.words)))
    found = Candidates(numbers, text.words, known, text.features, expected)
    return found, Gold.of(text.summary, [text.sentences[n] for n in numbers])


@torch.inference_mode()
def _states(
    chooser: SelectionNetwork | None,
    found: Candidates,
    gold: Gold,
    generator: np.random.Generator,
    recipe: ChooserRecipe,
    looked_at: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Features and gains of some candidates in each state on the way to a summary, and a little further."""
    choice = SelectionState(found)
    while True:
        free = np.setdiff1d(np.arange(len(found.numbers)), choice.chosen)
        if not len(free):
            return
        features = choice.features()
        expected = chooser(torch.from_numpy(features)).numpy() if chooser else choice.simple_gains()
        best = free[np.argsort(-expected[free])[: looked_at // 2]]
        some = generator.choice(free, min(len(free), looked_at // 2), replace=False)
        shown = np.unique(np.concatenate([best, some]))
        yield features[shown], gold.gains(choice.chosen)[shown]
        too_long = choice.words > 1.8 * found.length + 60
        many = len(choice.chosen) >= recipe.most_sentences and choice.words > 1.2 * found.length
        if too_long or many or (chooser and choice.chosen and expected[best[0]] < -0.02):
            return
        choice.add(int(best[0] if generator.random() < 0.6 else generator.choice(best[:4])))


def fit_chooser(features: Tensor, gains: Tensor, recipe: ChooserRecipe) -> SelectionNetwork:
    """Least squares."""
    torch.manual_seed(recipe.seed)
    chooser = SelectionNetwork()
    mean, scale = features.mean(0), features.std(0) + 1e-2
    optimizer = torch.optim.AdamW(
        chooser.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    size = min(recipe.batch, len(features))
    steps = len(features) // size * recipe.epochs
    step = 0
    for _ in range(recipe.epochs):
        order = torch.randperm(len(features))
        for start in range(0, len(features) - size + 1, size):
            rows = order[start : start + size]
            x = (features[rows] - mean) / scale
            for linear in (chooser.first, chooser.second):
                x = F.dropout(F.gelu(linear(x)), recipe.dropout)
            error = chooser.gain(x).squeeze(-1) - gains[rows] / GAIN_SCALE
            optimizer.param_groups[0]["lr"] = (
                recipe.learning_rate * min(1, (step + 1) / 30) * (1 - step / steps)
            )
            optimizer.zero_grad()
            error.square().mean().backward()
            optimizer.step()
            step += 1
    with torch.no_grad():  # the features enter as they are, not standardized
        chooser.first.bias.sub_(chooser.first.weight @ (mean / scale))
        chooser.first.weight.div_(scale)
    return chooser.eval()
