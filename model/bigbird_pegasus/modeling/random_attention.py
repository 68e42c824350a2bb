"""Plans of random attention: which random blocks each block of queries attends to.

No torch here: both engines of the encoder read them.

Source: google-research/bigbird, `core/attention.py`, and `transformers` since PR #23056.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bigbird_pegasus.config import RandomAttention

# Google draws one plan of MAX_PLANNED_TOKENS, from the first EARLY_TOKENS, and cuts it to these lengths.
PLANNED_LENGTHS = (1024, 2048, 3072, 4096)
MAX_PLANNED_TOKENS = 4096
EARLY_TOKENS = 1024


@lru_cache(maxsize=256)
def random_attention_plan(
    length: int, heads: int, block_size: int, random_blocks: int, layer: int, kind: RandomAttention = "seeded"
) -> NDArray[np.int64]:
    """Return which random blocks each block of queries attends to.

    `seeded` draws what Google trained and evaluated with: one plan a layer, seeded by its number.
    `transformers` is what transformers ≥ 4.30 does at inference: every random block is block 0.

    Args:
        length: tokens, a multiple of `block_size`, more than `(5 + 2r) * block_size` of them.
        heads: H; each head has a plan of its own.
        block_size: b.
        random_blocks: r.
        layer: number of the encoder layer, the seed.
        kind: see above.

    Returns:
        int64 (H, n - 2, r), for the query blocks 1 … n-2.
    """
    blocks = length // block_size
    if kind == "transformers" or random_blocks == 0:
        return np.zeros((heads, blocks - 2, random_blocks), np.int64)
    # The legacy generator of numpy is part of the definition: the checkpoints were trained with its draws.
    generator = np.random.RandomState(layer)
    pools = _pools_of_planned_lengths(block_size)
    if length in PLANNED_LENGTHS and min(map(len, pools)) >= random_blocks:
        drawn = [[generator.permutation(pool)[:random_blocks] for pool in pools] for _ in range(heads)]
        plan = np.array(drawn)[:, : blocks - 2]
    else:
        plan = _plan_of_other_lengths(generator, blocks, heads, random_blocks)
    return plan.astype(np.int64)


def _pools_of_planned_lengths(block_size: int) -> list[np.ndarray]:
    """Return the blocks that each row may draw from where the plan is drawn for 4,096 tokens and cut."""
    blocks = MAX_PLANNED_TOKENS // block_size
    inner = np.arange(1, blocks - 1)
    last = EARLY_TOKENS // block_size - 1 if 2 * block_size < EARLY_TOKENS else blocks - 1
    pools = []
    for row in range(1, blocks - 1):
        if row >= blocks - 3:
            pools.append(inner[:last])
        else:  # everything early but the row's own window
            pools.append(np.concatenate([inner[: min(max(row - 2, 0), last)], inner[row + 1 : last]]))
    return pools


def _plan_of_other_lengths(
    generator: np.random.RandomState, blocks: int, heads: int, random_blocks: int
) -> np.ndarray:
    """Draw, for every row, among the first 5 + 2r blocks without its window and the ends of that range."""
    early = 5 + 2 * random_blocks
    plan = np.empty((heads, blocks - 2, random_blocks), dtype=np.int64)
    for row in range(1, blocks - 1):
        forbidden = {row - 1, row, row + 1, 0, early - 1}
        if row == 1:
            forbidden.add(early - 2)
        if row == early - 2:
            forbidden.add(1)
        for head in range(heads):
            order = generator.permutation(early)
            plan[head, row - 1] = [block for block in order if block not in forbidden][:random_blocks]
    return plan
