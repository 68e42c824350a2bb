import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bigbird_pegasus import (
    BigBirdPegasusConfig,
    BigBirdPegasusForCausalLM,
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusForSentenceExtraction,
    BigBirdPegasusModel,
    load_model,
)
from bigbird_pegasus.checkpoints.loader import own_tensors
from bigbird_pegasus.checkpoints.names import our_name, published_name
from bigbird_pegasus.errors import CheckpointError, ConfigError
from safetensors.torch import load_file, save_file

from tests.model.tiny import tiny_config, tiny_ids, tiny_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_model().save_pretrained(tmp_path)
    return tmp_path


def logits(model: torch.nn.Module) -> torch.Tensor:
    result: torch.Tensor = model(input_ids=tiny_ids(2, 50), decoder_input_ids=tiny_ids(2, 4)).logits
    return result


def test_tensors_are_stored_by_their_names_and_those_of_the_sentence_head_by_older_ones() -> None:
    for model in (tiny_model(), BigBirdPegasusForCausalLM(tiny_config())):
        assert [published_name(name) for name in own_tensors(model)] == list(own_tensors(model))
    ours = list(own_tensors(BigBirdPegasusForSentenceExtraction(tiny_config())))
    stored = [published_name(name) for name in ours]
    assert [our_name(name) for name in stored] == ours
    changed = {
        new.split(".0.")[1] for new, old in zip(stored, ours, strict=True) if new != old and ".0." in new
    }
    assert len(set(stored)) == len(ours)
    assert changed == {
        *("attention_norm.weight", "attention_norm.bias", "attention.query.weight", "attention.key.weight"),
        *("attention.value.weight", "attention.output.weight", "feed_forward_norm.weight"),
        *("feed_forward_norm.bias", "feed_forward.up.weight", "feed_forward.up.bias"),
        *("feed_forward.down.weight", "feed_forward.down.bias"),
    }


def test_saved_file_holds_published_names(folder: Path) -> None:
    names = set(load_file(folder / "model.safetensors"))
    assert "model.shared.weight" in names
    assert "model.encoder.layers.1.self_attn.self.query.weight" in names
    assert "model.encoder.layers.0.self_attn.output.weight" in names
    assert "model.decoder.layers.1.encoder_attn.out_proj.weight" in names
    assert "final_logits_bias" in names
    assert json.loads((folder / "config.json").read_text())["architectures"] == [
        "BigBirdPegasusForConditionalGeneration"
    ]


def test_saved_model_loads_with_equal_logits(folder: Path) -> None:
    loaded = load_model(folder)
    assert isinstance(loaded, BigBirdPegasusForConditionalGeneration)
    assert not loaded.training
    assert torch.equal(logits(loaded), logits(tiny_model()))


