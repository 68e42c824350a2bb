import math

import pytest
import torch
from bigbird_pegasus.errors import ModelInputError
from bigbird_pegasus.kernels import few_rows
from bigbird_pegasus.kernels.few_rows import FewRowsWeight
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.model.kernels.test_few_rows import compiled, drawn


def attended(query: Tensor, keys: Tensor, values: Tensor, slots: Tensor, seen: Tensor | None) -> Tensor:
    """Attend one row, head and token after the other."""
    found = torch.zeros(query.shape, dtype=torch.float64)
    for row in range(len(query)):
        for head in range(query.shape[1]):
            own = keys[head, slots[row]].double()
            scores = own @ query[row, head].double() / math.sqrt(query.shape[2])
            if seen is not None and seen[row].any():
                scores[~seen[row]] = -math.inf
            elif seen is not None:  # of padding alone: each token counts the same
                scores[:] = 0
            found[row, head] = torch.softmax(scores, dim=0) @ values[head, slots[row]].double()
    return found.to(query.dtype)


@compiled
@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 20), st.integers(1, 75)),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.sampled_from([None, 0.5, 1.0]),
    st.integers(0, 99),
)
def test_attention_of_rows_that_share_slots_equals_a_slow_one(
    shape: tuple[int, int, int, int], dtype: torch.dtype, padding: float | None, seed: int
) -> None:
    rows, heads, tokens, width = shape
    generator = torch.Generator().manual_seed(seed)
    query = (3 * drawn(rows, heads, width, seed=seed)).to(dtype)
    keys, values = (drawn(heads, 40, width, seed=seed + n).to(dtype) for n in (1, 2))
    slots = torch.stack([torch.randperm(40, generator=generator)[:tokens] for _ in range(rows)])
    seen = None if padding is None else torch.rand(rows, tokens, generator=generator) >= padding
    found = few_rows.attention(query, keys, values, slots, seen)
    assert found.dtype == dtype
    torch.testing.assert_close(found, attended(query, keys, values, slots, seen))


@compiled
def test_attention_to_what_is_no_number_gives_none() -> None:
    query, keys, values = torch.ones(2, 1, 9), torch.ones(1, 4, 9), torch.ones(1, 4, 9)
    keys[0, 3, 8] = math.nan
    found = few_rows.attention(query, keys, values, torch.tensor([[0, 1], [2, 3]]), None)
    assert found[0].equal(torch.ones(1, 9))
    assert found[1].isnan().all()


@compiled
@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": torch.ones(2, 7, 4)},
        {"values": torch.ones(2, 6, 5)},
        {"values": torch.ones(2, 7, 5).bfloat16()},
        {"query": torch.ones(3, 2, 5).double()},
        {"slots": torch.zeros(2, 4, dtype=torch.long)},
        {"slots": torch.zeros(3, 4, dtype=torch.int32)},
        {"seen": torch.ones(3, 4)},
        {"seen": torch.ones(3, 4, dtype=torch.bool, device="meta")},
        {"seen": torch.ones(3, 3, dtype=torch.bool)},
        {"query": torch.ones(3, 2, 5, device="meta")},
    ],
)
def test_attention_that_does_not_fit_is_refused(wrong: dict[str, Tensor]) -> None:
    fitting = {"query": torch.ones(3, 2, 5), "keys": torch.ones(2, 7, 5), "values": torch.ones(2, 7, 5)}
    fitting |= {"slots": torch.zeros(3, 4, dtype=torch.long), "seen": torch.ones(3, 4, dtype=torch.bool)}
    few_rows.attention(**fitting)
    with pytest.raises(ModelInputError, match="do not attend to keys"):
        few_rows.attention(**fitting | wrong)


@compiled
@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 8), st.integers(1, 3), st.integers(1, 90), st.integers(1, 70)),
    st.sampled_from([None, 0.5, 1.0]),
    st.integers(0, 99),
)
def test_attention_to_shared_keys_equals_softened_products(
    shape: tuple[int, int, int, int], padding: float | None, seed: int
) -> None:
    rows, heads, tokens, width = shape
    query = drawn(rows, heads, width, seed=seed)
    keys, values = drawn(heads, tokens, width, seed=seed + 1), drawn(heads, width, tokens, seed=seed + 2)
    seen = None
    if padding is not None:
        seen = torch.rand(tokens, generator=torch.Generator().manual_seed(seed)) >= padding
    found = few_rows.shared_attention(query, FewRowsWeight(keys), FewRowsWeight(values), seen)
    scores = torch.einsum("rhd,htd->rht", query.double(), keys.double())
    if seen is not None:
        scores = scores.masked_fill(~seen, torch.finfo(torch.float32).min)
    truth = torch.einsum("rht,hdt->rhd", torch.softmax(scores, dim=-1), values.double())
    torch.testing.assert_close(found, truth.float())


@compiled
def test_keys_and_values_of_other_tokens_are_refused() -> None:
    query, keys = torch.ones(5, 2, 4), FewRowsWeight(torch.ones(2, 9, 4))
    for tokens, seen in (
        (8, None),
        (9, torch.ones(8, dtype=torch.bool)),
        (9, torch.ones(9)),
        (9, torch.ones(9, dtype=torch.bool, device="meta")),
    ):
        with pytest.raises(ModelInputError, match="9 keys for values of"):
            few_rows.shared_attention(query, keys, FewRowsWeight(torch.ones(2, 4, tokens)), seen)
