import pytest
import torch
from bigbird_pegasus.modeling import attention
from bigbird_pegasus.modeling.attention import (
    attention_probabilities,
    block_sparse_attention,
    block_sparse_probabilities,
    full_attention,
)
from bigbird_pegasus.modeling.random_attention import random_attention_plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.model.tiny import bfloat16_kernels


def dense_oracle(
    query: Tensor, key: Tensor, value: Tensor, plan: Tensor, block_size: int, padding_mask: Tensor | None
) -> Tensor:
    """Block-sparse attention the slow way: for each block of queries, list the blocks it sees, and attend.

    A block listed twice is attended to twice, as the published code does.
    """
    batch, heads, length, width = query.shape
    blocks = length // block_size
    context = torch.zeros_like(query)
    for document in range(batch):
        for head in range(heads):
            for row in range(blocks):
                if row in (0, blocks - 1):
                    seen = list(range(blocks))
                else:
                    seen = sorted({0, row - 1, row, row + 1, blocks - 1}) + plan[head, row - 1].tolist()
                at = torch.cat([torch.arange(b * block_size, (b + 1) * block_size) for b in seen])
                if padding_mask is not None:
                    at = at[padding_mask[document, at]]
                rows = slice(row * block_size, (row + 1) * block_size)
                scores = query[document, head, rows] @ key[document, head, at].T / width**0.5
                context[document, head, rows] = scores.softmax(-1) @ value[document, head, at]
    if padding_mask is not None:
        context[~padding_mask[:, None].expand(-1, heads, -1)] = 0
    return context


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, int, int, int, int, int, int, bool, str]:
    random_blocks = draw(st.integers(0, 3))
    blocks = draw(st.integers(6 + 2 * random_blocks, 18))
    size = draw(st.sampled_from([1, 2, 3, 4, 8]))
    kind = draw(st.sampled_from(["seeded", "transformers"]))
    batch, heads, width = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.sampled_from([2, 4]))
    return (
        batch,
        heads,
        blocks,
        size,
        width,
        random_blocks,
        draw(st.integers(0, 99)),
        draw(st.booleans()),
        kind,
    )


@pytest.mark.parametrize("gathered_bytes", [attention.GATHERED_BYTES, 1])  # all heads at once, one by one
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_block_sparse_attention_equals_attending_block_by_block(
    monkeypatch: pytest.MonkeyPatch,
    gathered_bytes: int,
    case: tuple,  # type: ignore[type-arg]
) -> None:
    monkeypatch.setattr(attention, "GATHERED_BYTES", gathered_bytes)
    batch, heads, blocks, size, width, random_blocks, seed, padded, kind = case
    generator = torch.Generator().manual_seed(seed)
    query, key, value = torch.randn(3, batch, heads, blocks * size, width, generator=generator).unbind(0)
    drawn = random_attention_plan(blocks * size, heads, size, random_blocks, layer=seed % 16, kind=kind)
    plan = torch.from_numpy(drawn)
    mask = None
    if padded:
        lengths = torch.randint(1, blocks * size + 1, (batch, 1), generator=generator)
        mask = torch.arange(blocks * size) < lengths
    fast = block_sparse_attention(query, key, value, plan, size, mask)
    torch.testing.assert_close(fast, dense_oracle(query, key, value, plan, size, mask))
    weights = block_sparse_probabilities(query, key, plan, size, mask)
    assert weights.shape == (batch, heads, blocks * size, blocks * size)
    dense = weights @ value
    torch.testing.assert_close(dense if mask is None else dense * mask[:, None, :, None], fast)


def test_full_attention_equals_its_probabilities_times_values() -> None:
    query, key, value = torch.randn(3, 2, 3, 5, 4).unbind(0)
    mask = torch.rand(2, 1, 5, 5) > 0.3
    mask[..., 0] = True
    dense = attention_probabilities(query, key, mask) @ value
    torch.testing.assert_close(full_attention(query, key, value, mask), dense)


@bfloat16_kernels
@pytest.mark.parametrize("at_once", [None, 2])  # all heads, two of them
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 70), st.integers(1, 70)),
    masked=st.sampled_from(["nothing", "padding", "later tokens"]),
    seed=st.integers(0, 99),
)
def test_attention_in_parts_equals_attention_in_float32(
    monkeypatch: pytest.MonkeyPatch,
    at_once: int | None,
    shape: tuple[int, int, int, int],
    masked: str,
    seed: int,
) -> None:
    batch, heads, length, source = shape
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(batch, heads, length, 8, generator=generator).bfloat16()
    key, value = torch.randn(2, batch, heads, source, 8, generator=generator).bfloat16().unbind(0)
    mask = None
    if masked == "padding":
        mask = (torch.arange(source) < torch.randint(1, source + 1, (batch, 1), generator=generator))[
            :, None, None
        ]
    elif masked == "later tokens":
        mask = torch.ones(length, source, dtype=torch.bool).tril()
    expected = full_attention(query.float(), key.float(), value.float(), mask)
    if at_once is not None:
        monkeypatch.setattr(attention, "SCORES_BYTES", at_once * 2 * length * source)
    with torch.no_grad():
        found = full_attention(query, key, value, mask)
    # Scores and weights are rounded to 8 bits, as everywhere in bfloat16.
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=0.03)
