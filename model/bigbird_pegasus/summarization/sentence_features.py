"""Lexical, positional and similarity features of a document's sentences, beside the encoder's states.

Dimensions: L sentences of a document, V different words of it, R sentences that others are compared with.

Everything is counted within the document itself, by the same function in training and at use; no table of
word frequencies is needed. Words and pairs of words are hashed into buckets (Weinberger et al., "Feature
Hashing for Large Scale Multitask Learning", 2009), so nothing has to know a vocabulary.
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.modeling.sentence_extraction import (
    POSITION_COLUMNS,
    REFERENCE_SENTENCES,
    SIMILARITY_COLUMNS,
    TYPOGRAPHY_COLUMNS,
)

MAX_HEADING_WORDS = 12
MIN_SENTENCE_WORDS = 5  # sentences of fewer are mostly headings, labels, answers
MIN_SIMILARITY = 0.15  # cosine from which two sentences count as similar
NO_HEADING = 12345  # in place of the hashes of a heading's words
_WORD = re.compile(r"\w+")
# Frozen: the shipped weights were trained on what this pattern finds. `text.line_patterns.SENTENCE_END`,
# which decides what a summary may hold, knows more marks and may change.
_END = re.compile(r"[.!?\u2026\u061f\u0964\u3002\uff01\uff1f][\W\d_]*\Z")
_MAX_END_CHARS = 200
_SUFFIXES = (("sses", "ss"), ("ies", "i"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""), ("ss", "ss"))
_VOWEL = re.compile("[aeiouy]")


@dataclass(frozen=True)
class SentenceFeatures:
    """Features of a document's sentences.

    `dense` is float32 (L, DENSE_COLUMNS), see `modeling.sentence_extraction`. `grams` holds the hashes of all
    sentences' words and pairs of words, one sentence after the other, and `gram_counts` (L,) how many each
    has; `headings` and `heading_counts` the same of the words of the heading above each sentence (all int64,
    hashes of 32 bits). `words` holds the hashes of each sentence's words in their order.
    """

    dense: Tensor
    grams: Tensor
    gram_counts: Tensor
    headings: Tensor
    heading_counts: Tensor
    words: list[list[int]]

    def part(self, first: int, last: int) -> "SentenceFeatures":
        """Return the features of sentences `first` to `last - 1`."""
        return SentenceFeatures(
            self.dense[first:last],
            *_part(self.grams, self.gram_counts, first, last),
            *_part(self.headings, self.heading_counts, first, last),
            self.words[first:last],
        )


def _part(flat: Tensor, counts: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
    start, number = int(counts[:first].sum()), int(counts[first:last].sum())
    return flat[start : start + number], counts[first:last]


def feature_inputs(documents: Sequence[SentenceFeatures]) -> dict[str, Tensor]:
    """Return the arguments of a model for some documents, filled up to the same number of sentences."""
    longest = max(len(document.dense) for document in documents)

    def filled(tensor: Tensor) -> Tensor:
        missing = longest - len(tensor)
        return torch.cat([tensor, tensor.new_zeros(missing, *tensor.shape[1:])])

    return {
        "features": torch.stack([filled(document.dense) for document in documents]),
        "grams": torch.cat([document.grams for document in documents]),
        "gram_counts": torch.stack([filled(document.gram_counts) for document in documents]),
        "headings": torch.cat([document.headings for document in documents]),
        "heading_counts": torch.stack([filled(document.heading_counts) for document in documents]),
    }


def sentence_features(sentences: Sequence[str], starts_paragraph: Sequence[bool]) -> SentenceFeatures:
    """Return the features of all sentences of a document, in order.

    Raises:
        ValueError: not as many flags as sentences.
    """
    if len(sentences) != len(starts_paragraph):
        raise ValueError(f"{len(sentences)} sentences have {len(starts_paragraph)} flags")
    words = [[_hash(word) for word in _WORD.findall(text.lower())] for text in sentences]
    outline = _outline(sentences, starts_paragraph)
    dense = torch.cat(
        [
            similarity_features(words, outline.heading),
            position_features(outline),
            typography_features(sentences, starts_paragraph, outline),
        ],
        dim=1,
    )
    grams, headings = [], []
    for number, own in enumerate(words):
        pairs = [(a * 1000003 + b * 8191 + 7) & 0xFFFFFFFF for a, b in pairwise(own)]
        grams.append(sorted({*own, *pairs}))
        above = outline.above[number]
        over = [NO_HEADING] if above in (None, number) else words[above]
        salt = 11 if outline.sections[number] <= 1 else 13  # a first heading is often the document's title
        headings.append(sorted({(word * 7919 + salt) & 0xFFFFFFFF for word in over})[:MAX_HEADING_WORDS])
    return SentenceFeatures(dense, *_flat(grams), *_flat(headings), words)


def _flat(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    flat = torch.tensor([value for row in rows for value in row], dtype=torch.long)
    return flat, torch.tensor([len(row) for row in rows], dtype=torch.long)


@lru_cache(maxsize=100_000)
def _hash(word: str) -> int:
    return zlib.crc32(stem(word).encode("utf-8", "replace"))


def stem(word: str) -> str:
    """Return an English word in lower case without its usual endings; others hardly change."""
    if len(word) <= 3:
        return word
    for suffix, instead in (*_SUFFIXES, ("s", "")):
        kept = word[: -len(suffix)]
        if word.endswith(suffix) and len(kept) + len(instead) >= 3 and _VOWEL.search(kept):
            word = kept + instead
            break
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


@dataclass(frozen=True)
class _Outline:
    """Where each sentence of a document stands: one entry a sentence in each list."""

    words: list[int]
    ends: list[bool]  # whether it ends as a sentence does
    heading: list[bool]
    in_paragraph: list[int]
    paragraph_sentences: list[int]
    sections: list[int]  # headings so far, itself among them
    above: list[int | None]  # the last heading, itself among them; None before the first
    sentences_before: list[int]  # that end as sentences do


def _outline(sentences: Sequence[str], starts_paragraph: Sequence[bool]) -> _Outline:
    words = [len(text.split()) for text in sentences]
    ends = [_END.search(text[-_MAX_END_CHARS:]) is not None for text in sentences]
    heading = [
        starts and not end and count <= MAX_HEADING_WORDS
        for starts, end, count in zip(starts_paragraph, ends, words, strict=True)
    ]
    in_paragraph: list[int] = []
    above: list[int | None] = []
    place, last_heading = 0, None
    for number, starts in enumerate(starts_paragraph):
        place = 0 if starts else place + 1
        last_heading = number if heading[number] else last_heading
        in_paragraph.append(place)
        above.append(last_heading)
    return _Outline(
        words,
        ends,
        heading,
        in_paragraph,
        _paragraph_sizes(starts_paragraph),
        list(accumulate(map(int, heading))),
        above,
        list(accumulate(map(int, ends), initial=0))[:-1],
    )


def _paragraph_sizes(starts_paragraph: Sequence[bool]) -> list[int]:
    """Return for each sentence how many its paragraph has."""
    # The first sentence begins a paragraph in any case.
    numbers = list(accumulate(int(starts or number == 0) for number, starts in enumerate(starts_paragraph)))
    sizes = Counter(numbers)
    return [sizes[number] for number in numbers]


def position_features(outline: _Outline) -> Tensor:
    """Return where each sentence stands in document, section and paragraph, and its length (L, 13)."""
    total = len(outline.words)
    words = _floats(outline.words)
    place = torch.arange(total, dtype=torch.float32)
    whole = torch.full_like(place, max(1, total))
    before = _floats(outline.sentences_before)
    since_heading = _floats([n - (-1 if above is None else above) for n, above in enumerate(outline.above)])
    columns = {
        "log_words": (1 + words).log() / 3,
        "words": words.clamp(max=80) / 40,
        "log_position": (1 + place).log() / 4,
        "relative_position": place / whole,
        "log_position_by_log_length": (1 + place).log() / 4 * (1 + whole).log() / 5,
        "log_position_in_paragraph": (1 + _floats(outline.in_paragraph)).log(),
        "log_paragraph_sentences": (1 + _floats(outline.paragraph_sentences)).log(),
        "log_sections": (1 + _floats(outline.sections)).log() / 2,
        "log_since_heading": (1 + since_heading).log() / 3,
        "log_sentences_before": (1 + before).log() / 4,
        "inverse_position": 1 / (1 + place),
        "inverse_sentences_before": 1 / (1 + before),
        "log_document_sentences": (1 + whole).log() / 5,
    }
    return stack_columns(columns, POSITION_COLUMNS)


def typography_features(
    sentences: Sequence[str], starts_paragraph: Sequence[bool], outline: _Outline
) -> Tensor:
    """Return how each sentence is written: capitals, digits, marks, heading or not (L, 8)."""
    sizes = [max(1, len(text)) for text in sentences]

    def share(is_counted: Callable[[str], bool]) -> Tensor:
        counts = (sum(map(is_counted, text)) for text in sentences)
        return _floats([5 * count / size for count, size in zip(counts, sizes, strict=True)])

    marks = [
        5 * (size - sum(map(str.isalnum, text)) - sum(map(str.isspace, text))) / size
        for text, size in zip(sentences, sizes, strict=True)
    ]
    columns = {
        "starts_paragraph": _floats(starts_paragraph),
        "ends_as_sentence": _floats(outline.ends),
        "is_heading": _floats(outline.heading),
        "uppercase_share": share(str.isupper),
        "digit_share": share(str.isdigit),
        "mark_share": _floats(marks),
        "before_first_heading": _floats([above is None for above in outline.above]),
        "has_few_words": _floats([count < MIN_SENTENCE_WORDS for count in outline.words]),
    }
    return stack_columns(columns, TYPOGRAPHY_COLUMNS)


def similarity_features(words: Sequence[Sequence[int]], heading: Sequence[bool]) -> Tensor:
    """Return how similar each sentence is to others of the document: cosines of tf-idf vectors (L, 9).

    `words` holds the hashes of each sentence's words. The rarity of a word is counted within the document.
    """
    total = len(words)
    vectors = _tf_idf(words)
    compared = min(REFERENCE_SENTENCES, total)
    # Comparing all pairs would take time and memory with the square of the length; the first 200 sentences
    # hold what a summary is taken from nearly always.
    among = vectors.rows < compared
    table = torch.zeros(vectors.vocabulary, max(1, compared))
    table[vectors.columns[among], vectors.rows[among]] = vectors.unit[among]
    raw = torch.zeros(vectors.vocabulary).index_add(0, vectors.columns[among], vectors.values[among])
    headings = torch.tensor([n for n in range(compared) if heading[n]], dtype=torch.long)
    alike = _cosines_to_each(vectors, table)
    # A sentence is as similar to the one before as that one is to it: one column shifted makes both.
    before = torch.zeros(total + 1)
    following = torch.arange(1, max(1, min(total, compared + 1)))
    before[following] = alike[following, following - 1]
    columns = {
        "centroid_cosine": vectors.cosine(table.sum(1)),
        "raw_centroid_cosine": vectors.cosine(raw),
        "opening_cosine": vectors.cosine(table[:, :3].sum(1)),
        "headings_cosine": vectors.cosine(table[:, headings].sum(1)),
        "max_similarity": alike.max(1).values,
        "similar_share": 4 * (alike > MIN_SIMILARITY).float().mean(1),
        "similarity_to_previous": before[:-1],
        "similarity_to_next": before[1:],
        "mean_log_word_count": _mean_log_word_count(words),
    }
    return stack_columns(columns, SIMILARITY_COLUMNS)


@dataclass(frozen=True)
class _SparseVectors:
    """Vectors of L sentences over V words, of which the entries that are not 0 are kept, row by row."""

    rows: Tensor
    columns: Tensor
    values: Tensor
    unit: Tensor  # the values, over the length of their row's vector
    sentences: int
    vocabulary: int

    def cosine(self, direction: Tensor) -> Tensor:
        """Return the cosine of each sentence with a vector (V,): (L,)."""
        products = torch.zeros(self.sentences).index_add(0, self.rows, self.unit * direction[self.columns])
        cosines: Tensor = products / direction.norm().clamp(min=1e-6)
        return cosines


def _tf_idf(words: Sequence[Sequence[int]]) -> _SparseVectors:
    """Weight each word of a sentence by its count there, and by how few sentences of the document have it."""
    total = len(words)
    ids, vocabulary = _numbered(words)
    owners = _owners(words)
    pairs, times = torch.unique(owners * max(1, vocabulary) + ids, return_counts=True)
    rows, columns = pairs // max(1, vocabulary), pairs % max(1, vocabulary)
    having = torch.zeros(vocabulary).index_add(0, columns, torch.ones(len(columns)))
    rarity = ((1 + total) / having).log()
    values = times * rarity[columns]
    norms = torch.zeros(total).index_add(0, rows, values.square()).sqrt().clamp(min=1e-6)
    return _SparseVectors(rows, columns, values, values / norms[rows], total, vocabulary)


def _cosines_to_each(vectors: _SparseVectors, table: Tensor) -> Tensor:
    """Return the cosine of each sentence with each of the first R, whose vectors are `table` (V, R): (L, R).

    A sentence's cosine with itself is 0 here: every sentence would be most similar to itself.
    """
    starts = torch.searchsorted(vectors.rows, torch.arange(vectors.sentences))
    alike = F.embedding_bag(vectors.columns, table, starts, mode="sum", per_sample_weights=vectors.unit)
    diagonal = torch.arange(min(table.shape[1], vectors.sentences))
    alike[diagonal, diagonal] = 0.0
    return alike


def _mean_log_word_count(words: Sequence[Sequence[int]]) -> Tensor:
    """Return the mean over each sentence's words of how often the document has them, as logarithms (L,)."""
    ids, vocabulary = _numbered(words)
    often = torch.zeros(vocabulary).index_add(0, ids, torch.ones(len(ids)))
    lengths = torch.tensor([len(row) for row in words], dtype=torch.long)
    sums = torch.zeros(len(words)).index_add(0, _owners(words), (1 + often[ids]).log() / 2)
    return sums / lengths.clamp(min=1)


def _numbered(words: Sequence[Sequence[int]]) -> tuple[Tensor, int]:
    """Give the different words numbers in their order; return the number of each, and how many there are."""
    known: dict[int, int] = {}
    ids = torch.tensor([known.setdefault(word, len(known)) for row in words for word in row])
    return ids.long(), len(known)


def _owners(words: Sequence[Sequence[int]]) -> Tensor:
    """Return the number of the sentence that each word stands in."""
    lengths = torch.tensor([len(row) for row in words], dtype=torch.long)
    return torch.arange(len(words)).repeat_interleave(lengths)


def _floats(numbers: Sequence[float]) -> Tensor:
    return torch.tensor(list(numbers), dtype=torch.float32)


def stack_columns(columns: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """Return columns (L,) of these names, in their order, as one matrix (L, names).

    Raises:
        ValueError: the names are not those of the columns.
    """
    if columns.keys() != set(names):
        raise ValueError(f"columns {sorted(columns)} are not {sorted(names)}")
    return torch.stack([columns[name] for name in names], 1)
