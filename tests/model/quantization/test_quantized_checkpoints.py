"""Quantized models in files: what is rounded while loading, and what comes back from a folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusForCausalLM, BigBirdPegasusForConditionalGeneration, load_model
from bigbird_pegasus.checkpoints.files import stored_quantization
from bigbird_pegasus.errors import CheckpointError, ConfigError
from bigbird_pegasus.quantization.quantize import CODECS, BitsAndBytesConfig, Quantization, quantize_linears
from bigbird_pegasus.quantization.scheme import Scheme
from safetensors.torch import load_file, save_file

from tests.model.tiny import tiny_ids, tiny_model

SCHEMES: list[Scheme] = list(CODECS)
WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_model().save_pretrained(tmp_path / "floats")
    return tmp_path / "floats"


def logits(model: Any) -> torch.Tensor:
    result: torch.Tensor = model(input_ids=tiny_ids(2, 50), decoder_input_ids=tiny_ids(2, 4)).logits
    return result


def rewritten(folder: Path, change: Any, metadata: dict[str, str]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS, metadata=metadata)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_quantized_on_load_is_the_same_after_saving_and_loading(
    folder: Path, scheme: Scheme, dtype: torch.dtype, tmp_path: Path
) -> None:
    direct = load_model(folder, dtype=dtype, quantization_config=scheme)
    assert (direct.quantization, direct.dtype) == (scheme, dtype)
    direct.save_pretrained(tmp_path / "again")
    assert stored_quantization(tmp_path / "again") == scheme
    asked: list[dict[str, Any]] = [{}, {"quantization_config": scheme}]
    for options in asked:
        again = load_model(tmp_path / "again", dtype=dtype, **options)
        assert again.quantization == scheme
        assert torch.equal(logits(again), logits(direct))
    assert load_model(tmp_path / "again", dtype="auto").dtype == dtype


@pytest.mark.parametrize("scheme", SCHEMES)
def test_quantizing_in_memory_is_the_same_as_while_loading(folder: Path, scheme: Scheme) -> None:
    model = tiny_model()
    quantize_linears(model, scheme)
    assert torch.equal(logits(model), logits(load_model(folder, quantization_config=scheme)))


def test_double_quantized_scales_survive_saving(folder: Path, tmp_path: Path) -> None:
    direct = load_model(folder, quantization_config=Quantization("nf4", double=True))
    direct.save_pretrained(tmp_path / "again")
    assert torch.equal(logits(load_model(tmp_path / "again")), logits(direct))


def test_pickled_and_repeated_tables_are_rounded_too(folder: Path, tmp_path: Path) -> None:
    expected = logits(load_model(folder, quantization_config="int8"))
    tensors = load_file(folder / WEIGHTS)
    tensors["lm_head.weight"] = tensors["model.shared.weight"].clone()
    (folder / WEIGHTS).unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    assert torch.equal(logits(load_model(folder, quantization_config="int8")), expected)


def test_a_causal_model_loads_a_quantized_table_as_embedding_and_output_head(
    folder: Path, tmp_path: Path
) -> None:
    ids = tiny_ids(2, 9)
    direct = BigBirdPegasusForCausalLM.from_pretrained(folder, quantization_config="int8")
    load_model(folder, quantization_config="int8").save_pretrained(tmp_path / "writer")
    stored = BigBirdPegasusForCausalLM.from_pretrained(tmp_path / "writer")
    assert torch.equal(direct(ids).logits, stored(ids).logits)
    direct.save_pretrained(tmp_path / "causal")
    assert torch.equal(load_model(tmp_path / "causal")(ids).logits, direct(ids).logits)


def test_a_quantized_model_generates(folder: Path) -> None:
    model = load_model(folder, quantization_config="int4", dtype="bfloat16")
    assert isinstance(model, BigBirdPegasusForConditionalGeneration)
    ids = model.generate(tiny_ids(2, 30), num_beams=2, max_new_tokens=5)
    assert isinstance(ids, torch.Tensor)
    assert ids.shape[0] == 2


def test_only_large_weights_are_quantized_and_named_as_published(folder: Path, tmp_path: Path) -> None:
    load_model(folder, quantization_config="int8").save_pretrained(tmp_path / "again")
    tensors = load_file(tmp_path / "again" / WEIGHTS)
    codes = {name for name, t in tensors.items() if t.dtype == torch.int8}
    assert "model.shared.weight" in codes
    assert "model.decoder.layers.1.encoder_attn.q_proj.weight" in codes
    assert all(f"{name}_scale" in tensors for name in codes)
    assert not {name for name in codes if "norm" in name or "positions" in name}
    config = json.loads((tmp_path / "again" / "config.json").read_text())
    assert config["quantization_config"] == {"quant_method": "bbp-int8"}


def test_floats_are_saved_without_a_scheme(folder: Path) -> None:
    assert stored_quantization(folder) is None
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())


# What cannot be


def test_another_scheme_than_the_stored_one_is_an_error(folder: Path, tmp_path: Path) -> None:
    load_model(folder, quantization_config="int8").save_pretrained(tmp_path / "again")
    with pytest.raises(ConfigError, match="quantized as int8 already, it cannot be loaded as nf4"):
        load_model(tmp_path / "again", quantization_config="nf4")


@pytest.mark.parametrize("asked", ["int3", Quantization("fp4")])  # type: ignore[arg-type]
def test_an_unknown_scheme_is_an_error(folder: Path, asked: Any) -> None:
    with pytest.raises(ConfigError, match="it must be one of int8, int4, nf4"):
        load_model(folder, quantization_config=asked)


def test_bitsandbytes_options_without_a_width_do_not_quantize(folder: Path) -> None:
    model = load_model(folder, quantization_config=BitsAndBytesConfig())
    assert model.quantization is None
    assert torch.equal(logits(model), logits(tiny_model()))


def test_an_unknown_stored_scheme_is_an_error(folder: Path) -> None:
    rewritten(folder, lambda tensors: None, {"format": "pt", "quantization": "fp8"})
    with pytest.raises(CheckpointError, match="quantized as 'fp8'; known are int8, int4, nf4"):
        load_model(folder)


def test_a_scheme_that_the_tensors_do_not_have_is_an_error(folder: Path) -> None:
    rewritten(folder, lambda tensors: None, {"format": "pt", "quantization": "int8"})
    with pytest.raises(
        CheckpointError, match=r"of the wrong shape or type: .* and should weight 1x32x48 int8"
    ):
        load_model(folder)


def test_codes_without_their_scheme_are_an_error(folder: Path) -> None:
    load_model(folder, quantization_config="int8").save_pretrained(folder)
    rewritten(folder, lambda tensors: None, {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"unexpected: .*weight_scale"):
        load_model(folder)


SCALE = "model.encoder.layers.0.self_attn.self.query.weight_scale"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop(SCALE), r"query.weight holds weight 1x32x32 int8, and should .* weight_scale 32"),
        (lambda t: t.update({SCALE: torch.ones(5)}), "weight_scale 5 float32"),
        (lambda t: t.update({SCALE: t[SCALE].double()}), "weight_scale 32 float64"),
        (lambda t: t.update({"model.encoder.layernorm_embedding.weight_scale": torch.ones(1)}), "unexpected"),
        (lambda t: t.pop(SCALE.removesuffix("_scale")), "query.weight holds weight_scale"),
        (lambda t: (t.pop(SCALE), t.pop(SCALE.removesuffix("_scale"))), "missing: .*query.weight"),
    ],
)
def test_parts_that_are_missing_or_wrong_are_named(folder: Path, change: Any, message: str) -> None:
    load_model(folder, quantization_config="int8").save_pretrained(folder)
    rewritten(folder, change, {"format": "pt", "quantization": "int8"})
    with pytest.raises(CheckpointError, match=message):
        load_model(folder)


@pytest.mark.parametrize("content", [b"", b"\x10\0\0\0\0\0\0\0[]", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0{}"])
def test_unreadable_metadata_mean_no_quantization(tmp_path: Path, content: bytes) -> None:
    (tmp_path / WEIGHTS).write_bytes(content)
    assert stored_quantization(tmp_path) is None


@pytest.mark.parametrize("told", ['{"__metadata__": []}', '{"__metadata__": {"quantization": ""}}'])
def test_metadata_of_another_kind_mean_no_quantization(tmp_path: Path, told: str) -> None:
    (tmp_path / WEIGHTS).write_bytes(len(told).to_bytes(8, "little") + told.encode())
    assert stored_quantization(tmp_path) is None


def test_a_folder_without_weights_has_no_quantization(tmp_path: Path) -> None:
    assert stored_quantization(tmp_path) is None
