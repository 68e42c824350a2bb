"""The content words of a document's sentences as sparse vectors, and what is computed with them.

Dimensions: L sentences of a document, N entries (a content word in a sentence), V different words of it,
R of the sentences, that all are compared with.
"""

from dataclasses import dataclass

import numpy as np

from bigbird_pegasus.inference.numpy_functions import Integers
from bigbird_pegasus.summarization.features.cue_words import FUNCTION_WORDS
from bigbird_pegasus.summarization.features.sentence_features import Doubles

_CHUNK_NUMBERS = 4_000_000  # of a temporary array


@dataclass(frozen=True)
class WordEntries:
    """The content words of each sentence: sorted by row, then column; a word of a sentence is one entry.

    `hashes` (V,) are those of the different words.
    """

    rows: Integers
    columns: Integers
    counts: Doubles
    sentences: int
    hashes: Integers

    @property
    def vocabulary(self) -> int:
        """Return the number of different words."""
        return len(self.hashes)

    def by_row(self, values: Doubles) -> Doubles:
        """Return the sums of values (N,) for each sentence (L,)."""
        return np.bincount(self.rows, values, self.sentences).astype(np.float64)

    def by_column(self, values: Doubles) -> Doubles:
        """Return the sums of values (N,) for each word (V,)."""
        return np.bincount(self.columns, values, self.vocabulary).astype(np.float64)


def word_entries(flat: Integers, owners: Integers, sentences: int) -> WordEntries:
    """Return the content words among hashes (words,) of which `owners` says in which sentence each stands."""
    content = ~np.isin(flat, FUNCTION_WORDS)
    known, columns = np.unique(flat[content], return_inverse=True)
    width = max(1, len(known))
    keys, counts = np.unique(owners[content] * width + columns, return_counts=True)
    return WordEntries(keys // width, keys % width, counts.astype(float), sentences, known)


def unit_vectors(entries: WordEntries, values: Doubles) -> Doubles:
    """Return values (N,) over the length of their sentence's vector."""
    norms = np.sqrt(entries.by_row(values * values))
    return values / np.maximum(norms, 1e-9)[entries.rows]


def cosines(entries: WordEntries, unit: Doubles, direction: Doubles) -> Doubles:
    """Return the cosine of each sentence with a vector (V,): (L,)."""
    norm = max(float(np.sqrt(direction @ direction)), 1e-9)
    return entries.by_row(unit * direction[entries.columns]) / norm


def products(entries: WordEntries, unit: Doubles, others: Integers) -> Doubles:
    """Return the product of each sentence's vector with that of another one (L,); 0 for -1."""
    width = max(1, entries.vocabulary)
    keys = entries.rows * width + entries.columns
    wanted = others[entries.rows] * width + entries.columns
    places = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
    found = (others[entries.rows] >= 0) & (others[entries.rows] != entries.rows)
    found &= (keys[places] == wanted) if len(keys) else found
    return entries.by_row(np.where(found, unit * unit[places], 0.0)) if len(keys) else np.zeros(len(others))


def similarities(entries: WordEntries, unit: Doubles, references: Integers) -> Doubles:
    """Return the cosines of all sentences with some (L, R); 0 with itself."""
    place = np.full(entries.sentences, -1)
    place[references] = np.arange(len(references))
    table = np.zeros((entries.vocabulary, len(references)))
    among = place[entries.rows] >= 0
    table[entries.columns[among], place[entries.rows[among]]] = unit[among]
    alike = np.zeros((entries.sentences, len(references)))
    bounds = np.searchsorted(entries.rows, np.arange(entries.sentences + 1))
    filled = np.flatnonzero(np.diff(bounds))  # `reduceat` has no empty sums
    size = max(1, _CHUNK_NUMBERS // max(1, len(references)))
    start = 0
    while start < len(filled):
        first = bounds[filled[start]]
        end = int(np.searchsorted(bounds[filled + 1], first + size, side="right"))
        end = min(max(end, start + 1), len(filled))
        part = slice(first, bounds[filled[end - 1] + 1])
        products = table[entries.columns[part]] * unit[part, None]
        alike[filled[start:end]] = np.add.reduceat(products, bounds[filled[start:end]] - first, axis=0)
        start = end
    alike[references, np.arange(len(references))] = 0.0
    return alike
