import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from bigbird_pegasus.quantization import int8
from bigbird_pegasus.quantization.int8 import (
    Int8Table,
    Int8Weight,
    _by_codes,
    finest_exact_code,
    int_mm_code,
)
from bigbird_pegasus.quantization.modules import QuantizedLinear
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from tests.model.quantization.int8_errors import largest_shares
from tests.model.quantization.weights import drawn, made, rounded_activations, sizes


def test_an_int8_row_does_not_depend_on_other_rows_of_its_batch() -> None:
    map_ = QuantizedLinear(made("int8", drawn(64, 128)))
    x = drawn(5, 128)
    assert torch.equal(map_(torch.cat([x, 1000 * x]))[:5], map_(x))


def test_int8_codes_come_back_from_the_kernel_that_packed_them() -> None:
    weight = made("int8", drawn(48, 96))
    before = {suffix: t.clone() for suffix, t in weight.stored().items()}
    weight.linear(drawn(2, 96), None)
    assert all(torch.equal(t, before[suffix]) for suffix, t in weight.stored().items())


@settings(max_examples=25, deadline=None)
@given(rows=st.sampled_from([1, 5, 33]), out=sizes, into=sizes, seed=st.integers(0, 99))
def test_an_unpacked_int8_table_maps_as_its_dequantized_weight(
    rows: int, out: int, into: int, seed: int
) -> None:
    table = Int8Table.load(Int8Weight.quantize(drawn(out, into, seed=seed)), (out, into))
    x, bias = drawn(rows, into, seed=seed + 1), drawn(out, seed=seed + 2)
    # The products of a single input are computed in float32 everywhere.
    read, step = rounded_activations(x, int_mm_code() if into > 1 else None)
    expected = read @ table.dequantize().t() + bias
    step *= float(table.dequantize().abs().max())
    torch.testing.assert_close(QuantizedLinear(table, bias)(x), expected, atol=1e-4 + step, rtol=1e-4)
    torch.testing.assert_close(QuantizedLinear(table)(x), expected - bias, atol=1e-4 + step, rtol=1e-4)


def test_an_unpacked_int8_table_works_without_an_int8_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bigbird_pegasus.quantization.int8.int_mm_code", lambda: None)
    table = Int8Table.load(Int8Weight.quantize(drawn(37, 16)), (37, 16))
    x, bias = drawn(3, 16), drawn(37)
    torch.testing.assert_close(table.linear(x, bias), x @ table.dequantize().t() + bias)
    torch.testing.assert_close(table.linear(x, None), x @ table.dequantize().t())


def test_an_int8_weight_packed_in_parts_is_the_same_map(monkeypatch: pytest.MonkeyPatch) -> None:
    x, bias = drawn(5, 16), drawn(37)
    whole = made("int8", drawn(37, 16)).linear(x, bias)
    monkeypatch.setattr("bigbird_pegasus.quantization.int8.WEIGHTS_PACKED_AT_ONCE", 160)
    weight = made("int8", drawn(37, 16))
    before = weight.stored()[""].clone()
    torch.testing.assert_close(weight.linear(x, bias), whole)
    assert torch.equal(weight.stored()[""], before)


def test_int8_rounding_in_pieces_gives_the_same_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Int8Weight.quantize(drawn(37, 16))
    monkeypatch.setattr("bigbird_pegasus.quantization.int8.WEIGHTS_AT_ONCE", 100)
    pieces = Int8Weight.quantize(drawn(37, 16))
    assert all(torch.equal(pieces[suffix], whole[suffix]) for suffix in whole)


# Which codes of activations a kernel takes without saturating

AVX2_ONLY = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "FBGEMM_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}


def test_int8_errors_are_those_of_rounding_activations_on_this_processor() -> None:
    assert max(largest_shares().values()) < 1


@pytest.mark.skipif(not torch.cpu.get_capabilities().get("avx2"), reason="needs an x86 processor with AVX2")
def test_int8_errors_are_those_of_rounding_activations_with_avx2_alone() -> None:
    command = [sys.executable, "-m", "tests.model.quantization.int8_errors"]
    child = subprocess.run(command, env=os.environ | AVX2_ONLY, check=True, capture_output=True, text=True)
    found = json.loads(child.stdout)
    assert (found["fbgemm"], found["int_mm"]) == (63, None)
    assert max(found["shares"].values()) < 1


def saturating_kernel(offset: int | None) -> Callable[[Tensor, Tensor, int], Tensor]:
    """A kernel that adds pairs of products in 16 bits; activations get an offset, `code + 1` if None."""

    def multiply(activations: Tensor, weights: Tensor, code: int) -> Tensor:
        added = code + 1 if offset is None else offset
        products = (activations.int() + added)[:, None] * weights.int()  # (M, N, K)
        pairs = (products[..., ::2] + products[..., 1::2]).clamp(-(2**15), 2**15 - 1)
        return pairs.sum(dim=-1) - added * weights.int().sum(dim=-1)

    return multiply


@pytest.mark.parametrize(("offset", "code"), [(None, 63), (128, None), (0, 127)])
def test_the_finest_codes_that_do_not_saturate_are_found(offset: int | None, code: int | None) -> None:
    """Offsets as FBGEMM adds them (its code + 1) and as oneDNN does (128); 0 stands for signed products."""
    assert finest_exact_code(saturating_kernel(offset)) == code


def test_other_quantization_engines_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "FBGEMM_ENGINES", ())
    assert int8.fbgemm_code.__wrapped__() is None
    assert int8.int_mm_code.__wrapped__() is None


def test_coarser_activations_cost_twice_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    if int8.fbgemm_code() != 127:
        pytest.skip("the kernel of this processor is exact with codes up to 63 at most")
    weight, x = drawn(64, 128), drawn(5, 128)
    exact = x @ made("int8", weight).dequantize().t()
    fine = made("int8", weight).linear(x, None)
    monkeypatch.setattr(int8, "fbgemm_code", lambda: 63)
    coarse = made("int8", weight).linear(x, None)
    assert float((coarse - exact).norm() / (fine - exact).norm()) == pytest.approx(127 / 63, rel=0.2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_codes_multiplied_as_on_a_gpu_are_the_map_of_the_dequantized_weight(dtype: torch.dtype) -> None:
    stored = Int8Weight.quantize(torch.randn(130, 64))
    x, bias = torch.randn(7, 64).to(dtype), torch.randn(130)
    found = _by_codes(x, stored[""].squeeze(0), stored["_scale"], bias)
    wanted = F.linear(x.double(), Int8Weight.load(stored, (130, 64)).dequantize().double(), bias.double())
    # bfloat16: each of the 64 products of a sum is rounded to 8 bits before it is scaled.
    rtol, atol = (1.3e-6, 1e-5) if dtype == torch.float32 else (1.6e-2, 5e-2)
    torch.testing.assert_close(found, wanted.float(), rtol=rtol, atol=atol)
