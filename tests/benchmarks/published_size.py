"""A checkpoint of the published size and shape with random weights, made once.

    python -m tests.benchmarks.published_size [--folder runs/benchmark-model] [--tiny]

transformers and bigbird_pegasus both load it, so both sides of a comparison compute with the same weights.
"""

import argparse
import json
import math
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from bigbird_pegasus import DEFAULT_MODEL, BigBirdPegasusConfig, BigBirdPegasusForConditionalGeneration
from bigbird_pegasus.checkpoints.loader import own_tensors
from bigbird_pegasus.checkpoints.names import published_name
from torch import Tensor

from tests.model.tiny import SIZES

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS_FILE = "model.safetensors"
FOLDER = ROOT / "runs" / "benchmark-model"
# Of the published checkpoints, not copied into the project; only the benchmarks that read text need it.
VOCABULARY = ROOT.parent / "shared" / "reference" / "pegasus.model"
CLASS = "BigBirdPegasusForConditionalGeneration"
SEED = 0


def checkpoint(folder: Path = FOLDER, tiny: bool = False) -> Path:
    """Return the folder of the checkpoint, made where it is missing; a tiny one is in `folder`-tiny."""
    if tiny:
        folder = folder.with_name(folder.name + "-tiny")
    if not (folder / WEIGHTS_FILE).is_file():
        _build(folder, config_of(tiny))
    return folder


def config_of(tiny: bool) -> BigBirdPegasusConfig:
    """The defaults of the configuration are the published shape: 577 million parameters."""
    sizes = SIZES | {"vocab_size": 8192} if tiny else {}  # as many as the default model's tokenizer knows
    return BigBirdPegasusConfig(**sizes).replace(architectures=[CLASS], dtype="float32")


def _build(folder: Path, config: BigBirdPegasusConfig) -> None:
    config.save_pretrained(folder)
    ids = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
    habits = {"num_beams": 5, "length_penalty": 0.8, "max_length": 256}
    habits |= {name: getattr(config, name) for name in ids}  # transformers looks for them here
    (folder / "generation_config.json").write_text(json.dumps(habits) + "\n", encoding="utf-8")
    vocabulary = VOCABULARY if config.vocab_size > 8192 else DEFAULT_MODEL / "spiece.model"
    if vocabulary.is_file():
        shutil.copyfile(vocabulary, folder / "spiece.model")
        its = {"model_max_length": config.max_position_embeddings, "offset": 0}
        (folder / "tokenizer_config.json").write_text(json.dumps(its) + "\n", encoding="utf-8")
    with torch.device("meta"):
        shapes = {
            published_name(name): tensor
            for name, tensor in own_tensors(BigBirdPegasusForConditionalGeneration(config)).items()
        }
    unfinished = folder / f".{WEIGHTS_FILE}"
    with unfinished.open("wb") as file:
        _write(file, shapes, config.init_std)
    unfinished.replace(folder / WEIGHTS_FILE)


def _write(file: BinaryIO, shapes: Mapping[str, Tensor], std: float) -> None:
    """Write float32 safetensors, one tensor in memory at a time."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, like in shapes.items():
        start, end = end, end + 4 * like.numel()
        header[name] = {"dtype": "F32", "shape": list(like.shape), "data_offsets": [start, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)  # the format wants tensors to begin at a multiple of 8
    file.write(struct.pack("<Q", len(encoded)) + encoded)
    generator = torch.Generator().manual_seed(SEED)
    for name, like in shapes.items():
        file.write(_values(name, like.shape, std, generator).numpy().tobytes())


def _values(name: str, shape: torch.Size, std: float, generator: torch.Generator) -> Tensor:
    """As a new model is drawn: normal, but norms one and biases zero."""
    if name.endswith("bias"):
        return torch.zeros(shape)
    if "layer_norm" in name or "layernorm" in name:
        return torch.ones(shape)
    return torch.randn(shape, generator=generator).mul_(std)


def tensor_sizes(folder: Path) -> list[int]:
    """How many numbers each tensor of the weights file has."""
    with (folder / WEIGHTS_FILE).open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return [math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__"]


def options_of(text: str | None) -> argparse.ArgumentParser:
    """A parser whose help is a module's text as it stands."""
    return argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    folder = checkpoint(asked.folder, asked.tiny)
    print(f"{folder.name}: {sum(tensor_sizes(folder)) / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
