"""The encoder and the sentence encoder in numpy, float32, a window at a time, without torch.

A window is computed by one thread, whatever is computed beside it: so results depend neither on the number of
threads nor on the size of a batch.

Dimensions: T tokens, L sentences, D model width, H heads.
"""

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.inference.numpy_attention import NumpyAttend, attend_by_blocks, attend_fully
from bigbird_pegasus.inference.numpy_functions import (
    Floats,
    Integers,
    NetworkWeights,
    activate,
    gelu,
    layer_norm,
    linear,
    sigmoid,
)
from bigbird_pegasus.modeling.random_attention import random_attention_plan
from bigbird_pegasus.modeling.sentence_columns import (
    LENGTH_BUCKETS,
    POSITION_BUCKETS,
    RELATIVE_BUCKETS,
    SENTENCE_LAYERS,
)

ROWS_AT_ONCE = 256  # of the feed-forward's inner states, which are the widest


def encode_tokens(ids: NDArray[np.integer], config: BigBirdPegasusConfig, weights: NetworkWeights) -> Floats:
    """Return the states (T, D) of a document's tokens (T,), as `modeling.encoder.Encoder` does.

    Raises:
        ValueError: more tokens than there are positions.
    """
    tokens, size = len(ids), config.block_size
    if tokens > config.max_position_embeddings:
        positions = config.max_position_embeddings
        raise ValueError(f"{tokens} tokens are more than the model's {positions} positions")
    is_sparse = config.attention_type == "block_sparse" and tokens > config.full_attention_limit
    length = tokens + -tokens % size if is_sparse else tokens
    x = np.zeros((length, config.d_model), np.float32)
    x[:tokens] = weights["shared.weight"][ids]
    if config.scale_embedding:
        x *= np.float32(math.sqrt(config.d_model))
    x[:tokens] += weights["encoder.embed_positions.weight"][:tokens]
    for layer in range(config.encoder_layers):
        attend: NumpyAttend = attend_fully
        if is_sparse:
            heads, random_blocks = config.encoder_attention_heads, config.num_random_blocks
            plan = random_attention_plan(length, heads, size, random_blocks, layer)
            attend = partial(attend_by_blocks, plan=plan, block_size=size, tokens=tokens)
        x = _layer(x, config, weights, f"encoder.layers.{layer}", attend)
    return layer_norm(x[:tokens], weights, "encoder.layernorm_embedding")


def encode_sentences(
    states: Floats,
    counts: Integers,
    first: int,
    document_sentences: int,
    config: BigBirdPegasusConfig,
    weights: NetworkWeights,
) -> Floats:
    """Return the vectors (L, D) of a window's sentences, as the `SentenceEncoder` of torch does.

    Args:
        states: of its tokens (T, D).
        counts: how many tokens each sentence has (L,), together T; the vector of one without any is NaN.
        first: the number of its first sentence in the document.
        document_sentences: how many the document has.
        config, weights: of the model.
    """
    reader = "sentence_head.reader"
    there = counts > 0
    means = np.zeros((len(counts), config.d_model), np.float32)
    means[there] = _means(states, counts[there], weights)
    document = linear(means[there].mean(0), weights, f"{reader}.document")  # (D,)

    numbers = np.arange(first, first + len(counts))
    relative = np.minimum(numbers * RELATIVE_BUCKETS // max(1, document_sentences), RELATIVE_BUCKETS - 1)
    x = means + weights[f"{reader}.position.weight"][log_bucket(numbers, POSITION_BUCKETS)]
    x += weights[f"{reader}.relative_position.weight"][relative]
    x += weights[f"{reader}.length.weight"][log_bucket(counts, LENGTH_BUCKETS)]
    x = x[there]  # without those no other sentence sees
    for layer in range(SENTENCE_LAYERS):
        x = _layer(x, config, weights, f"{reader}.layers.{layer}", attend_fully)
    x = layer_norm(x, weights, f"{reader}.norm")
    features = np.concatenate([x, means[there], means[there] * document], axis=1)
    vectors = np.full_like(means, np.nan)
    vectors[there] = gelu(linear(features, weights, f"{reader}.inner"))
    return vectors


def log_bucket(numbers: Integers, buckets: int) -> Integers:
    """Return the bucket of each number: 0 … 7 have their own, then three share a doubling."""
    large = 8 + (np.log2(np.maximum(numbers, 8) / 8) * 3).astype(np.int64)
    return np.clip(np.where(numbers < 8, numbers, large), 0, buckets - 1)


def _layer(
    x: Floats, config: BigBirdPegasusConfig, weights: NetworkWeights, name: str, attend: NumpyAttend
) -> Floats:
    """Self-attention, then feed-forward, each around a residual; `x` (T, D) is changed in place."""
    joined = linear(
        layer_norm(x, weights, f"{name}.self_attn_layer_norm"), weights, f"{name}.self_attn.joined"
    )
    heads = joined.reshape(len(x), 3, config.encoder_attention_heads, -1)  # (T, 3, H, d)
    query, key, value = np.ascontiguousarray(heads.transpose(1, 2, 0, 3))  # each (H, T, d)
    context = attend(query, key, value).swapaxes(0, 1).reshape(x.shape)
    x += linear(context, weights, f"{name}.self_attn.output")
    del joined, heads, query, key, value, context
    normed = layer_norm(x, weights, f"{name}.final_layer_norm")
    for start in range(0, len(x), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        inner = linear(normed[rows], weights, f"{name}.fc1")
        activate(inner, config.activation_function)
        x[rows] += linear(inner, weights, f"{name}.fc2")
    return x


def _means(states: Floats, counts: Integers, weights: NetworkWeights) -> Floats:
    """Return weighted means of the states of each sentence's tokens (L, D); each sentence has some."""
    share = sigmoid(linear(states, weights, "sentence_head.reader.token_weight"))  # (T, 1)
    starts = np.cumsum(counts) - counts
    sums: Floats = np.add.reduceat(states * share, starts, axis=0)
    sums /= np.maximum(np.add.reduceat(share, starts, axis=0), np.float32(1e-6))
    return sums
