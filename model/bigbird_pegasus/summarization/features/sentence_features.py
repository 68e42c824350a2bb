"""Lexical, positional and similarity features of a document's sentences, beside the encoder's states.

Dimensions: L sentences of a document, V different words of it, R sentences that others are compared with.

Everything is counted within the document itself, by the same function in training and at use; no table of
word frequencies is needed. Words and pairs of words are hashed into buckets (Weinberger et al., "Feature
Hashing for Large Scale Multitask Learning", 2009), so nothing has to know a vocabulary.

Sums and logarithms are taken in float64 and rounded to float32 at the end: so the features, unlike the
network's states, are the same on every processor.
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bigbird_pegasus.inference.numpy_functions import Floats, Integers
from bigbird_pegasus.modeling.sentence_columns import (
    POSITION_COLUMNS,
    REFERENCE_SENTENCES,
    SIMILARITY_COLUMNS,
    TYPOGRAPHY_COLUMNS,
)

MAX_HEADING_WORDS = 12
MIN_SENTENCE_WORDS = 5  # sentences of fewer are mostly headings, labels, answers
MIN_SIMILARITY = 0.15  # cosine from which two sentences count as similar
NO_HEADING = 12345  # in place of the hashes of a heading's words
WORD = re.compile(r"\w+")
# Frozen: the shipped weights were trained on what this pattern finds. `text.line_patterns.SENTENCE_END`,
# which decides what a summary may hold, knows more marks and may change.
_END = re.compile(r"[.!?\u2026\u061f\u0964\u3002\uff01\uff1f][\W\d_]*\Z")
_MAX_END_CHARS = 200
_SUFFIXES = (("sses", "ss"), ("ies", "i"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""), ("ss", "ss"))
_VOWEL = re.compile("[aeiouy]")
_KEPT_HASHES = 20_000  # of the words met last: 4 MB, and nearly all words of a text are among them
_SENTENCES_AT_ONCE = 128  # compared with others: bounds the memory that their vectors take

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class SentenceFeatures:
    """Features of a document's sentences.

    `dense` is float32 (L, DENSE_COLUMNS), see `modeling.sentence_columns`. `grams` holds the hashes of all
    sentences' words and pairs of words, one sentence after the other, and `gram_counts` (L,) how many each
    has; `headings` and `heading_counts` the same of the words of the heading above each sentence (all int64,
    hashes of 32 bits). `words` holds the hashes of each sentence's words in their order.
    """

    dense: Floats
    grams: Integers
    gram_counts: Integers
    headings: Integers
    heading_counts: Integers
    words: list[list[int]]

    def part(self, first: int, last: int) -> "SentenceFeatures":
        """Return the features of sentences `first` to `last - 1`."""
        return SentenceFeatures(
            self.dense[first:last],
            *_part(self.grams, self.gram_counts, first, last),
            *_part(self.headings, self.heading_counts, first, last),
            self.words[first:last],
        )


def _part(flat: Integers, counts: Integers, first: int, last: int) -> tuple[Integers, Integers]:
    start, number = int(counts[:first].sum()), int(counts[first:last].sum())
    return flat[start : start + number], counts[first:last]


def sentence_features(sentences: Sequence[str], starts_paragraph: Sequence[bool]) -> SentenceFeatures:
    """Return the features of all sentences of a document, in order.

    Raises:
        ValueError: not as many flags as sentences.
    """
    if len(sentences) != len(starts_paragraph):
        raise ValueError(f"{len(sentences)} sentences have {len(starts_paragraph)} flags")
    words = [[hash_word(word) for word in WORD.findall(text.lower())] for text in sentences]
    outline = _outline(sentences, starts_paragraph)
    dense = np.concatenate(
        [
            similarity_features(words, outline.heading),
            position_features(outline),
            typography_features(sentences, starts_paragraph, outline),
        ],
        axis=1,
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


def _flat(rows: Sequence[Sequence[int]]) -> tuple[Integers, Integers]:
    flat = np.fromiter(chain.from_iterable(rows), np.int64)
    return flat, _counts(rows)


def _counts(rows: Sequence[Sequence[int]]) -> Integers:
    return np.fromiter(map(len, rows), np.int64, len(rows))


@lru_cache(maxsize=_KEPT_HASHES)
def hash_word(word: str) -> int:
    """Return the hash of a word's stem, of 32 bits."""
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


