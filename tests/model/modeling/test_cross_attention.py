from collections.abc import Callable

import pytest
import torch
from bigbird_pegasus.kernels.cpu import convolves_float32, multiplies_bfloat16
from bigbird_pegasus.kernels.few_rows import has_few_rows
from bigbird_pegasus.kernels.head_products import (
    ConvolutionProduct,
    Float32Product,
    HeadProduct,
    Int8Product,
)
from bigbird_pegasus.modeling.cross_attention import CrossKV, DenseCrossKV, PackedCrossKV, fastest_cross_kv
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.model.kernels.test_few_rows import compiled
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


Layout = type[HeadProduct] | None  # None: plain tensors
# The bounds, where they are not the defaults: bfloat16 has 8 bits, scores and weights are rounded to 1/256 of
# themselves on the way; keys and values in 8 bits are as coarse.
layouts = pytest.mark.parametrize(
    ("layout", "dtype", "bound"),
    [
        (None, torch.float32, None),
        (None, torch.bfloat16, 0.05),
        (ConvolutionProduct, torch.float32, None),
        pytest.param(ConvolutionProduct, torch.bfloat16, 0.05, marks=bfloat16_kernels),
        pytest.param(Float32Product, torch.float32, None, marks=compiled),
        pytest.param(Int8Product, torch.float32, 0.05, marks=compiled),
        pytest.param(Int8Product, torch.bfloat16, 0.05, marks=compiled),
    ],
)


def stored(layout: Layout, key: Tensor, value: Tensor) -> CrossKV:
    return DenseCrossKV(key, value) if layout is None else PackedCrossKV.pack(key, value, layout)


@layouts
@settings(max_examples=30, deadline=None)
@given(shapes, st.booleans(), st.integers(0, 99))
def test_cross_attention_of_every_layout_equals_one_query_at_a_time(
    layout: Layout,
    dtype: torch.dtype,
    bound: float | None,
    shape: tuple[int, int, int, int, int],
    padded: bool,
    seed: int,
) -> None:
    documents, heads, queries, tokens, width = shape
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(documents, heads, queries, width, generator=generator).to(dtype)
    key, value = torch.randn(2, documents, heads, tokens, width, generator=generator).to(dtype).unbind(0)
    mask = None
    if padded:
        mask = torch.arange(tokens) < torch.randint(1, tokens + 1, (documents, 1), generator=generator)
    oracle = slow_attention(query, key, value, mask)
    source = stored(layout, key, value)
    torch.testing.assert_close(source.attend(query, mask, 0.0).float(), oracle, rtol=bound, atol=bound)
    weights = source.probabilities(query, mask).float()
    torch.testing.assert_close(weights @ value.float(), oracle, rtol=bound, atol=bound)


@layouts
def test_selecting_documents_of_cross_attention_keeps_their_results(
    layout: Layout, dtype: torch.dtype, bound: float | None
) -> None:
    key, value = torch.randn(2, 3, 2, 20, 8).to(dtype).unbind(0)
    query = torch.randn(2, 2, 5, 8).to(dtype)
    kept = torch.tensor([0, 2])
    source = stored(layout, key, value)
    left = source.select(kept)
    assert (source.documents, left.documents) == (3, 2)
    alone = [source.select(kept[i : i + 1]).attend(query[i : i + 1], None, 0.0) for i in range(2)]
    torch.testing.assert_close(left.attend(query, None, 0.0), torch.cat(alone))


@pytest.mark.parametrize(
    ("dtype", "is_fast"),
    [
        (torch.bfloat16, multiplies_bfloat16),
        (torch.float32, lambda: convolves_float32() or has_few_rows()),
    ],
)
def test_cross_attention_is_packed_where_that_is_fast_and_no_gradient_is_wanted(
    dtype: torch.dtype, is_fast: Callable[[], bool]
) -> None:
    key = torch.randn(1, 2, 8, 4, dtype=dtype)
    with torch.no_grad():
        assert isinstance(fastest_cross_kv(key, key), PackedCrossKV if is_fast() else DenseCrossKV)
        in_8_bits = fastest_cross_kv(key, key, in_8_bits=True)
        rounded = isinstance(in_8_bits, PackedCrossKV) and isinstance(in_8_bits.keys[0], Int8Product)
        assert rounded == has_few_rows()
        assert isinstance(fastest_cross_kv(key.double(), key.double()), DenseCrossKV)
    assert isinstance(fastest_cross_kv(key, key), DenseCrossKV)
