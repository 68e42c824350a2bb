"""The default model's small networks in numpy: the scorer, and the network that selects sentences.

Both engines of the encoder use them. The modules of the same weights in `modeling.sentence_extraction` are
for training, and what the tests compare with.

Dimensions: L sentences of a document, D model width, S scorer width, C candidates.
"""

from collections.abc import Mapping

import numpy as np

from bigbird_pegasus.inference.numpy_functions import Floats, Integers, NetworkWeights, gelu, linear
from bigbird_pegasus.modeling.sentence_columns import (
    DEFAULT_LOG_LENGTH,
    GAIN_SCALE,
    REFERENCE_SENTENCES,
)


def score_sentences(
    weights: NetworkWeights,
    vectors: Floats,
    features: Floats,
    grams: Integers,
    gram_counts: Integers,
    headings: Integers,
    heading_counts: Integers,
) -> tuple[Floats, float]:
    """Score a document's sentences, as `modeling.sentence_extraction.SentenceScorer` does.

    Args:
        weights: of the scorer.
        vectors: (L, D), NaN for a sentence without tokens.
        features, grams, gram_counts, headings, heading_counts: see `SentenceFeatures`; features are `dense`.

    Returns:
        Scores (L,), -inf for a sentence without tokens; the logarithm of how many words a summary would have.
    """
    there = ~np.isnan(vectors[:, :1])  # (L, 1)
    words = _bags(weights["grams.weight"], grams, gram_counts)
    bias, words = words[:, 0], words[:, 1:]
    above = _bags(weights["headings.weight"], headings, heading_counts)
    x = np.where(there, np.concatenate([words, above, features, vectors], axis=1), np.float32(0))
    x = np.where(there, gelu(linear(x, weights, "first")), np.float32(0))  # (L, S)

    # The beginning shows what kind of document it is.
    opening = x[:REFERENCE_SENTENCES][there[:REFERENCE_SENTENCES, 0]]
    mean = opening.sum(0) / np.float32(max(1, len(opening)))
    most = opening.max(0, initial=-9.0)
    document = gelu(linear(np.concatenate([mean, most]), weights, "document"))  # (S,)
    nothing = np.zeros_like(x[:1])
    before, after = np.concatenate([nothing, x])[:-1], np.concatenate([x, nothing])[1:]
    near = gelu(linear(np.concatenate([before, x, after], axis=1), weights, "near"))
    inner = gelu(linear(np.concatenate([x, near * (1 + document), words], axis=1), weights, "inner"))
    scores = np.where(there[:, 0], linear(inner, weights, "score")[:, 0] + bias, np.float32(-np.inf))
    return scores, float(linear(document, weights, "length")[0]) + DEFAULT_LOG_LENGTH


def selection_gains(weights: NetworkWeights, features: Floats) -> Floats:
    """Return the gain that each candidate would bring (C,), of features (C, SELECTOR_COLUMNS)."""
    inner = gelu(linear(gelu(linear(features, weights, "first")), weights, "second"))
    gains: Floats = linear(inner, weights, "gain")[:, 0] * np.float32(GAIN_SCALE)
    return gains


def _bags(table: Floats, flat: Integers, counts: Integers) -> Floats:
    """Return sums of the table's rows for each bag of hashes, over the root of their number (L, width)."""
    sums = np.zeros((len(counts), table.shape[1]), np.float32)
    filled = counts > 0  # `reduceat` takes no empty bag
    if filled.any():
        starts = (np.cumsum(counts) - counts)[filled]
        sums[filled] = np.add.reduceat(table[flat % len(table)].astype(np.float32), starts, axis=0)
    roots = np.sqrt(np.maximum(counts, 1)).astype(np.float32)
    found: Floats = sums / roots[:, None]
    return found


def part_of(weights: Mapping[str, Floats], prefix: str) -> dict[str, Floats]:
    """Return the weights whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
