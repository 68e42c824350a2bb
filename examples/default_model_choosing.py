"""Stages `score` and `choose` of the default model. Helper of `train_default_model.py`.

`score` freezes the encoder and the reader, reads the beginning of each training document once, and trains the
scorer on these vectors: first without one part of the documents after another, whose scores are kept, then
with all of them. `choose` trains the chooser on the kept scores, for those of documents a scorer was trained
on are better than any it will meet.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from bigbird_pegasus.choosing import (
    GAIN_SCALE,
    Candidates,
    Choice,
    Chooser,
    ExactLinear,
    pick_candidates,
)
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.extraction import (
    LEAST_WORDS,
    MOST_SHARE,
    BigBirdPegasusForSentenceExtraction,
    SentenceScorer,
    extraction_loss,
)
from bigbird_pegasus.lines import without_marks
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.prose import candidates, count_words
from bigbird_pegasus.sentence_features import feature_inputs, sentence_features
from default_model_data import Corpus, Record, clean_summary, rouge_words
from torch import Tensor, nn
from torch.nn import functional as F

from bbp_cli import windows


@dataclass(frozen=True)
class ScorerRecipe:
    """How the scorer is trained."""

    read_windows: int = 2  # of each document
    sentences: int = 100  # of each document, from its beginning
    scored: int = 200  # sentences that are scored for the chooser
    folds: int = 4
    epochs: int = 2
    batch: int = 16
    learning_rate: float = 1e-3
    gram_factor: float = 1.5  # of the learning rate of hashed words …
    gram_decay: float = 0.4  # … and their weight decay
    weight_decay: float = 0.05
    gram_dropout: float = 0.5  # whole words and pairs
    dropout: float = 0.2
    averaging: float = 0.998
    length_weight: float = 1.0  # of the error of the summary's length
    seed: int = 0


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


# --- the scorer ---------------------------------------------------------------------------------------


def score(run: Path, corpus: Corpus, collate: Callable[..., dict[str, Tensor]], recipe: ScorerRecipe) -> None:
    """Train the scorer of `RUN/checkpoint`, and keep scores of documents it was not trained on."""
    model = load_model(run / "checkpoint")
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    vectors = read_documents(model, corpus, collate, recipe)
    everything = np.arange(len(corpus))
    order = np.random.default_rng(1).permutation(everything)
    scores, lengths = np.zeros(len(corpus.values), np.float32), np.zeros(len(corpus), np.float32)
    for fold in range(recipe.folds):
        held_out = np.sort(order[fold :: recipe.folds])
        scorer = train_scorer(corpus, vectors, np.setdiff1d(everything, held_out), model.config, recipe)
        for document in held_out:
            first, last = _bounds(corpus, document, recipe.scored)
            with torch.inference_mode():
                found, length = scorer(**_scorer_inputs(corpus, vectors, [document], recipe.scored))
            scores[first:last] = np.where(found[0].isfinite(), found[0], 0.0)
            lengths[document] = float(length)
    np.savez(run / "scores.npz", scores=scores, lengths=lengths)
    scorer = train_scorer(corpus, vectors, everything, model.config, recipe)
    model.sentence_head.scorer.load_state_dict(scorer.state_dict())
    model.to(torch.float16).save_pretrained(run / "checkpoint")


def read_documents(
    model: BigBirdPegasusForSentenceExtraction,
    corpus: Corpus,
    collate: Callable[..., dict[str, Tensor]],
    recipe: ScorerRecipe,
) -> np.ndarray:
    """The vectors of sentences in each document's first windows, float16 (sentences, D); NaN elsewhere."""
    limit = model.config.max_position_embeddings
    vectors = np.full((len(corpus.values), model.config.d_model), np.nan, np.float16)
    for document in range(len(corpus)):
        start, end = int(corpus.documents[document]), int(corpus.documents[document + 1])
        counts = np.minimum(np.diff(corpus.sentences[start : end + 1]), limit)
        for window in windows.pack(counts.tolist(), limit)[: recipe.read_windows]:
            if not window.tokens:
                continue
            batch = collate(corpus, document, start + window.first, start + window.last)
            with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
                read = model.sentence_vectors(**batch)[0].float()
            vectors[start + window.first : start + window.last] = read.numpy()
    return vectors


