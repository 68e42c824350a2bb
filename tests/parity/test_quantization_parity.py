"""nf4 is that of bitsandbytes 0.50, bit for bit; transformers refuses our files, it does not misread them."""

from pathlib import Path

import pytest
import torch
import transformers
from bigbird_pegasus import load_model
from bigbird_pegasus.quantization.bitsandbytes import quant_state
from bigbird_pegasus.quantization.nf4 import BLOCK, LEVELS, Nf4Weight, dynamic_levels

from tests.model.tiny import tiny_model
from tests.parity.reference import reference_model  # noqa: F401 - quiets transformers

functional = pytest.importorskip("bitsandbytes.functional")

SHAPES = [(1, 64), (3, 64), (64, 128), (7, 96), (16, 200), (5, 7), (256, 1024)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_codes_scales_and_weights_are_those_of_bitsandbytes(
    shape: tuple[int, int], dtype: torch.dtype
) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    codes, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    stored = Nf4Weight.quantize(weight)
    assert torch.equal(stored[""], codes.flatten())
    assert torch.equal(stored["_absmax"], state.absmax)
    ours = Nf4Weight.load(stored, shape).dequantize().to(dtype)
    if shape[1] % 64 == 0:  # otherwise its kernel for AVX512 begins a block in every row, unlike its codes
        assert torch.equal(ours, functional.dequantize_4bit(codes, state))


@pytest.mark.parametrize("shape", SHAPES)
def test_rounded_scales_are_those_of_bitsandbytes(shape: tuple[int, int]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    codes, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=True)
    stored = Nf4Weight.quantize(weight, double=True)
    assert torch.equal(stored[""], codes.flatten())
    assert torch.equal(stored["_nested_offset"], state.offset.reshape(1))
    assert torch.equal(stored["_nested_absmax"], state.state2.absmax)
    assert torch.equal(stored["_absmax"], state.absmax)
    ours = Nf4Weight.load(stored, shape).dequantize()
    if shape[1] % 64 == 0:
        torch.testing.assert_close(ours, functional.dequantize_4bit(codes, state), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("shape", [(3, 64), (64, 128), (256, 1024)])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_bitsandbytes_dequantizes_our_codes_to_the_same_weight(
    shape: tuple[int, int], double: bool, bias: bool
) -> None:
    """By its kernels for the processor: there is no CUDA device here."""
    generator = torch.Generator().manual_seed(2)
    weight = Nf4Weight.load(Nf4Weight.quantize(torch.randn(shape, generator=generator), double), shape)
    state = quant_state(weight._largest, torch.tensor(LEVELS), BLOCK, shape, torch.float32)
    codes = weight.stored()[""]
    assert torch.equal(functional.dequantize_4bit(codes.view(-1, 1), state), weight.dequantize())
    x = torch.randn(5, shape[1], generator=generator)
    added = torch.randn(shape[0], generator=generator) if bias else None
    torch.testing.assert_close(weight._by_bitsandbytes(x, added), weight.linear(x, added))


def test_the_dynamic_levels_are_those_of_bitsandbytes() -> None:
    assert torch.equal(dynamic_levels(), functional.create_dynamic_map())


@pytest.mark.parametrize("scheme", ["int8", "int4", "nf4"])
def test_transformers_refuses_a_quantized_folder(tmp_path: Path, scheme: str) -> None:
    tiny_model().save_pretrained(tmp_path)
    load_model(tmp_path, quantization_config=scheme).save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match="mismatch"):
        transformers.BigBirdPegasusForConditionalGeneration.from_pretrained(tmp_path)
