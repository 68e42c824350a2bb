"""The files a checkpoint folder is made of, one name each; torch is not needed to tell."""

import json
import re
import struct
from pathlib import Path
from typing import Any

from bigbird_pegasus.errors import CheckpointError

DEFAULT_MODEL = Path(__file__).parents[1] / "pretrained"  # the folder of the model that comes with bbp

CONFIG_FILE = "config.json"
VOCABULARY_FILE = "spiece.model"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"
GENERATION_CONFIG_FILE = "generation_config.json"
MODEL_CARD_FILE = "README.md"
LICENSE_FILE = "LICENSE"
GENERAL_SCORER_FILE = "general_scorer.safetensors"  # of a model that chooses sentences; may be missing
# Everything that is read or kept beside the weights, in the order in which it is fetched: the configuration
# first, because it decides whether the rest is wanted, the vocabulary last, so that what has it has them all.
SMALL_FILES = (
    CONFIG_FILE,
    TOKENIZER_CONFIG_FILE,
    SPECIAL_TOKENS_FILE,
    ADDED_TOKENS_FILE,
    GENERATION_CONFIG_FILE,
    MODEL_CARD_FILE,
    LICENSE_FILE,
    GENERAL_SCORER_FILE,
    VOCABULARY_FILE,
)
SAFETENSORS, SAFETENSORS_INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
# Where weights are looked for, in this order; an index names the files it is made of.
WEIGHTS = (SAFETENSORS, SAFETENSORS_INDEX, PICKLE, PICKLE_INDEX)
SHARDS = ("model-*.safetensors", "pytorch_model-*.bin")  # how those files are usually called

QUANTIZATION = "quantization"  # the key in the metadata of safetensors
# Published files of JSON have kilobytes, an index of weights less than one megabyte.
MAX_JSON_BYTES = 10_000_000
MAX_JSON_DEPTH = 50
MAX_VOCABULARY_BYTES = 20_000_000  # ten times that of the published checkpoints
MAX_WEIGHTS_BYTES = 100_000_000_000  # forty times theirs
MAX_SHARDS = 1000
_SHARD_NAME = re.compile(r"(?!\.)[\w.-]{1,200}\.(?:safetensors|bin)", re.ASCII)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def with_variant(name: str, variant: str | None) -> str:
    """Return the name of a file of weights of a variant: before the last part of it, as published."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{variant}.{suffix}" if variant else name


def is_complete(folder: Path, *, weights: bool = True) -> bool:
    """Return whether a folder has what every model needs, or what its tokenizer and configuration need."""
    needed = [folder / CONFIG_FILE, folder / VOCABULARY_FILE]
    if weights:
        files = weight_files(folder)
        needed += files or [folder / SAFETENSORS]
    return all(path.is_file() for path in needed)


def max_bytes_of(name: str) -> int:
    """Return the most bytes that a file of this name may have."""
    if name.endswith((".safetensors", ".bin")):
        return MAX_WEIGHTS_BYTES
    return MAX_VOCABULARY_BYTES if name == VOCABULARY_FILE else MAX_JSON_BYTES


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
        CheckpointError: the index cannot be read, or names what is no file of weights beside it.
    """
    weight_map = read_json_object(index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise CheckpointError(f"{index} cannot be read: it is not an index of weights")
    names = list(dict.fromkeys(map(str, weight_map.values())))
    if not names:
        raise CheckpointError(f"{index} cannot be read: it names no files")
    if len(names) > MAX_SHARDS:
        raise CheckpointError(f"{index} names {len(names)} files: weights are in {MAX_SHARDS} at most")
    for name in names:
        if not _SHARD_NAME.fullmatch(name):
            raise CheckpointError(f"{index} names {name!r}, which is no file of weights beside it")
    return [index.parent / name for name in sorted(names)]


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a file that must hold one JSON object.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it cannot be read, is too long or too deep, or holds something else.
    """
    data = read_file(path, MAX_JSON_BYTES)
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read: {lfs_hint(data) or error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} cannot be read: it holds no JSON object")
    if _is_deeper(content, MAX_JSON_DEPTH):
        raise CheckpointError(f"{path} cannot be read: it nests more than {MAX_JSON_DEPTH} levels")
    return content


def read_file(path: Path, most_bytes: int) -> bytes:
    """Return the content of a file of a checkpoint; what is no file, such as a device, is not opened.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it cannot be read, or is longer than `most_bytes`.
    """
    try:
        if path.exists() and not path.is_file():
            raise CheckpointError(f"{path} cannot be read: it is not a file")
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except (FileNotFoundError, CheckpointError):
        raise
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > most_bytes:
        raise CheckpointError(f"{path} cannot be read: it has more than {most_bytes / 1e6:g} MB")
    return data


def lfs_hint(beginning: bytes) -> str | None:
    """Say that a file is a Git LFS pointer, by its first bytes; None where it is none."""
    if not beginning.startswith(_LFS_POINTER):
        return None
    return "it is a Git LFS pointer, not the file itself: run `git lfs pull` in its repository"


def _is_deeper(value: object, most: int) -> bool:
    """Return whether lists and objects are nested in more than `most` levels."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return most == 0 or any(_is_deeper(one, most - 1) for one in inner)


def stored_quantization(folder: Path) -> str | None:
    """Return how the weights are quantized by their metadata; None where they are not, or it is silent."""
    for path in weight_files(folder)[:1]:
        if path.suffix == ".safetensors":
            scheme = _safetensors_metadata(path).get(QUANTIZATION)
            return str(scheme) if scheme else None
    return None


def header_bytes(path: Path) -> int:
    """Return the length of the header that a safetensors file claims to have; 0 of one without."""
    with path.open("rb") as file:
        beginning = file.read(8)
    return int.from_bytes(beginning, "little") if len(beginning) == 8 else 0


def _safetensors_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file; of a damaged one none: reading its tensors reports it."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= MAX_JSON_BYTES else {}
        metadata = header.get("__metadata__", {})
        return metadata if isinstance(metadata, dict) else {}
    except (OSError, ValueError, RecursionError, struct.error, AttributeError):
        return {}
