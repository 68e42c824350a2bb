"""Stage `score` of the default model. Helper of `train.py`.

Encoder and reader are frozen and read the beginning of each training document once, and the scorer is trained
on these vectors: first without one part of the documents after another, whose scores are kept, then with all
of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.modeling.sentence_extraction import (
    BigBirdPegasusForSentenceExtraction,
    ExactLinear,
    SentenceScorer,
    extraction_loss,
)
from bigbird_pegasus.summarization.features.feature_batches import feature_inputs
from bigbird_pegasus.text import windows
from torch import Tensor, nn
from torch.nn import functional as F

from examples.default_model.corpus import Corpus


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


def score(run: Path, corpus: Corpus, collate: Callable[..., dict[str, Tensor]], recipe: ScorerRecipe) -> None:
    """Train the scorer of `RUN/checkpoint`, and keep scores of documents it was not trained on."""
    model = load_model(run / "checkpoint")
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    vectors = read_documents(model, corpus, collate, recipe)
    everything = np.arange(len(corpus))
    scores, lengths = scores_by_others(corpus, vectors, everything, model.config, recipe)
    np.savez(run / "scores.npz", scores=scores, lengths=lengths)
    scorer = train_scorer(corpus, vectors, everything, model.config, recipe)
    model.sentence_head.scorer.load_state_dict(scorer.state_dict())
    model.to(torch.float16).save_pretrained(run / "checkpoint")


def scores_by_others(
    corpus: Corpus,
    vectors: np.ndarray,
    documents: np.ndarray,
    config: BigBirdPegasusConfig,
    recipe: ScorerRecipe,
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (sentences,) and logarithms of the lengths (documents,), each by a scorer that was trained on
    other parts of `documents`; 0 of all other documents of the corpus.
    """
    order = np.random.default_rng(1).permutation(documents)
    scores, lengths = np.zeros(len(corpus.values), np.float32), np.zeros(len(corpus), np.float32)
    for fold in range(recipe.folds):
        held_out = np.sort(order[fold :: recipe.folds])
        scorer = train_scorer(corpus, vectors, np.setdiff1d(documents, held_out), config, recipe)
        for document in held_out:
            first, last = _bounds(corpus, document, recipe.scored)
            with torch.inference_mode():
                found, length = scorer(**_scorer_inputs(corpus, vectors, [document], recipe.scored))
            scores[first:last] = np.where(found[0].isfinite(), found[0], 0.0)
            lengths[document] = float(length)
    return scores, lengths


def read_documents(
    model: BigBirdPegasusForSentenceExtraction,
    corpus: Corpus,
    collate: Callable[..., dict[str, Tensor]],
    recipe: ScorerRecipe,
) -> np.ndarray:
    """Return vectors of the sentences of each document's first windows, float16 (sentences, D), or NaN."""
    limit = model.config.max_position_embeddings
    vectors = np.full((len(corpus.values), model.config.d_model), np.nan, np.float16)
    for document in range(len(corpus)):
        start, end = int(corpus.documents[document]), int(corpus.documents[document + 1])
        counts = np.minimum(np.diff(corpus.sentences[start : end + 1]), limit)
        for window in windows.pack(counts.tolist(), limit)[: recipe.read_windows]:
            if not window.tokens:
                continue
            batch = collate(corpus, document, start + window.first, start + window.last, limit)
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
    """Train a scorer for vectors that do not change; return it with averaged weights, in eval mode."""
    torch.manual_seed(recipe.seed)
    scorer = SentenceScorer(config.replace(dropout=recipe.dropout)).train()
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
    scorer.first.bias.sub_(weight @ (mean / scale))
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
    """Drop a random part of the hashes."""
    counts = inputs["gram_counts"]
    kept = torch.rand(len(inputs["grams"])) > dropout
    owners = torch.arange(counts.numel()).repeat_interleave(counts.flatten())
    left = torch.zeros(counts.numel(), dtype=torch.long).index_add(0, owners, kept.long())
    return {"grams": inputs["grams"][kept], "gram_counts": left.view_as(counts)}


def _filled(rows: Sequence[np.ndarray]) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True)
