"""Quantized weights: each fast path against weights that are dequantized and multiplied as floats."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from bigbird_pegasus import BitsAndBytesConfig
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.inference.prepack import prepack
from bigbird_pegasus.quantization.int4 import Int4Weight
from bigbird_pegasus.quantization.int8 import Int8Table, Int8Weight, round_rows
from bigbird_pegasus.quantization.modules import QuantizedEmbedding, QuantizedLinear
from bigbird_pegasus.quantization.nf4 import Nf4Weight
from bigbird_pegasus.quantization.quantize import (
    CODECS,
    Quantization,
    Scheme,
    is_quantized,
    quantize_linears,
    rounded,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.model.tiny import tiny_ids, tiny_model

SCHEMES: list[Scheme] = list(CODECS)
# Shapes that the kernels take, and shapes that are no whole blocks, groups or pairs.
sizes = st.sampled_from([1, 2, 7, 32, 48, 64, 65, 128, 192])


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def made(scheme: Scheme, weight: Tensor) -> Any:
    codec = CODECS[scheme]
    return codec.load(rounded(codec, weight), (weight.shape[0], weight.shape[1]))


def as_the_kernel_reads(scheme: Scheme, x: Tensor) -> Tensor:
    """Activations as a scheme's kernel sees them: int8 rounds them row by row."""
    if scheme != "int8":
        return x
    codes, scale = round_rows(x)
    return codes.float() * scale.unsqueeze(1)


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=25, deadline=None)
@given(rows=st.sampled_from([1, 5, 33, 130]), out=sizes, into=sizes, seed=st.integers(0, 99))
def test_a_quantized_map_is_the_one_of_its_dequantized_weight(
    scheme: Scheme, rows: int, out: int, into: int, seed: int
) -> None:
    weight = made(scheme, drawn(out, into, seed=seed))
    bias = drawn(out, seed=seed + 1)
    x = drawn(rows, into, seed=seed + 2)
    expected = as_the_kernel_reads(scheme, x) @ weight.dequantize().t() + bias
    # An activation half way between two int8 steps may go the other way: one step of one weight.
    step = float(x.abs().max() / 127 * weight.dequantize().abs().max()) if scheme == "int8" else 0.0
    map_ = QuantizedLinear(weight, bias)
    torch.testing.assert_close(map_(x), expected, atol=1e-4 + 2 * step, rtol=1e-4)
    # bfloat16 rounds weights, activations and the sum: each by 2**-9 of about sqrt(K).
    rounded_x = as_the_kernel_reads(scheme, x.bfloat16().float()) @ weight.dequantize().t() + bias
    found = map_(x.bfloat16()).float()
    torch.testing.assert_close(found, rounded_x, atol=0.02 * into**0.5 + 0.02 + 2 * step, rtol=0.02)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_more_rows_than_fit_the_cache_are_mapped_alike(scheme: Scheme) -> None:
    map_ = QuantizedLinear(made(scheme, drawn(64, 128)), drawn(64))
    x = drawn(3, 400, 128)
    torch.testing.assert_close(map_(x), torch.stack([map_(one) for one in x]))
    assert map_(x).shape == (3, 400, 64)


def test_an_int8_row_does_not_depend_on_the_rows_beside_it() -> None:
    map_ = QuantizedLinear(made("int8", drawn(64, 128)))
    x = drawn(5, 128)
    assert torch.equal(map_(torch.cat([x, 1000 * x]))[:5], map_(x))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_zeros_stay_zeros(scheme: Scheme) -> None:
    weight = made(scheme, torch.zeros(64, 64))
    assert torch.equal(weight.dequantize(), torch.zeros(64, 64))
    assert torch.equal(QuantizedLinear(weight)(torch.zeros(2, 64)), torch.zeros(2, 64))


@pytest.mark.parametrize(("scheme", "bound"), [("int8", 0.01), ("int4", 0.09), ("nf4", 0.1)])
def test_the_error_of_normal_weights_is_what_the_scheme_promises(scheme: Scheme, bound: float) -> None:
    weight = drawn(256, 512)
    error = (made(scheme, weight).dequantize() - weight).norm() / weight.norm()
    assert error < bound


def test_int4_is_no_worse_than_nf4_at_the_same_bits() -> None:
    weight = drawn(256, 512)
    bits = {
        scheme: sum(8 * t.nbytes for t in made(scheme, weight).stored().values()) / weight.numel()
        for scheme in ("int4", "nf4")
    }
    assert bits == {"int4": 4.5, "nf4": 4.5}
    errors = {scheme: (made(scheme, weight).dequantize() - weight).norm() for scheme in ("int4", "nf4")}
    assert errors["int4"] <= errors["nf4"]