def test_loading_does_not_import_the_compiler(folder: Path) -> None:
    """It takes longer to import than a small model to load, and drawing weights on the meta device would."""
    code = (
        "import sys; from bigbird_pegasus import load_model; load_model(sys.argv[1]); "
        "print('torch._dynamo' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "False\n"


def test_generation_options_are_saved_and_loaded_with_a_checkpoint(tmp_path: Path) -> None:
    model = tiny_model()
    assert model.generation_config is not None
    model.generation_config = model.generation_config.replace(num_beams=3, length_penalty=0.8)
    model.save_pretrained(tmp_path)
    loaded = BigBirdPegasusForConditionalGeneration.from_pretrained(tmp_path)
    assert loaded.generation_config is not None
    assert (loaded.generation_config.num_beams, loaded.generation_config.length_penalty) == (3, 0.8)


def test_sharded_safetensors_load(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, members in shards.items():
        save_file({name: tensors[name] for name in members}, folder / file, metadata={"format": "pt"})
    weight_map = {name: file for file, members in shards.items() for name in members}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert torch.equal(logits(load_model(folder)), logits(tiny_model()))

    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"lacks model-00002-of-00002\.safetensors"):
        load_model(folder)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("sharded", [True, False])
def test_bin_files_load(folder: Path, zipped: bool, sharded: bool) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    # Old published files repeat the embedding under its other names.
    tensors["model.encoder.embed_tokens.weight"] = tensors["model.shared.weight"]
    tensors["lm_head.weight"] = tensors["model.shared.weight"]
    name = "pytorch_model-00001-of-00001.bin" if sharded else "pytorch_model.bin"
    torch.save(tensors, folder / name, _use_new_zipfile_serialization=zipped)
    if sharded:
        index = {"weight_map": dict.fromkeys(tensors, name)}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    assert torch.equal(logits(load_model(folder)), logits(tiny_model()))


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code in a checkpoint ran')",)


def test_code_in_a_bin_file_never_runs(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"model.shared.weight": Harmful()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="corrupt or holds more than weights"):
        load_model(folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(CheckpointError, match="corrupt or holds more than weights"):
        load_model(folder)


def test_bin_file_without_a_table_of_tensors_is_an_error(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save([1, 2], folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="does not hold a table of tensors"):
        load_model(folder)


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin", "model.safetensors.index.json"])
def test_corrupt_file_is_an_error_that_names_it(folder: Path, file: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / file).write_bytes(b"\x10\x00 this is no checkpoint")
    with pytest.raises(CheckpointError, match=file):
        load_model(folder)


def test_truncated_weights_are_an_error(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match="corrupt or cannot be read"):
        load_model(folder)


def test_folder_without_weights_is_an_error(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="has no weights"):
        load_model(folder)


def test_missing_unexpected_and_misshaped_tensors_are_named_in_one_error(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.decoder.layers.0.fc1.bias"]
    tensors["model.pooler.weight"] = torch.zeros(2)
    tensors["final_logits_bias"] = torch.zeros(1, 7)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError) as caught:
        load_model(folder)
    told = str(caught.value)
    assert "1 missing: model.decoder.layers.0.fc1.bias" in told
    assert "1 unexpected: model.pooler.weight" in told
    assert "final_logits_bias is 1 x 7, the configuration says 1 x 101" in told


def test_bare_model_loads_from_a_checkpoint_with_and_without_prefix(folder: Path, tmp_path: Path) -> None:
    bare = tiny_model().model
    bare.save_pretrained(tmp_path / "bare")
    names = set(load_file(tmp_path / "bare" / "model.safetensors"))
    assert "shared.weight" in names
    loaded = load_model(tmp_path / "bare")
    assert isinstance(loaded, BigBirdPegasusModel)
    ids = tiny_ids(1, 40)
    assert torch.equal(loaded(ids).last_hidden_state, bare(ids).last_hidden_state)


@pytest.mark.parametrize("dtype", [torch.bfloat16, "bfloat16"])
def test_from_pretrained_loads_the_requested_dtype(folder: Path, dtype: torch.dtype | str) -> None:
    model = load_model(folder, dtype=dtype)
    assert {t.dtype for t in own_tensors(model).values()} == {torch.bfloat16}
    model.save_pretrained(folder / "half")
    assert load_model(folder / "half", dtype="auto").dtype == torch.bfloat16
    assert load_model(folder / "half").dtype == torch.float32
    assert BigBirdPegasusConfig.from_pretrained(folder / "half").dtype == torch.bfloat16


def test_unknown_dtype_is_an_error(folder: Path) -> None:
    with pytest.raises(ConfigError, match="dtype is 'float33'"):
        load_model(folder, dtype="float33")


@pytest.mark.parametrize("names", [[], ["T5ForConditionalGeneration"]])
def test_unknown_architecture_is_an_error(folder: Path, names: list[str]) -> None:
    values = json.loads((folder / "config.json").read_text()) | {"architectures": names}
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match="known are"):
        load_model(folder)


def test_saving_replaces_an_existing_checkpoint_atomically(folder: Path) -> None:
    tiny_model(seed=1).save_pretrained(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
    ]
    assert torch.equal(logits(load_model(folder)), logits(tiny_model(seed=1)))


MEASURE = """
import pathlib, re, sys, torch
from bigbird_pegasus import load_model
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) * 1024
load_model(sys.argv[1])  # a tiny model first: imports and caches are not what is measured
before = peak()
model = load_model(sys.argv[2], dtype=sys.argv[3])
assert sum(float(p.float().sum()) for p in model.parameters()) != 0  # touch every page
print((peak() - before) / sum(p.numel() * p.element_size() for p in model.parameters()))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_loading_needs_little_more_memory_than_the_weights(folder: Path, tmp_path: Path, file: str) -> None:
    big = tmp_path / "big"
    sizes = {"d_model": 512, "encoder_ffn_dim": 2048, "decoder_ffn_dim": 2048, "vocab_size": 20000}
    tiny_model(encoder_layers=6, decoder_layers=6, **sizes).save_pretrained(big)  # about 220 MB
    if file == "pytorch_model.bin":
        torch.save(load_file(big / "model.safetensors"), big / file)
        (big / "model.safetensors").unlink()
    command = [sys.executable, "-c", MEASURE, str(folder), str(big), "float32"]
    ratio = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert 0.5 < ratio < 1.2
