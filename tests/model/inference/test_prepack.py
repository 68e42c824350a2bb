import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusForCausalLM
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.inference.prepack import prepack
from bigbird_pegasus.kernels.few_rows import (
    FewRowsLinear,
    has_few_rows,
    multiplies_weights_by_few_rows,
)
from bigbird_pegasus.kernels.packed_linear import PackedLinear
from bigbird_pegasus.quantization.int8 import Int8Weight, round_rows
from bigbird_pegasus.quantization.modules import QuantizedLinear
from bigbird_pegasus.quantization.quantize import quantize_linears
from bigbird_pegasus.quantization.scheme import Scheme
from torch import nn
from torch.nn import functional as F

from tests.model.tiny import bfloat16_kernels, tiny_config, tiny_ids, tiny_model

dtypes = pytest.mark.parametrize(
    "dtype", [torch.float32, pytest.param(torch.bfloat16, marks=bfloat16_kernels)], ids=str
)


@bfloat16_kernels
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu", "silu"])
@torch.no_grad()
def test_packing_a_bfloat16_model_changes_logits_by_rounding_alone(activation: str) -> None:
    model = tiny_model(activation_function=activation, init_std=0.1).bfloat16()
    packed = copy.deepcopy(model)
    prepack(packed)
    assert not [name for name, module in packed.named_modules() if isinstance(module, nn.Linear)]
    ids = tiny_ids(2, 50)
    before, after = model(ids, decoder_input_ids=ids[:, :9]), packed(ids, decoder_input_ids=ids[:, :9])
    # The plain activation rounds its argument to bfloat16 first, the fused one does not.
    error = (after.logits - before.logits).float().norm() / before.logits.float().norm()
    assert error < 0.02
    truth = tiny_model(activation_function=activation, init_std=0.1)(ids, decoder_input_ids=ids[:, :9]).logits
    errors = [(found.logits.float() - truth).norm() / truth.norm() for found in (before, after)]
    assert errors[1] < 1.2 * errors[0]


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu", "silu"])
@torch.no_grad()
def test_packing_a_float32_model_changes_only_the_order_of_sums(activation: str) -> None:
    model = tiny_model(activation_function=activation)
    packed = copy.deepcopy(model)
    prepack(packed)
    ids = tiny_ids(2, 50)
    before, after = model(ids, decoder_input_ids=ids[:, :9]), packed(ids, decoder_input_ids=ids[:, :9])
    torch.testing.assert_close(after.logits, before.logits)


@dtypes
@torch.no_grad()
def test_a_packed_model_writes_the_same_tokens_as_the_plain_one(dtype: torch.dtype) -> None:
    model = tiny_model(init_std=0.1).to(dtype)
    packed = copy.deepcopy(model)
    prepack(packed)
    ids = tiny_ids(2, 60)
    first = [
        m.next_token_logits(ids[:, :1], m.new_cache(m.encode(ids, None).last_hidden_state, None))
        for m in (model, packed)
    ]
    assert torch.equal(*(logits.argmax(dim=-1) for logits in first))
    written = packed.generate(ids, num_beams=3, max_new_tokens=8)
    assert isinstance(written, torch.Tensor)
    assert written.shape[0] == 2


def test_linear_maps_of_types_without_a_packed_kernel_stay_plain() -> None:
    model = tiny_model().double()
    prepack(model)
    assert not [module for module in model.modules() if isinstance(module, PackedLinear)]


@pytest.mark.parametrize("scheme", ["int4", "nf4"])
def test_prepacking_leaves_4_bit_models_unchanged(scheme: Scheme) -> None:
    model = tiny_model().bfloat16()
    quantize_linears(model, scheme)
    before = list(model.named_modules())
    prepack(model)
    assert list(model.named_modules()) == before


@torch.no_grad()
def test_the_activation_of_an_int8_map_is_computed_before_its_results_are_rounded() -> None:
    plain: Any = tiny_model(activation_function="gelu_new", init_std=0.1).model.encoder.layers[0]
    model: Any = nn.Sequential(copy.deepcopy(plain))
    model[0].fc1 = QuantizedLinear(Int8Weight(*round_rows(plain.fc1.weight)), plain.fc1.bias)
    before = model[0].feed_forward(torch.linspace(-9, 9, 70 * 32).view(1, 70, 32))
    prepack(model)
    assert isinstance(model[0].activation, nn.Identity)
    torch.testing.assert_close(model[0].feed_forward(torch.linspace(-9, 9, 70 * 32).view(1, 70, 32)), before)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("scheme", [None, "int8"])
