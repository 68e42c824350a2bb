"""The files a checkpoint folder is made of, one name each; torch is not needed to tell."""

import json
import struct
from pathlib import Path
from typing import Any

from bigbird_pegasus.errors import CheckpointError

CONFIG_FILE = "config.json"
VOCABULARY_FILE = "spiece.model"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
GENERATION_CONFIG_FILE = "generation_config.json"
MODEL_CARD_FILE = "README.md"
LICENSE_FILE = "LICENSE"
# Everything that is read or kept beside the weights, in the order in which it is fetched: the configuration
# first, because it decides whether the rest is wanted, the vocabulary last, so that what has it has them all.
SMALL_FILES = (
    CONFIG_FILE,
    TOKENIZER_CONFIG_FILE,
    SPECIAL_TOKENS_FILE,
    GENERATION_CONFIG_FILE,
    MODEL_CARD_FILE,
    LICENSE_FILE,
    VOCABULARY_FILE,
)
SAFETENSORS, SAFETENSORS_INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
# Where weights are looked for, in this order; an index names the files it is made of.
WEIGHTS = (SAFETENSORS, SAFETENSORS_INDEX, PICKLE, PICKLE_INDEX)
SHARDS = ("model-*.safetensors", "pytorch_model-*.bin")  # how those files are usually called

QUANTIZATION = "quantization"  # the key in the metadata of safetensors
MAX_HEADER_BYTES = 100_000_000  # the format allows no more


def is_complete(folder: Path, *, weights: bool = True) -> bool:
    """Return whether a folder has what every model needs, or what its tokenizer and configuration need."""
    needed = [folder / CONFIG_FILE, folder / VOCABULARY_FILE]
    if weights:
        files = weight_files(folder)
        needed += files or [folder / SAFETENSORS]
    return all(path.is_file() for path in needed)


def weight_files(folder: Path) -> list[Path]:
    """Return the files that the weights of a folder are read from, of which some may be missing.

    The list is empty where there are no weights, or only an index that cannot be read.
    """
    for name in WEIGHTS:
        path = folder / name
        if path.is_file():
            if path.suffix != ".json":
                return [path]
            try:
                return shards_of(path)
            except CheckpointError:
                return []
    return []


def shards_of(index: Path) -> list[Path]:
    """Return the files beside an index of weights that it names.

    Raises:
        CheckpointError: the index cannot be read.
    """
    try:
        names = {Path(name).name for name in read_json_object(index)["weight_map"].values()}
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index} cannot be read: it is not an index of weights") from error
    if not names:
        raise CheckpointError(f"{index} cannot be read: it names no files")
    return [index.parent / name for name in sorted(names)]


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a file that must hold one JSON object.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} cannot be read: it holds no JSON object")
    return content


def stored_quantization(folder: Path) -> str | None:
    """Return how the weights are quantized by their metadata; None where they are not, or it is silent."""
    for path in weight_files(folder)[:1]:
        if path.suffix == ".safetensors":
            scheme = _safetensors_metadata(path).get(QUANTIZATION)
            return str(scheme) if scheme else None
    return None


def _safetensors_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file; of a damaged one none: reading its tensors reports it."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, MAX_HEADER_BYTES)))
        metadata = header.get("__metadata__", {})
        return metadata if isinstance(metadata, dict) else {}
    except (OSError, ValueError, struct.error, AttributeError):
        return {}
