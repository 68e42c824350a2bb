"""Two small trained models that score sentences, rebuilt from the first trials of the default model: its bar.

Both learn what each of the first 60 sentences is worth (ROUGE-1 F1 + ROUGE-2 F1 against the summary), and
choose within 100 words as its first version did. Data are cleaned as for the default model, and what is in
the records that are judged is left out.

- ridge: least squares on hashed words and word pairs, position, length, likeness to the whole document.
- embeddings: the mean of the embeddings of a sentence's pieces (PPMI and SVD to start with), its position and
  the mean over the document, two linear layers; softmax targets, one epoch.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from bigbird_pegasus import DEFAULT_MODEL
from scipy.sparse.linalg import lsqr
from torch import Tensor, nn

from bbp_cli.dataset import SummaryExample
from examples.default_model import corpus as data

Scores = Callable[[Sequence[data.Sentence]], Sequence[float]]
MAX_SENTENCES = 60
MAX_WORDS = 100
LENGTH_POWER, SHORTEST_COUNTED = (
    0.3,
    6,
)  # ranked by score over words^0.3
MIN_SHARE_OF_BEST, MAX_SHARED_WORDS = 0.6, 0.6
BUCKETS = 2**17
PENALTY = 10.0
WIDTH = 256
TEMPERATURE = 0.15
RATE = 1e-3
DOCUMENTS = 16  # of an update


def ridge(
    training: Sequence[SummaryExample], held_out: Sequence[SummaryExample]
) -> Callable[[SummaryExample], list[str]]:
    """Train, and return what chooses sentences of a record."""
    records = _cleaned(training, held_out)
    rarity = _rarity(records)
    rows, values = [], []
    for record in records:
        sentences = data.split_sentences(record.document)
        rows.append(_features(sentences, rarity))
        values += _values(sentences, record)
    matrix, target = sp.vstack(rows).tocsr(), np.array(values)
    mean = target.mean()
    weights = lsqr(matrix, target - mean, damp=math.sqrt(PENALTY), iter_lim=60)[0]
    return _choosing(lambda sentences: (_features(sentences, rarity) @ weights + mean).tolist())


def embeddings(
    training: Sequence[SummaryExample], held_out: Sequence[SummaryExample]
) -> Callable[[SummaryExample], list[str]]:
    """Train, and return what chooses sentences of a record."""
    records = _cleaned(training, held_out)
    valued = [data.value_record(record) for record in records]
    corpus = data.build_corpus(records, valued, DEFAULT_MODEL / "spiece.model")
    model = MeanOfEmbeddings(corpus.tokens, int(corpus.tokens.max()) + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    order = np.random.default_rng(0).permutation(len(corpus))
    for start in range(0, len(order), DOCUMENTS):
        loss = torch.stack(
            [_loss(model, corpus, number) for number in order[start : start + DOCUMENTS].tolist()]
        ).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return _choosing(_scores_of(model.eval()))


class MeanOfEmbeddings(nn.Module):
    """Scores of sentences from their pieces, by the means of their embeddings."""

    def __init__(self, tokens: np.ndarray, vocabulary: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        vectors = data.word_embeddings(tokens, vocabulary, WIDTH)
        self.embedding = nn.EmbeddingBag.from_pretrained(torch.from_numpy(vectors), freeze=False)
        self.position = nn.Linear(4, WIDTH)
        self.inner = nn.Linear(3 * WIDTH, WIDTH)
        self.score = nn.Linear(WIDTH, 1)

    def forward(self, ids: Tensor, starts: Tensor, place: Tensor) -> Tensor:
        """Pieces of all sentences (P,), where each sentence starts (S,), its place (S, 4): scores (S,)."""
        means = self.embedding(ids.clamp(max=self.embedding.num_embeddings - 1), starts)
        whole = means.mean(dim=0, keepdim=True).expand_as(means)
        mixed = torch.cat([means, whole, self.position(place)], dim=1)
        scores: Tensor = self.score(torch.relu(self.inner(mixed))).squeeze(1)
        return scores


def _loss(model: MeanOfEmbeddings, corpus: Any, number: int) -> Tensor:
    first, last = corpus.documents[number : number + 2].tolist()
    total, last = last - first, min(last, first + MAX_SENTENCES)
    starts = torch.from_numpy(corpus.sentences[first:last] - corpus.sentences[first])
    pieces = corpus.tokens[corpus.sentences[first] : corpus.sentences[last]].astype(np.int64)
    place = _place(last - first, total, corpus.starts[first:last])
    wanted = torch.softmax(torch.from_numpy(corpus.values[first:last]) / TEMPERATURE, dim=0)
    found = torch.log_softmax(model(torch.from_numpy(pieces), starts, place), dim=0)
    return nn.functional.kl_div(found, wanted, reduction="sum")


def _scores_of(model: MeanOfEmbeddings) -> Scores:
    def scores(sentences: Sequence[data.Sentence]) -> list[float]:
        features = data.features_of(sentences)
        nothing = data.Valued(list(sentences), [0.0] * len(sentences), features, 0)
        corpus = data.build_corpus([data.Record("", "", "", "")], [nothing], DEFAULT_MODEL / "spiece.model")
        place = _place(len(sentences), len(sentences), corpus.starts)
        pieces = torch.from_numpy(corpus.tokens.astype(np.int64))
        with torch.inference_mode():
            # Relative to the best: the choice takes scores on the scale of the values.
            logits = model(pieces, torch.from_numpy(corpus.sentences[:-1]), place)
            found: list[float] = (TEMPERATURE * (logits - logits.max()) + 1.0).clamp(min=0.0).tolist()
        return found

    return scores


def _place(count: int, total: int, starts: np.ndarray) -> Tensor:
    numbers = torch.arange(count, dtype=torch.float32)
    begins = torch.from_numpy(starts[:count].astype(np.float32))
    return torch.stack([torch.log1p(numbers) / 4, numbers / total, (numbers == 0).float(), begins], dim=1)


def _cleaned(training: Sequence[SummaryExample], held_out: Sequence[SummaryExample]) -> list[data.Record]:
    both = [
        [data.Record(r.id, r.source or "", r.document, r.summary) for r in records]
        for records in (training, held_out)
    ]
    return data.clean_training_records(*both)


def _values(sentences: Sequence[data.Sentence], record: data.Record) -> list[float]:
    texts = [sentence.text for sentence in sentences[:MAX_SENTENCES]]
    return data.sentence_values(texts, data.clean_summary(record.summary))


def _choosing(scores: Scores) -> Callable[[SummaryExample], list[str]]:
    def summarize(record: SummaryExample) -> list[str]:
        sentences = data.split_sentences(record.document)
        texts = [sentence.text for sentence in sentences]
        found = list(scores(sentences))
        return [texts[n] for n in choose_sentences(texts[: len(found)], found, MAX_WORDS)]

    return summarize


def choose_sentences(sentences: Sequence[str], scores: Sequence[float], max_words: int) -> list[int]:
    """The best sentences in document order: none with less than 60 % of the first one's score, and none that
    shares more than 60 % of its words with one before.
    """
    lengths = [len(sentence.split()) for sentence in sentences]
    order = sorted(
        (n for n, length in enumerate(lengths) if length),
        key=lambda n: (-scores[n] / max(SHORTEST_COUNTED, lengths[n]) ** LENGTH_POWER, n),
    )
    chosen: list[int] = []
    bags: list[Counter[str]] = []
    for number in order:
        fits = sum(lengths[n] for n in chosen) + lengths[number] <= max_words
        if not fits or (chosen and scores[number] < MIN_SHARE_OF_BEST * scores[chosen[0]]):
            continue
        words = Counter(re.findall(r"\w+", sentences[number].lower()))
        if all((words & other).total() <= MAX_SHARED_WORDS * max(1, words.total()) for other in bags):
            chosen.append(number)
            bags.append(words)
    return sorted(chosen or order[:1])


def _rarity(records: Sequence[data.Record]) -> dict[str, float]:
    """How rare each word is: the logarithm of one over the share of documents that it is in."""
    sample = records[::4] or records
    seen: Counter[str] = Counter()
    for record in sample:
        seen.update(set(data.rouge_words(record.document[:12000])))
    return {word: math.log(len(sample) / (1 + count)) for word, count in seen.items()}


@lru_cache(maxsize=2_000_000)
def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode()) % BUCKETS


def _features(sentences: Sequence[data.Sentence], rarity: dict[str, float]) -> sp.csr_matrix:
    """A row for each of the first sentences: hashed words and pairs of words, and what `_dense` says."""
    words = [data.rouge_words(sentence.text) for sentence in sentences[:MAX_SENTENCES]]
    rows, columns, entries = [], [], []
    for number, of_sentence in enumerate(words):
        grams = Counter(map(_bucket, [*of_sentence, *(" ".join(pair) for pair in pairwise(of_sentence))]))
        norm = math.sqrt(sum(count * count for count in grams.values())) + 1e-9
        for column, count in grams.items():
            rows.append(number)
            columns.append(column)
            entries.append(count / norm)
    hashed = sp.csr_matrix((entries, (rows, columns)), shape=(len(words), BUCKETS))
    return sp.hstack([hashed, sp.csr_matrix(_dense(sentences, words, rarity))]).tocsr()


def _dense(
    sentences: Sequence[data.Sentence], words: Sequence[list[str]], rarity: dict[str, float]
) -> np.ndarray:
    whole = Counter(word for of_sentence in words for word in of_sentence)
    squares = {word: rarity.get(word, 8.0) ** 2 for word in whole}
    norm = math.sqrt(sum(squares[word] * count**2 for word, count in whole.items())) + 1e-9
    rows = []
    for number, of_sentence in enumerate(words):
        counts = Counter(of_sentence)
        own = math.sqrt(sum(squares[word] * count**2 for word, count in counts.items())) + 1e-9
        likeness = sum(squares[word] * count * whole[word] for word, count in counts.items()) / own / norm
        length = len(of_sentence)
        position, bin_of_length = [0.0] * 16, [0.0] * 10
        position[min(15, int(3 * math.log2(number + 1)))] = 1.0
        bin_of_length[min(9, length // 5)] = 1.0
        short = min(length, 60) / 30
        place = (math.log1p(number) / 4, number / len(sentences), float(sentences[number].starts_paragraph))
        rows.append([likeness, likeness**2, short, short**2, *place, *position, *bin_of_length, 1.0])
    return np.array(rows).reshape(len(words), 34)
