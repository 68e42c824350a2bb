"""Quantized modules: each fast path against dequantized weights multiplied as floats."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.quantization.int8 import fbgemm_code, round_rows
from bigbird_pegasus.quantization.modules import QuantizedEmbedding, QuantizedLinear
from bigbird_pegasus.quantization.quantize import is_quantized, quantize_linears
from bigbird_pegasus.quantization.scheme import Scheme
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.quantization.weights import SCHEMES, drawn, made, rounded_activations, sizes
from tests.model.tiny import tiny_ids, tiny_model


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=25, deadline=None)
@given(rows=st.sampled_from([1, 5, 33, 130]), out=sizes, into=sizes, seed=st.integers(0, 99))
def test_a_quantized_linear_map_equals_that_of_its_dequantized_weight(
    scheme: Scheme, rows: int, out: int, into: int, seed: int
) -> None:
    weight = made(scheme, drawn(out, into, seed=seed))
    bias = drawn(out, seed=seed + 1)
    x = drawn(rows, into, seed=seed + 2)
    code = fbgemm_code() if scheme == "int8" else None
    read, step = rounded_activations(x, code)
    expected = read @ weight.dequantize().t() + bias
    # An activation half way between two int8 steps may go the other way: one step of one weight.
    step *= float(weight.dequantize().abs().max())
    map_ = QuantizedLinear(weight, bias)
    torch.testing.assert_close(map_(x), expected, atol=1e-4 + 2 * step, rtol=1e-4)
    # bfloat16 rounds weights, activations and the sum: each by 2**-9 of about sqrt(K).
    read, _ = rounded_activations(x.bfloat16().float(), code)
    found, expected = map_(x.bfloat16()).float(), read @ weight.dequantize().t() + bias
    torch.testing.assert_close(found, expected, atol=0.02 * into**0.5 + 0.02 + 2 * step, rtol=0.02)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_rows_mapped_in_pieces_equal_rows_mapped_at_once(scheme: Scheme) -> None:
    map_ = QuantizedLinear(made(scheme, drawn(64, 128)), drawn(64))
    x = drawn(3, 400, 128)
    torch.testing.assert_close(map_(x), torch.stack([map_(one) for one in x]))
    assert map_(x).shape == (3, 400, 64)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_zero_weights_and_activations_give_zeros(scheme: Scheme) -> None:
    weight = made(scheme, torch.zeros(64, 64))
    assert torch.equal(weight.dequantize(), torch.zeros(64, 64))
    assert torch.equal(QuantizedLinear(weight)(torch.zeros(2, 64)), torch.zeros(2, 64))


def test_a_quantized_embedding_returns_rows_of_the_dequantized_table() -> None:
    table, ids = drawn(50, 16), torch.tensor([[3, 1], [49, 3]])
    codes, scale = round_rows(table)
    embedding = QuantizedEmbedding(codes, scale, torch.bfloat16)
    assert torch.equal(embedding(ids), (codes.float() * scale.unsqueeze(1)).bfloat16()[ids])
    assert torch.equal(embedding.stored()["_scale"], scale)


def test_compute_dtype_is_the_type_of_the_activations() -> None:
    weight, x = made("nf4", drawn(64, 64)), drawn(3, 64)
    found = QuantizedLinear(weight, compute_dtype=torch.bfloat16)(x)
    assert found.dtype == torch.float32
    assert torch.equal(found, QuantizedLinear(weight)(x.bfloat16()).float())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_a_kernel_weights_are_dequantized_and_multiplied(
    scheme: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bigbird_pegasus.quantization.int8.fbgemm_code", lambda: None)
    monkeypatch.setattr("bigbird_pegasus.quantization.int4._kernel_reads_our_layout", lambda: False)
    weight = made(scheme, drawn(64, 128))
    x = drawn(5, 128).bfloat16()
    expected = x.float() @ weight.dequantize().t()
    torch.testing.assert_close(QuantizedLinear(weight)(x).float(), expected, atol=0.2, rtol=0.02)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("change", [lambda m: m.to("cpu"), lambda m: m.bfloat16()])
def test_codes_and_scales_keep_their_types_when_a_model_is_moved_or_cast(
    scheme: Scheme, change: Callable[[Any], Any]
) -> None:
    model = tiny_model()
    quantize_linears(model, scheme)
    ids = {"input_ids": tiny_ids(2, 20), "decoder_input_ids": tiny_ids(2, 3)}
    before = model(**ids).logits
    after = change(model)(**ids).logits
    assert (after.float() - before).norm() < 0.05 * before.norm()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_quantized_model_refuses_to_be_trained(scheme: Scheme) -> None:
    model = tiny_model()
    quantize_linears(model, scheme)
    assert is_quantized(model)
    assert not any(p.requires_grad for p in model.parameters())
    with pytest.raises(ConfigError, match="cannot be trained"):
        model.train()
    with pytest.raises(ConfigError, match="cannot be trained"):
        model.model.shared.train()
    assert model.eval() is model
