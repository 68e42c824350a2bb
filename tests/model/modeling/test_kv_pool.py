import pytest
import torch
from bigbird_pegasus.modeling.kv_pool import SLOTS_MULTIPLE, SPARE_TOKENS, KVPool
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.model.modeling.test_cross_attention import slow_attention

HEADS, WIDTH = 2, 8
CPU = torch.device("cpu")


def draw(generator: torch.Generator, rows: int, tokens: int) -> Tensor:
    return torch.randn(rows, HEADS, tokens, WIDTH, generator=generator)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 2 * SPARE_TOKENS + 9), st.integers(0, 99))
def test_a_pool_shared_by_beams_equals_a_cache_copied_for_each_beam(
    rows: int, prompt: int, steps: int, seed: int
) -> None:
    """The oracle copies every beam's keys and values when it goes on from another one."""
    generator = torch.Generator().manual_seed(seed)
    pool = KVPool(2, rows, CPU)
    copied = [(torch.empty(rows, HEADS, 0, WIDTH),) * 2] * 2
    for tokens in (prompt, *[1] * steps):
        pool.reserve(tokens)
        for layer in range(2):
            key, value, query = (draw(generator, rows, tokens) for _ in range(3))
            pool.append(layer, key, value)
            keys, values = (torch.cat(two, dim=2) for two in zip(copied[layer], (key, value), strict=True))
            copied[layer] = (keys, values)
            assert all(map(torch.equal, pool.keys_and_values(layer), (keys, values)))
            if tokens == 1:
                expected = slow_attention(query, keys, values, None)
                torch.testing.assert_close(pool.attend(layer, query, None), expected)  # by torch
                with torch.inference_mode():  # by the kernel, where it is there
                    torch.testing.assert_close(pool.attend(layer, query, None), expected)
        pool.commit()
        chosen = torch.randint(0, rows, (rows,), generator=generator)
        pool.reorder(chosen)
        copied = [(keys[chosen], values[chosen]) for keys, values in copied]


def test_padding_is_not_attended_to_with_the_kernel_and_without_it() -> None:
    pool, generator = KVPool(1, 3, CPU), torch.Generator().manual_seed(0)
    keys, values = draw(generator, 3, 6), draw(generator, 3, 6)
    for token in range(6):
        pool.reserve(1)
        pool.append(0, keys[:, :, token : token + 1], values[:, :, token : token + 1])
        if token < 5:
            pool.commit()
    query, mask = draw(generator, 3, 1), torch.rand(3, 6, generator=generator) < 0.5
    mask[2] = False
    expected = slow_attention(query, keys, values, mask)
    expected[2] = values[2].mean(dim=1, keepdim=True)  # of padding alone: a mean, and no number that is none
    torch.testing.assert_close(pool.attend(0, query, mask), expected)
    with torch.inference_mode():
        torch.testing.assert_close(pool.attend(0, query, mask), expected)


def test_tokens_that_all_beams_share_take_one_slot() -> None:
    pool, generator = KVPool(1, 5, CPU), torch.Generator().manual_seed(0)
    for _ in range(500):
        pool.reserve(1)
        pool.append(0, draw(generator, 5, 1), draw(generator, 5, 1))
        pool.commit()
        pool.reorder(torch.tensor([0, 0, 0, 0, 0]))
    keys, _ = pool._of(0)
    assert keys.shape[1] <= 500 + 5 * (SPARE_TOKENS + 1) + SLOTS_MULTIPLE


def test_a_failed_step_of_the_pool_can_be_repeated() -> None:
    pool, generator = KVPool(1, 2, CPU), torch.Generator().manual_seed(0)
    key, value = draw(generator, 2, 1), draw(generator, 2, 1)
    pool.reserve(1)
    pool.append(0, key + 1, value)
    pool.reserve(1)
    pool.append(0, key, value)
    assert all(map(torch.equal, pool.keys_and_values(0), (key, value)))


def test_attending_in_a_layer_without_keys_is_an_error() -> None:
    pool = KVPool(2, 1, CPU)
    pool.reserve(1)
    with pytest.raises(RuntimeError, match="layer 1 remembers nothing yet"):
        pool.attend(1, torch.zeros(1, HEADS, 1, WIDTH), None)
