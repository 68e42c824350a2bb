"""Attention in numpy, of one document: full and block-sparse, as `modeling.attention` has it.

Dimensions: H heads, T tokens, d head width, n blocks of b tokens, r random blocks. Queries come scaled.
"""

from collections.abc import Callable

import numpy as np

from bigbird_pegasus.inference.numpy_functions import Floats, Integers, softmax

NumpyAttend = Callable[[Floats, Floats, Floats], Floats]
"""Scaled queries, keys and values (H, T, d) to what they attend to, (H, T, d)."""


def attend_fully(query: Floats, key: Floats, value: Floats) -> Floats:
    """Attend from every query (…, T, d) to every key (…, S, d)."""
    found: Floats = softmax(query @ key.swapaxes(-1, -2)) @ value
    return found


def attend_by_blocks(
    query: Floats, key: Floats, value: Floats, plan: Integers, block_size: int, tokens: int
) -> Floats:
    """Attend by blocks: the first and last block, a window of three, and the random blocks of a plan.

    Args:
        query, key, value: (H, T, d), T a multiple of the block size.
        plan: (H, n - 2, r), see `random_attention_plan`.
        block_size: b.
        tokens: how many of the T are no padding; what padding attends to means nothing.
    """
    heads, length, width = query.shape
    found = np.empty_like(query)
    blocked = (heads, -1, block_size, width)
    hidden = np.zeros(length, np.float32)
    hidden[tokens:] = -np.inf
    hidden_blocks = hidden.reshape(-1, block_size) if tokens < length else None
    # One head after the other: what is copied of it stays in the cache.
    by_head = (x.reshape(blocked) for x in (found, query, key, value))
    for own, rows, keys, values, drawn in zip(*by_head, plan, strict=True):
        edges = rows[[0, -1]].reshape(-1, width)  # of the global blocks, which see everything
        context = attend_fully(edges, keys.reshape(-1, width)[:tokens], values.reshape(-1, width)[:tokens])
        own[[0, -1]] = context.reshape(2, block_size, width)
        second, middle = _blocks_seen(drawn)
        own[[1, -2]] = _see_blocks(rows[[1, -2]], keys[second], values[second], second, hidden_blocks)
        own[2:-2] = _see_blocks(rows[2:-2], keys[middle], values[middle], middle, hidden_blocks)
    return found


def _see_blocks(
    query: Floats, keys: Floats, values: Floats, seen: Integers, hidden_blocks: Floats | None
) -> Floats:
    """Attend from rows of queries (rows, b, d) to the blocks that each sees, (rows, c, b, d)."""
    count, _, width = query.shape
    scores = query @ keys.reshape(count, -1, width).swapaxes(1, 2)  # (rows, b, c·b)
    if hidden_blocks is not None:
        scores += hidden_blocks[seen].reshape(count, 1, -1)
    found: Floats = softmax(scores) @ values.reshape(count, -1, width)
    return found


def _blocks_seen(plan: Integers) -> tuple[Integers, Integers]:
    """Return the blocks that rows 1 and n - 2 see, and those that the rows between see, of a plan (n - 2, r).

    The windows of the first two touch a global block, so they see one block less: (2, 4 + r), (n - 4, 5 + r).
    """
    last = len(plan) + 1
    second = np.array([[0, 1, 2, last], [0, last - 2, last - 1, last]])
    row = np.arange(2, last - 1)
    first = np.zeros_like(row)
    middle = np.stack([first, row - 1, row, row + 1, first + last], axis=1)
    return np.concatenate([second, plan[[0, -1]]], axis=1), np.concatenate([middle, plan[1:-1]], axis=1)
