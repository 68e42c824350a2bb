from collections.abc import Callable

import pytest
import torch
from bigbird_pegasus.kernels.cpu import convolves_float32, multiplies_bfloat16
from bigbird_pegasus.modeling.cross_attention import DenseCrossKV, PackedCrossKV, fastest_cross_kv
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.model.tiny import bfloat16_kernels


def slow_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attention one query at a time, in float32, over the keys that it may look at."""
    found = torch.zeros(query.shape)
    for document, head, row in torch.cartesian_prod(*map(torch.arange, query.shape[:3])):
        seen = slice(None) if mask is None else mask[document]
        keys, values = key[document, head, seen].float(), value[document, head, seen].float()
        scores = keys @ query[document, head, row].float() / query.shape[-1] ** 0.5
        found[document, head, row] = scores.softmax(0) @ values
    return found


shapes = st.tuples(  # documents, heads, queries, source tokens, head width
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 7),
    st.integers(1, 90),
    st.sampled_from([4, 6, 16, 64]),
)


# bfloat16 has 8 bits: scores and weights are rounded to 1/256 of themselves on the way
BOUNDS = {torch.bfloat16: 0.05, torch.float32: None}  # None: the defaults


@pytest.mark.parametrize("dtype", [pytest.param(torch.bfloat16, marks=bfloat16_kernels), torch.float32])
@settings(max_examples=30, deadline=None)
@given(shapes, st.booleans(), st.integers(0, 99))
def test_packed_and_dense_cross_attention_equal_one_query_at_a_time(
    dtype: torch.dtype, shape: tuple[int, int, int, int, int], padded: bool, seed: int
) -> None:
    documents, heads, queries, tokens, width = shape
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(documents, heads, queries, width, generator=generator).to(dtype)
    key, value = torch.randn(2, documents, heads, tokens, width, generator=generator).to(dtype).unbind(0)
    mask = None
    if padded:
        mask = torch.arange(tokens) < torch.randint(1, tokens + 1, (documents, 1), generator=generator)
    oracle, bound = slow_attention(query, key, value, mask), BOUNDS[dtype]
    for source in (DenseCrossKV(key, value), PackedCrossKV.pack(key, value)):
        torch.testing.assert_close(source.attend(query, mask, 0.0).float(), oracle, rtol=bound, atol=bound)
        weights = source.probabilities(query, mask).float()
        torch.testing.assert_close(weights @ value.float(), oracle, rtol=bound, atol=bound)


@bfloat16_kernels
def test_selecting_documents_of_cross_attention_keeps_their_results() -> None:
    key, value = torch.randn(2, 3, 2, 20, 8).bfloat16().unbind(0)
    query = torch.randn(2, 2, 5, 8).bfloat16()
    kept = torch.tensor([0, 2])
    for source in (DenseCrossKV(key, value), PackedCrossKV.pack(key, value)):
        left = source.select(kept)
        assert (source.documents, left.documents) == (3, 2)
        alone = [source.select(kept[i : i + 1]).attend(query[i : i + 1], None, 0.0) for i in range(2)]
        torch.testing.assert_close(left.attend(query, None, 0.0), torch.cat(alone))


@pytest.mark.parametrize(
    ("dtype", "is_fast"), [(torch.bfloat16, multiplies_bfloat16), (torch.float32, convolves_float32)]
)
def test_cross_attention_is_packed_where_that_is_fast_and_no_gradient_is_wanted(
    dtype: torch.dtype, is_fast: Callable[[], bool]
) -> None:
    key = torch.randn(1, 2, 8, 4, dtype=dtype)
    with torch.no_grad():
        assert isinstance(fastest_cross_kv(key, key), PackedCrossKV if is_fast() else DenseCrossKV)
        assert isinstance(fastest_cross_kv(key.double(), key.double()), DenseCrossKV)
    assert isinstance(fastest_cross_kv(key, key), DenseCrossKV)
