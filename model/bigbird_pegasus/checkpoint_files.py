"""Which files a checkpoint folder is made of; torch is not needed to tell."""

import json
from pathlib import Path

CONFIG = "config.json"
VOCABULARY = "spiece.model"
# Where weights are looked for, in this order; an index names the files it is made of.
SAFETENSORS, SAFETENSORS_INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
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
