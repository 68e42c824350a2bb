"""How often words stand in sentences: sparse, for a long summary has thousands of candidates.

Dimensions: C sentences, N entries (a word in a sentence), V different words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bigbird_pegasus.inference.numpy_functions import Floats, Integers


@dataclass(frozen=True)
class WordBags:
    """Entries (N,) sorted by sentence; `bounds` (C + 1,) are where those of each sentence begin."""

    rows: Integers
    columns: Integers
    counts: Floats
    bounds: Integers
    vocabulary: int

    @property
    def rarity(self) -> Floats:
        """Return how rare each word is among the sentences (V,)."""
        having = np.maximum(np.bincount(self.columns, minlength=self.vocabulary), 1)
        rare: Floats = np.log(len(self.bounds) / having).astype(np.float32)
        return rare

    def sums(self, values: Floats) -> Floats:
        """Return the sums of values (N,) for each sentence (C,)."""
        found: Floats = np.bincount(self.rows, values, len(self.bounds) - 1).astype(np.float32)
        return found

    def shared(self, bag: Floats) -> Floats:
        """Return how often each entry's word stands in a bag (V,) too, at most as often as here (N,)."""
        found: Floats = np.minimum(self.counts, bag[self.columns])
        return found

    def row(self, number: int) -> Floats:
        """Return the bag of a sentence (V,)."""
        bag = np.zeros(self.vocabulary, np.float32)
        own = slice(self.bounds[number], self.bounds[number + 1])
        bag[self.columns[own]] = self.counts[own]
        return bag


def word_bags(sentences: Sequence[Sequence[int]]) -> WordBags:
    """Return the bags of sentences, whose words are numbers."""
    lengths = np.array([len(words) for words in sentences], np.int64)
    flat = np.array([word for words in sentences for word in words], np.int64)
    known, columns = np.unique(flat, return_inverse=True)
    keys, counts = np.unique(
        np.repeat(np.arange(len(sentences)), lengths) * max(1, len(known)) + columns, return_counts=True
    )
    rows = keys // max(1, len(known))
    bounds = np.searchsorted(rows, np.arange(len(sentences) + 1))
    return WordBags(rows, keys % max(1, len(known)), counts.astype(np.float32), bounds, len(known))
