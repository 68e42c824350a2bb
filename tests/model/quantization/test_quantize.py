from typing import Any

import pytest
import torch
from bigbird_pegasus import BitsAndBytesConfig
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.inference.prepack import prepack
from bigbird_pegasus.quantization.modules import QuantizedEmbedding, QuantizedLinear
from bigbird_pegasus.quantization.nf4 import Nf4Weight
from bigbird_pegasus.quantization.quantize import CODECS, Quantization, quantize_linears, rounded
from bigbird_pegasus.quantization.scheme import Scheme
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.quantization.weights import SCHEMES, drawn, made, sizes
from tests.model.tiny import tiny_model


@pytest.mark.parametrize(("scheme", "bound"), [("int8", 0.01), ("int4", 0.09), ("nf4", 0.1)])
def test_the_rounding_error_of_normal_weights_is_bounded(scheme: Scheme, bound: float) -> None:
    weight = drawn(256, 512)
    error = (made(scheme, weight).dequantize() - weight).norm() / weight.norm()
    assert error < bound


def test_int4_rounds_normal_weights_no_worse_than_nf4_at_the_same_bits() -> None:
    weight = drawn(256, 512)
    bits = {
        scheme: sum(8 * t.nbytes for t in made(scheme, weight).stored().values()) / weight.numel()
        for scheme in ("int4", "nf4")
    }
    assert bits == {"int4": 4.5, "nf4": 4.5}
    errors = {scheme: (made(scheme, weight).dequantize() - weight).norm() for scheme in ("int4", "nf4")}
    assert errors["int4"] <= errors["nf4"]


@settings(max_examples=30, deadline=None)
@given(out=sizes, into=sizes, double=st.booleans())
def test_stored_tensors_have_the_declared_layout_and_load_again(out: int, into: int, double: bool) -> None:
    weight = drawn(out, into)
    for scheme in SCHEMES:
        codec = CODECS[scheme]
        stored = rounded(codec, weight, double)
        layout = Nf4Weight.layout((out, into), double) if codec is Nf4Weight else codec.layout((out, into))
        assert {suffix: (tuple(t.shape), t.dtype) for suffix, t in stored.items()} == layout
        again = codec.load(stored, (out, into)).stored()
        assert all(torch.equal(again[suffix], t) for suffix, t in stored.items())


@pytest.mark.parametrize("scheme", ["int4", "nf4"])
def test_with_4_bit_layers_output_head_and_embedding_share_one_table(scheme: Scheme) -> None:
    model = tiny_model()
    quantize_linears(model, scheme)
    prepack(model)
    model.to("cpu")
    embedding, head = model.model.shared, model.lm_head
    assert isinstance(embedding, QuantizedEmbedding)
    assert isinstance(head, QuantizedLinear)
    assert head.weight.stored()[""].data_ptr() == embedding.table.data_ptr()


def test_quantizing_a_quantized_model_is_refused() -> None:
    model = tiny_model()
    quantize_linears(model, "int8")
    with pytest.raises(ConfigError, match="quantized already"):
        quantize_linears(model, "nf4")


def test_quantization_keeps_the_number_of_parameters() -> None:
    model = tiny_model()
    before = model.num_parameters()
    quantize_linears(model, "int4")
    assert model.num_parameters() == before


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
def test_bitsandbytes_options_choose_the_scheme(options: dict[str, Any], meant: Quantization | None) -> None:
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
def test_impossible_bitsandbytes_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BitsAndBytesConfig(**options).quantization()