def test_nf4_with_rounded_scales_takes_4_13_bits_and_is_little_worse() -> None:
    weight = drawn(256, 512)
    stored = Nf4Weight.quantize(weight, double=True)
    assert sum(8 * t.nbytes for t in stored.values()) / weight.numel() == pytest.approx(4.13, abs=0.01)
    found = Nf4Weight.load(stored, (256, 512)).dequantize()
    plain = made("nf4", weight).dequantize()
    assert (found - weight).norm() < 1.02 * (plain - weight).norm()


@settings(max_examples=30, deadline=None)
@given(out=sizes, into=sizes, double=st.booleans())
def test_what_is_stored_has_the_layout_that_is_said(out: int, into: int, double: bool) -> None:
    weight = drawn(out, into)
    for scheme in SCHEMES:
        codec = CODECS[scheme]
        stored = rounded(codec, weight, double)
        layout = Nf4Weight.layout((out, into), double) if codec is Nf4Weight else codec.layout((out, into))
        assert {suffix: (tuple(t.shape), t.dtype) for suffix, t in stored.items()} == layout
        again = codec.load(stored, (out, into)).stored()
        assert all(torch.equal(again[suffix], t) for suffix, t in stored.items())


def test_int8_codes_come_back_from_the_kernel_that_packed_them() -> None:
    weight = made("int8", drawn(48, 96))
    before = {suffix: t.clone() for suffix, t in weight.stored().items()}
    weight.linear(drawn(2, 96), None)
    assert all(torch.equal(t, before[suffix]) for suffix, t in weight.stored().items())


@settings(max_examples=25, deadline=None)
@given(rows=st.sampled_from([1, 5, 33]), out=sizes, into=sizes, seed=st.integers(0, 99))
def test_a_table_that_is_not_packed_is_the_map_of_its_dequantized_weight(
    rows: int, out: int, into: int, seed: int
) -> None:
    table = Int8Table.load(Int8Weight.quantize(drawn(out, into, seed=seed)), (out, into))
    x, bias = drawn(rows, into, seed=seed + 1), drawn(out, seed=seed + 2)
    expected = as_the_kernel_reads("int8", x) @ table.dequantize().t() + bias
    step = float(x.abs().max() / 127 * table.dequantize().abs().max())
    torch.testing.assert_close(QuantizedLinear(table, bias)(x), expected, atol=1e-4 + step, rtol=1e-4)
    torch.testing.assert_close(QuantizedLinear(table)(x), expected - bias, atol=1e-4 + step, rtol=1e-4)


def test_a_table_works_where_there_is_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bigbird_pegasus.quantization.int8._has_kernel", lambda: False)
    table = Int8Table.load(Int8Weight.quantize(drawn(37, 16)), (37, 16))
    x, bias = drawn(3, 16), drawn(37)
    torch.testing.assert_close(table.linear(x, bias), x @ table.dequantize().t() + bias)
    torch.testing.assert_close(table.linear(x, None), x @ table.dequantize().t())


@pytest.mark.parametrize("scheme", ["int4", "nf4"])
def test_with_layers_of_4_bits_head_and_embedding_are_one_table(scheme: Scheme) -> None:
    model = tiny_model()
    quantize_linears(model, scheme)
    prepack(model)
    model.to("cpu")
    embedding, head = model.model.encoder.embedding, model.output_head
    assert isinstance(embedding, QuantizedEmbedding)
    assert isinstance(head, QuantizedLinear)
    assert head.weight.stored()[""].data_ptr() == embedding.table.data_ptr()


def test_large_tables_are_rounded_in_pieces_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Int8Weight.quantize(drawn(37, 16))
    monkeypatch.setattr("bigbird_pegasus.quantization.int8.WEIGHTS_AT_ONCE", 100)
    pieces = Int8Weight.quantize(drawn(37, 16))
    assert all(torch.equal(pieces[suffix], whole[suffix]) for suffix in whole)


# Without the kernels of this processor