def train_scorer(
    corpus: Corpus,
    vectors: np.ndarray,
    documents: np.ndarray,
    config: BigBirdPegasusConfig,
    recipe: ScorerRecipe,
) -> SentenceScorer:
    """A scorer for vectors that do not change, with averaged weights, in eval mode."""
    torch.manual_seed(recipe.seed)
    scorer = SentenceScorer(config.changed(dropout=recipe.dropout)).train()
    mean, scale = _standardize(scorer, corpus)
    scorer.score.bias.data.fill_(float(corpus.values.mean()))
    tables = [scorer.grams.weight, scorer.headings.weight]
    others = [p for p in scorer.parameters() if all(p is not table for table in tables)]
    rate = recipe.learning_rate
    groups = [
        {"params": tables, "weight_decay": recipe.gram_decay, "peak": rate * recipe.gram_factor},
        {"params": others, "weight_decay": recipe.weight_decay, "peak": rate},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)
    average = [p.detach().clone() for p in scorer.parameters()]
    batches = list(_batches(corpus, documents, recipe))
    for step, batch in enumerate(batches):
        inputs = _scorer_inputs(corpus, vectors, batch, recipe.sentences)
        inputs["features"] = (inputs["features"] - mean) / scale
        inputs |= _some_grams(inputs, recipe.gram_dropout)
        scores, length = scorer(**inputs)
        wanted = torch.from_numpy(corpus.summary_words[batch]).clamp(min=1).log()
        values = _filled([corpus.values[slice(*_bounds(corpus, d, recipe.sentences))] for d in batch])
        loss = extraction_loss(scores, values) + recipe.length_weight * F.smooth_l1_loss(length, wanted)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * min(1, (step + 1) / 50) * max(0.02, 1 - step / len(batches))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(scorer.parameters(), 1.0)
        optimizer.step()
        decay = min(recipe.averaging, (step + 1) / (step + 10))
        for own, p in zip(average, scorer.parameters(), strict=True):
            own.lerp_(p.detach(), 1 - decay)
    with torch.no_grad():
        for own, p in zip(average, scorer.parameters(), strict=True):
            p.copy_(own)
        _take_back(scorer, mean, scale)
    return scorer.eval()


def _standardize(scorer: SentenceScorer, corpus: Corpus) -> tuple[Tensor, Tensor]:
    """Draw weights fit for inputs of unit variance; mean and deviation of the dense features."""
    for module in scorer.modules():
        if isinstance(module, ExactLinear):
            module.weight.data *= 0.58
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.05)
    nn.init.zeros_(scorer.length.weight)
    sample = corpus.dense[::7].astype(np.float32)
    return torch.from_numpy(sample.mean(0)), torch.from_numpy(sample.std(0) + 1e-2)


def _take_back(scorer: SentenceScorer, mean: Tensor, scale: Tensor) -> None:
    """Let the first layer take the features as they are, not standardized."""
    first = scorer.grams.weight.shape[1] - 1 + scorer.headings.weight.shape[1]
    weight = scorer.first.weight[:, first : first + len(mean)]
    scorer.first.bias -= weight @ (mean / scale)
    weight /= scale


def _batches(corpus: Corpus, documents: np.ndarray, recipe: ScorerRecipe) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(recipe.seed)
    lengths = np.diff(corpus.documents)
    size = min(recipe.batch, len(documents))
    for _ in range(recipe.epochs):
        order = generator.permutation(documents)
        for pool in np.array_split(order, max(1, len(order) // (size * 16))):
            pool = pool[np.argsort(lengths[pool])]
            batches = [pool[i : i + size] for i in range(0, len(pool) - size + 1, size)]
            generator.shuffle(batches)
            yield from batches


def _bounds(corpus: Corpus, document: int, most: int) -> tuple[int, int]:
    first = int(corpus.documents[document])
    return first, min(int(corpus.documents[document + 1]), first + most)


def _scorer_inputs(
    corpus: Corpus, vectors: np.ndarray, documents: Sequence[int] | np.ndarray, most: int
) -> dict[str, Tensor]:
    bounds = [_bounds(corpus, document, most) for document in documents]
    rows = [torch.from_numpy(vectors[first:last].astype(np.float32)) for first, last in bounds]
    padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=float("nan"))
    return {"vectors": padded, **feature_inputs([corpus.features(*pair) for pair in bounds])}


def _some_grams(inputs: dict[str, Tensor], dropout: float) -> dict[str, Tensor]:
    """The hashes without a random part of them."""
    counts = inputs["gram_counts"]
    kept = torch.rand(len(inputs["grams"])) > dropout
    owners = torch.arange(counts.numel()).repeat_interleave(counts.flatten())
    left = torch.zeros(counts.numel(), dtype=torch.long).index_add(0, owners, kept.long())
    return {"grams": inputs["grams"][kept], "gram_counts": left.view_as(counts)}


def _filled(rows: Sequence[np.ndarray]) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True)