def position_features(outline: _Outline) -> Floats:
    """Return where each sentence stands in document, section and paragraph, and its length (L, 13)."""
    total = len(outline.words)
    words = _doubles(outline.words)
    place = np.arange(total, dtype=np.float64)
    whole = np.full(total, max(1.0, total))
    before = _doubles(outline.sentences_before)
    since_heading = [n - (-1 if above is None else above) for n, above in enumerate(outline.above)]
    columns = {
        "log_words": np.log1p(words) / 3,
        "words": np.minimum(words, 80) / 40,
        "log_position": np.log1p(place) / 4,
        "relative_position": place / whole,
        "log_position_by_log_length": np.log1p(place) / 4 * np.log1p(whole) / 5,
        "log_position_in_paragraph": np.log1p(_doubles(outline.in_paragraph)),
        "log_paragraph_sentences": np.log1p(_doubles(outline.paragraph_sentences)),
        "log_sections": np.log1p(_doubles(outline.sections)) / 2,
        "log_since_heading": np.log1p(_doubles(since_heading)) / 3,
        "log_sentences_before": np.log1p(before) / 4,
        "inverse_position": 1 / (1 + place),
        "inverse_sentences_before": 1 / (1 + before),
        "log_document_sentences": np.log1p(whole) / 5,
    }
    return stack_columns(columns, POSITION_COLUMNS)


def typography_features(
    sentences: Sequence[str], starts_paragraph: Sequence[bool], outline: _Outline
) -> Floats:
    """Return how each sentence is written: capitals, digits, marks, heading or not (L, 8)."""
    sizes = [max(1, len(text)) for text in sentences]

    def share(is_counted: Callable[[str], bool]) -> Doubles:
        counts = (sum(map(is_counted, text)) for text in sentences)
        return _doubles([5 * count / size for count, size in zip(counts, sizes, strict=True)])

    marks = [
        5 * (size - sum(map(str.isalnum, text)) - sum(map(str.isspace, text))) / size
        for text, size in zip(sentences, sizes, strict=True)
    ]
    columns = {
        "starts_paragraph": _doubles(starts_paragraph),
        "ends_as_sentence": _doubles(outline.ends),
        "is_heading": _doubles(outline.heading),
        "uppercase_share": share(str.isupper),
        "digit_share": share(str.isdigit),
        "mark_share": _doubles(marks),
        "before_first_heading": _doubles([above is None for above in outline.above]),
        "has_few_words": _doubles([count < MIN_SENTENCE_WORDS for count in outline.words]),
    }
    return stack_columns(columns, TYPOGRAPHY_COLUMNS)


def similarity_features(words: Sequence[Sequence[int]], heading: Sequence[bool]) -> Floats:
    """Return how similar each sentence is to others of the document: cosines of tf-idf vectors (L, 9).

    `words` holds the hashes of each sentence's words. The rarity of a word is counted within the document.
    """
    total = len(words)
    vectors = _tf_idf(words)
    # Comparing all pairs would take time and memory with the square of the length; the first 200 sentences
    # hold what a summary is taken from nearly always. The other sentences' words are equal to none of theirs.
    compared = min(REFERENCE_SENTENCES, total)
    among = vectors.rows < compared
    vocabulary = int(vectors.columns[among].max(initial=-1)) + 1
    table = np.zeros((max(1, compared), vocabulary))
    table[vectors.rows[among], vectors.columns[among]] = vectors.unit[among]
    raw = np.bincount(vectors.columns[among], vectors.values[among], vocabulary).astype(np.float64)
    headings = [n for n in range(compared) if heading[n]]
    alike = _cosines_to_each(vectors, table)
    # A sentence is as similar to the one before as that one is to it: one column shifted makes both.
    before = np.zeros(total + 1)
    following = np.arange(1, max(1, min(total, compared + 1)))
    before[following] = alike[following, following - 1]
    columns = {
        "centroid_cosine": vectors.cosine(table.sum(0)),
        "raw_centroid_cosine": vectors.cosine(raw),
        "opening_cosine": vectors.cosine(table[:3].sum(0)),
        "headings_cosine": vectors.cosine(table[headings].sum(0)),
        "max_similarity": alike.max(1),
        "similar_share": 4 * (alike > MIN_SIMILARITY).mean(1),
        "similarity_to_previous": before[:-1],
        "similarity_to_next": before[1:],
        "mean_log_word_count": _mean_log_word_count(words),
    }
    return stack_columns(columns, SIMILARITY_COLUMNS)


