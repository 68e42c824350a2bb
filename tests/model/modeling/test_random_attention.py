import re
from pathlib import Path

import numpy as np
import pytest
from bigbird_pegasus.modeling.random_attention import random_attention_plan


def test_seeded_plans_are_those_google_drew(shared: Path) -> None:
    plans = np.load(shared / "reference" / "random_attention_google.npz")
    assert len(plans.files) > 0
    for name in plans.files:
        found = re.fullmatch(r"S(\d+)_H(\d+)_b(\d+)_r(\d+)_seed(\d+)", name)
        assert found, name
        length, heads, size, random_blocks, layer = map(int, found.groups())
        plan = random_attention_plan(length, heads, size, random_blocks, layer)
        np.testing.assert_array_equal(plan, plans[name], err_msg=name)


@pytest.mark.parametrize(
    ("length", "size", "random_blocks"),
    [
        (length, size, random_blocks)
        for length in (1024, 2048, 4096, 800)
        for size, random_blocks in ((16, 3), (32, 1), (64, 2), (128, 0))
        if length > (5 + 2 * random_blocks) * size and length % size == 0  # or else it is not sparse
    ],
)
def test_seeded_plan_never_repeats_a_window_nor_the_first_block(
    length: int, size: int, random_blocks: int
) -> None:
    plan = random_attention_plan(length, 3, size, random_blocks, layer=5)
    blocks = length // size
    assert plan.shape == (3, blocks - 2, random_blocks)
    for row in range(1, blocks - 1):
        seen = {0, row - 1, row, row + 1}
        if length != 1024:  # there Google's draw may name the last block, which then counts twice
            seen.add(blocks - 1)
        for head in range(3):
            drawn = plan[head, row - 1].tolist()
            assert len(set(drawn)) == random_blocks
            assert not seen & set(drawn), (row, head)


def test_plans_of_small_planned_lengths_are_drawn_by_the_general_rule() -> None:
    # 2,048 tokens in blocks of 128 leave some rows fewer than 5 early blocks to draw from.
    plan = random_attention_plan(2048, 2, 128, 5, layer=0)
    assert plan.shape == (2, 14, 5)
    assert int(plan.max()) < 15


def test_transformers_plan_is_block_zero_everywhere() -> None:
    assert not random_attention_plan(1024, 2, 64, 3, layer=4, kind="transformers").any()


def test_drawing_a_plan_leaves_the_global_generator_alone() -> None:
    np.random.seed(0)
    state = np.random.get_state()[1].copy()  # type: ignore[index]
    random_attention_plan(1280, 2, 64, 3, layer=9)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # type: ignore[index]