# --- the chooser --------------------------------------------------------------------------------------


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
        one = np.array([[Counter(row)[gram] for gram in unigrams] for row in rows], np.float32)
        two = np.array([[Counter(pairwise(row))[gram] for gram in bigrams] for row in rows], np.float32)
        return cls(
            np.array(list(unigrams.values()), np.float32),
            np.array(list(bigrams.values()), np.float32),
            one.reshape(len(rows), -1),
            two.reshape(len(rows), -1),
            np.array([len(row) for row in rows], np.float32),
            len(wanted),
        )

    def gains(self, chosen: Sequence[int]) -> Tensor:
        """What each candidate adds to the ROUGE-1 F1 + ROUGE-2 F1 of those chosen."""
        one, two = self.own_unigrams[chosen].sum(0), self.own_bigrams[chosen].sum(0)
        words = self.words[chosen].sum()
        before = self._value(one, two, words) if len(chosen) else 0.0
        after = self._value(one + self.own_unigrams, two + self.own_bigrams, words + self.words)
        return torch.from_numpy((after - before).astype(np.float32))

    def _value(self, one: np.ndarray, two: np.ndarray, words: np.ndarray) -> np.ndarray:
        first = 2 * np.minimum(one, self.unigrams).sum(-1) / np.maximum(1, words + self.total)
        return first + 2 * np.minimum(two, self.bigrams).sum(-1) / np.maximum(1, words + self.total - 2)


def choose(run: Path, corpus: Corpus, records: Sequence[Record], recipe: ChooserRecipe) -> None:
    """Train the chooser of `RUN/checkpoint` on gains that are known for the training documents."""
    kept = np.load(run / "scores.npz")
    generator = np.random.default_rng(recipe.seed)
    documents = [
        _document(record, kept["scores"][start:end], float(np.exp(length)))
        for record, start, end, length in zip(
            records, corpus.documents[:-1], corpus.documents[1:], kept["lengths"], strict=True
        )
    ]
    chooser: Chooser | None = None
    seen: list[Tensor] = []
    gains: list[Tensor] = []
    for turn in range(recipe.rounds):
        part = documents if turn else documents[: recipe.first_documents]
        for found, gold in part:
            for features, gained in _states(
                chooser, found, gold, generator, recipe, recipe.looked_at[min(turn, 1)]
            ):
                seen.append(features)
                gains.append(gained)
        chooser = fit_chooser(torch.cat(seen), torch.cat(gains), recipe)
    assert chooser is not None
    model = load_model(run / "checkpoint")
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    model.sentence_head.chooser.load_state_dict(chooser.state_dict())
    model.to(torch.float16).save_pretrained(run / "checkpoint")


def _document(record: Record, scores: np.ndarray, length: float) -> tuple[Candidates, Gold]:
    spans = windows.split_sentences(record.document)
    plain = without_marks(record.document)
    texts = [" ".join(plain[s.start : s.end].split()) for s in spans]
    allowed = candidates(record.document, [(s.start, s.end) for s in spans])
    features = sentence_features(texts, [s.starts_paragraph for s in spans])
    words = [count_words(text) for text in texts]
    known = [float(score) for score in scores]
    numbers = pick_candidates(words, known, allowed) or [0]
    expected = max(LEAST_WORDS, min(length, MOST_SHARE * sum(words)))
    found = Candidates(numbers, words, known, features, expected)
    return found, Gold.of(clean_summary(record.summary), [texts[n] for n in numbers])


@torch.inference_mode()
def _states(
    chooser: Chooser | None,
    found: Candidates,
    gold: Gold,
    generator: np.random.Generator,
    recipe: ChooserRecipe,
    looked_at: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Features and gains of some candidates in each state on the way to a summary, and a little further."""
    choice = Choice(found)
    while True:
        free = np.setdiff1d(np.arange(len(found.numbers)), choice.chosen)
        if not len(free):
            return
        features = choice.features()
        expected = (chooser(features) if chooser else choice.simple_gains()).numpy()
        best = free[np.argsort(-expected[free])[: looked_at // 2]]
        some = generator.choice(free, min(len(free), looked_at // 2), replace=False)
        shown = np.unique(np.concatenate([best, some]))
        yield features[shown], gold.gains(choice.chosen)[shown]
        too_long = choice.words > 1.8 * found.length + 60
        many = len(choice.chosen) >= recipe.most_sentences and choice.words > 1.2 * found.length
        if too_long or many or (chooser and choice.chosen and expected[best[0]] < -0.02):
            return
        choice.add(int(best[0] if generator.random() < 0.6 else generator.choice(best[:4])))


def fit_chooser(features: Tensor, gains: Tensor, recipe: ChooserRecipe) -> Chooser:
    """Least squares."""
    torch.manual_seed(recipe.seed)
    chooser = Chooser()
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
        chooser.first.bias -= chooser.first.weight @ (mean / scale)
        chooser.first.weight /= scale
    return chooser.eval()