@dataclass(frozen=True)
class _SparseVectors:
    """Vectors of L sentences over V words, of which the entries that are not 0 are kept, row by row."""

    rows: Integers
    columns: Integers
    values: Doubles
    unit: Doubles  # the values, over the length of their row's vector
    sentences: int

    def cosine(self, direction: Doubles) -> Doubles:
        """Return the cosine of each sentence with a vector of the first words (≤ V,): (L,)."""
        known = self.columns < len(direction)
        products = self.unit[known] * direction[self.columns[known]]
        sums = np.bincount(self.rows[known], products, self.sentences)
        cosines: Doubles = sums / max(1e-6, float(np.linalg.norm(direction)))
        return cosines


def _tf_idf(words: Sequence[Sequence[int]]) -> _SparseVectors:
    """Weight each word of a sentence by its count there, and by how few sentences of the document have it."""
    total = len(words)
    ids, vocabulary = _numbered(words)
    keys, times = np.unique(_owners(words) * max(1, vocabulary) + ids, return_counts=True)
    rows, columns = np.divmod(keys, max(1, vocabulary))
    rarity = np.log((1 + total) / np.bincount(columns, minlength=vocabulary))
    values = times * rarity[columns]
    norms = np.sqrt(np.bincount(rows, values * values, total))
    return _SparseVectors(rows, columns, values, values / np.maximum(norms, 1e-6)[rows], total)


def _cosines_to_each(vectors: _SparseVectors, table: Doubles) -> Floats:
    """Return the cosine of each sentence with each of the first R, whose vectors are `table` (R, V): (L, R).

    A sentence's cosine with itself is 0 here: every sentence would be most similar to itself.
    """
    alike = np.empty((vectors.sentences, len(table)), np.float32)
    known = vectors.columns < table.shape[1]
    rows, columns, unit = vectors.rows[known], vectors.columns[known], vectors.unit[known]
    for first in range(0, vectors.sentences, _SENTENCES_AT_ONCE):
        last = min(first + _SENTENCES_AT_ONCE, vectors.sentences)
        own = slice(*np.searchsorted(rows, [first, last]))
        some = np.zeros((last - first, table.shape[1]))
        some[rows[own] - first, columns[own]] = unit[own]
        alike[first:last] = some @ table.T
    diagonal = np.arange(min(alike.shape))
    alike[diagonal, diagonal] = 0.0
    return alike


def _mean_log_word_count(words: Sequence[Sequence[int]]) -> Doubles:
    """Return the mean over each sentence's words of how often the document has them, as logarithms (L,)."""
    ids, vocabulary = _numbered(words)
    often = np.bincount(ids, minlength=vocabulary)
    sums = np.bincount(_owners(words), np.log1p(often[ids]) / 2, len(words))
    means: Doubles = sums / np.maximum(_counts(words), 1)
    return means


def _numbered(words: Sequence[Sequence[int]]) -> tuple[Integers, int]:
    """Give the different words numbers in their order; return the number of each, and how many there are."""
    known: dict[int, int] = {}
    ids = [known.setdefault(word, len(known)) for row in words for word in row]
    return np.array(ids, np.int64), len(known)


def _owners(words: Sequence[Sequence[int]]) -> Integers:
    """Return the number of the sentence that each word stands in."""
    return np.repeat(np.arange(len(words)), _counts(words))


def _doubles(numbers: Sequence[float]) -> Doubles:
    return np.array(numbers, np.float64)


def stack_columns(columns: Mapping[str, ArrayLike], names: Sequence[str]) -> Floats:
    """Return columns (L,) of these names, in their order, as one matrix, float32 (L, names).

    Raises:
        ValueError: the names are not those of the columns.
    """
    if columns.keys() != set(names):
        raise ValueError(f"columns {sorted(columns)} are not {sorted(names)}")
    return np.stack([columns[name] for name in names], axis=1).astype(np.float32)