@torch.no_grad()
def test_prepacking_fuses_query_key_and_value_projections(scheme: Scheme | None, use_bias: bool) -> None:
    model = tiny_model(use_bias=use_bias)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.normal_()
    if scheme is not None:
        quantize_linears(model, scheme)
    packed = copy.deepcopy(model)
    prepack(packed)
    layer: Any = packed.model.decoder.layers[0]
    assert layer.self_attn.joined is not None
    assert not hasattr(layer.self_attn, "q_proj")
    assert layer.encoder_attn.joined is None  # its queries are of another text
    ids = tiny_ids(2, 50)
    plain, joined = (m(ids, decoder_input_ids=ids[:, :9]).logits for m in (model, packed))
    if scheme is None:
        torch.testing.assert_close(joined, plain)
    else:
        # One rounds activations to 7 or 8 bits, the other to 16; a wrong order would be off altogether.
        assert (joined - plain).norm() < 0.1 * plain.norm()


@torch.no_grad()
def test_int8_weights_are_packed_before_they_are_used_and_give_the_same() -> None:
    lazy = tiny_model(activation_function="relu").bfloat16()
    quantize_linears(lazy, "int8")
    packed = copy.deepcopy(lazy)
    prepack(packed)
    weights = [module.weight for module in packed.modules() if isinstance(module, QuantizedLinear)]
    assert weights
    assert all(isinstance(weight, Int8Weight) and weight.is_packed for weight in weights)
    ids = tiny_ids(2, 50)
    assert torch.equal(*(m.encode(ids, None).last_hidden_state for m in (lazy, packed)))
    plain, few = (m(ids, decoder_input_ids=ids[:, :9]).logits for m in (lazy, packed))
    # The kernel of few rows rounds activations to 16 bits, the other one to 7 or 8.
    assert (few - plain).norm() < 0.1 * plain.norm()


@dtypes
@torch.no_grad()
def test_the_output_head_of_a_causal_model_is_packed_too(dtype: torch.dtype) -> None:
    model = BigBirdPegasusForCausalLM(tiny_config()).to(dtype)
    states = torch.randn(3, model.config.d_model, dtype=dtype)
    expected = F.linear(states, model.lm_head.weight)
    prepack(model)
    assert isinstance(model.lm_head, PackedLinear | FewRowsLinear)
    torch.testing.assert_close(model.lm_head(states), expected)


@pytest.mark.parametrize("scheme", [None, "int8"])
@torch.no_grad()
def test_packing_twice_changes_nothing_and_a_packed_model_is_not_saved(
    scheme: Scheme | None, tmp_path: Path
) -> None:
    model = tiny_model(activation_function="gelu")
    if scheme is not None:
        quantize_linears(model, scheme)
    prepack(model)
    ids = tiny_ids(2, 50)
    before = model(ids, decoder_input_ids=ids[:, :9]).logits
    prepack(model)
    assert torch.equal(model(ids, decoder_input_ids=ids[:, :9]).logits, before)
    with pytest.raises(ConfigError, match="packed model cannot be saved"):
        model.save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scheme", [None, "int8"])
@torch.no_grad()
def test_maps_of_a_search_are_packed_for_few_rows_where_there_is_a_kernel_for_these(
    scheme: Scheme | None,
) -> None:
    model = tiny_model()
    if scheme is not None:
        quantize_linears(model, scheme)
    prepack(model)
    found = {name for name, module in model.named_modules() if isinstance(module, FewRowsLinear)}
    names = ("self_attn.joined", "self_attn.out_proj", "encoder_attn.q_proj", "encoder_attn.out_proj")
    expected = {f"model.decoder.layers.{n}.{name}" for n in range(2) for name in (*names, "fc1", "fc2")}
    has_kernel = has_few_rows() if scheme == "int8" else multiplies_weights_by_few_rows()
    assert found == ({*expected, "lm_head"} if has_kernel else set())


@pytest.mark.parametrize("scheme", [None, "int8"])
def test_a_packed_model_asks_for_no_gradients_and_runs_without_being_told(scheme: Scheme | None) -> None:
    model = tiny_model().requires_grad_(True)
    if scheme is not None:
        quantize_linears(model, scheme)
    prepack(model)
    ids = tiny_ids(2, 50)
    assert not model(ids, decoder_input_ids=ids[:, :9]).logits.requires_grad


@pytest.mark.parametrize("activation", ["gelu_new", "relu"])
@torch.no_grad()
def test_a_decoder_in_int8_has_the_activation_that_its_configuration_names(activation: str) -> None:
    model = tiny_model(activation_function=activation, init_std=0.2)
    quantize_linears(model, "int8")
    packed = copy.deepcopy(model)
    prepack(packed)
    states = torch.randn(1, 5, model.config.d_model)
    layers: list[Any] = [m.model.decoder.layers[1] for m in (model, packed)]
    plain, few = (layer.feed_forward(states) for layer in layers)
    assert (few - plain).norm() < 0.1 * plain.norm()  # activations of 7 or 8 bits, and of 16


@pytest.mark.parametrize(("scheme", "in_8_bits"), [(None, False), ("int8", True), ("int4", False)])
def test_keys_and_values_of_the_source_may_be_rounded_where_all_weights_of_the_decoder_are(
    scheme: Scheme | None, in_8_bits: bool
) -> None:
    model = tiny_model()
    if scheme is not None:
        quantize_linears(model, scheme)
    prepack(model)
    assert model.model.decoder.source_in_8_bits == in_8_bits