@pytest.mark.parametrize("scheme", SCHEMES)
def test_where_there_is_no_kernel_weights_are_dequantized(
    scheme: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bigbird_pegasus.quantization.int8._has_kernel", lambda: False)
    monkeypatch.setattr("bigbird_pegasus.quantization.int4._kernel_reads_our_layout", lambda: False)
    weight = made(scheme, drawn(64, 128))
    x = drawn(5, 128).bfloat16()
    expected = x.float() @ weight.dequantize().t()
    torch.testing.assert_close(QuantizedLinear(weight)(x).float(), expected, atol=0.2, rtol=0.02)


def test_before_vnni_activations_are_rounded_to_seven_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    from bigbird_pegasus.quantization import int8

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    int8._activation_levels.cache_clear()
    try:
        weight, x = drawn(64, 128), drawn(5, 128)
        coarse = QuantizedLinear(made("int8", weight))(x)
    finally:
        monkeypatch.undo()
        int8._activation_levels.cache_clear()
    exact, fine = x @ weight.t(), QuantizedLinear(made("int8", weight))(x)
    assert (fine - exact).norm() < (coarse - exact).norm() < 0.02 * exact.norm()


def test_int4_needs_no_kernel_of_another_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    from bigbird_pegasus.quantization import int4

    def absent(*_: object) -> Tensor:
        raise RuntimeError("not built")

    for pack, expected in ((absent, False), (lambda codes, _: codes.to(torch.uint8), False)):
        monkeypatch.setattr(torch.ops.aten, "_convert_weight_to_int4pack_for_cpu", pack)
        int4._kernel_reads_our_layout.cache_clear()
        assert int4._kernel_reads_our_layout() is expected
    monkeypatch.undo()
    int4._kernel_reads_our_layout.cache_clear()


# Modules


def test_an_embedding_looks_up_rows_of_the_dequantized_table() -> None:
    table, ids = drawn(50, 16), torch.tensor([[3, 1], [49, 3]])
    codes, scale = round_rows(table)
    embedding = QuantizedEmbedding(codes, scale, torch.bfloat16)
    assert torch.equal(embedding(ids), (codes.float() * scale.unsqueeze(1)).bfloat16()[ids])
    assert torch.equal(embedding.stored()["_scale"], scale)


def test_a_table_that_is_packed_in_parts_is_the_same_map(monkeypatch: pytest.MonkeyPatch) -> None:
    x, bias = drawn(5, 16), drawn(37)
    whole = made("int8", drawn(37, 16)).linear(x, bias)
    monkeypatch.setattr("bigbird_pegasus.quantization.int8.WEIGHTS_PACKED_AT_ONCE", 160)
    weight = made("int8", drawn(37, 16))
    before = weight.stored()[""].clone()
    torch.testing.assert_close(weight.linear(x, bias), whole)
    assert torch.equal(weight.stored()[""], before)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("change", [lambda m: m.to("cpu"), lambda m: m.bfloat16()])
def test_codes_and_scales_keep_their_types_when_a_model_changes_its(
    scheme: Scheme, change: Callable[[Any], Any]
) -> None:
    model = tiny_model()
    quantize_linears(model, scheme)
    ids = {"input_ids": tiny_ids(2, 20), "decoder_input_ids": tiny_ids(2, 3)}
    before = model(**ids).logits
    after = change(model)(**ids).logits
    assert (after.float() - before).norm() < 0.05 * before.norm()


def test_four_bits_can_compute_in_another_type_than_the_model() -> None:
    weight, x = made("nf4", drawn(64, 64)), drawn(3, 64)
    found = QuantizedLinear(weight, compute_dtype=torch.bfloat16)(x)
    assert found.dtype == torch.float32
    assert torch.equal(found, QuantizedLinear(weight)(x.bfloat16()).float())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_training_is_refused(scheme: Scheme) -> None:
    model = tiny_model()
    quantize_linears(model, scheme)
    assert is_quantized(model)
    assert not any(p.requires_grad for p in model.parameters())
    with pytest.raises(ConfigError, match="cannot be trained"):
        model.train()
    with pytest.raises(ConfigError, match="cannot be trained"):
        model.model.encoder.embedding.train()
    assert model.eval() is model


def test_a_model_is_quantized_once() -> None:
    model = tiny_model()
    quantize_linears(model, "int8")
    with pytest.raises(ConfigError, match="quantized already"):
        quantize_linears(model, "nf4")


def test_a_quantized_model_has_as_many_parameters_as_before() -> None:
    model = tiny_model()
    before = model.num_parameters()
    quantize_linears(model, "int4")
    assert model.num_parameters() == before


# The published way to ask


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ({}, None),
        ({"load_in_8bit": True}, Quantization("int8")),
        ({"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, Quantization("nf4")),
        (
            {
                "load_in_4bit": True,
                "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_use_double_quant": True,
                "bnb_4bit_compute_dtype": "bfloat16",
            },
            Quantization("nf4", True, torch.bfloat16),
        ),
    ],
)
def test_the_published_configuration_means(options: dict[str, Any], meant: Quantization | None) -> None:
    assert BitsAndBytesConfig(**options).quantization() == meant


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"load_in_8bit": True, "load_in_4bit": True}, "exclude each other"),
        ({"load_in_4bit": True}, "only 'nf4' is known"),
        (
            {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": "int8"},
            "no such type",
        ),
    ],
)
def test_a_published_configuration_that_cannot_be_obeyed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BitsAndBytesConfig(**options).quantization()


def test_int4_groups_without_range_are_exact() -> None:
    weight = torch.full((64, 64), 0.5)
    found = Int4Weight.load(Int4Weight.quantize(weight), (64, 64)).dequantize()
    assert torch.equal(found, weight)
