"""Which files a checkpoint folder is made of; torch is not needed to tell."""

import json
import struct
from pathlib import Path

CONFIG = "config.json"
VOCABULARY = "spiece.model"
# Where weights are looked for, in this order; an index names the files it is made of.
SAFETENSORS, SAFETENSORS_INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
QUANTIZATION = "quantization"  # the key in the metadata of safetensors
LONGEST_HEADER = 100_000_000  # bytes; the format allows no more
WEIGHTS = (SAFETENSORS, SAFETENSORS_INDEX, PICKLE, PICKLE_INDEX)


def is_complete(folder: Path) -> bool:
    """Whether a folder has what every model needs."""
    weights = weight_files(folder)
    needed = [folder / CONFIG, folder / VOCABULARY, *weights]
    return bool(weights) and all(path.is_file() for path in needed)


def weight_files(folder: Path) -> list[Path]:
    """The files that the weights of a folder are read from; some may be missing. None without weights."""
    for name in WEIGHTS:
        path = folder / name
        if path.is_file():
            return [folder / shard for shard in shards_of(path)] if path.suffix == ".json" else [path]
    return []


def shards_of(index: Path) -> list[str]:
    """The names of the files that an index of weights names; none where it cannot be read."""
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return sorted(Path(name).name for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def stored_quantization(folder: Path) -> str | None:
    """How the weights are quantized, by their metadata; None where they are not, or it says nothing."""
    for path in weight_files(folder)[:1]:
        if path.suffix == ".safetensors":
            told = _safetensors_metadata(path).get(QUANTIZATION)
            return str(told) if told else None
    return None


def _safetensors_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file; none where it cannot be read: reading its tensors will tell."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, LONGEST_HEADER)))
        metadata = header.get("__metadata__", {})
        return metadata if isinstance(metadata, dict) else {}
    except (OSError, ValueError, struct.error, AttributeError):
        return {}
