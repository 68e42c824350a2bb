"""Weights into files: safetensors or, where asked for, pickles; in one file or in shards with their index."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from bigbird_pegasus.checkpoints.atomic import atomic_write
from bigbird_pegasus.checkpoints.files import (
    PICKLE,
    PICKLE_INDEX,
    SAFETENSORS,
    SAFETENSORS_INDEX,
    WEIGHTS,
    with_variant,
)
from bigbird_pegasus.errors import ConfigError


def save_weights(
    folder: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    *,
    max_shard_size: int | str = "50GB",
    safe: bool = True,
    variant: str | None = None,
) -> None:
    """Write tensors by their stored names; files of earlier weights of the variant are removed.

    Args:
        folder: exists.
        tensors: no two of one memory.
        metadata: of safetensors.
        max_shard_size: bytes of a file, or such as "5GB".
        safe: safetensors; False writes `pytorch_model.bin`.
        variant: comes into the names: `model.VARIANT.safetensors`.

    Raises:
        ConfigError: the size cannot be understood.
    """
    from huggingface_hub import split_torch_state_dict_into_shards  # here: it reads the Hub's address once

    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    name = with_variant(SAFETENSORS if safe else PICKLE, variant)
    stem, suffix = name.rsplit(".", 1)
    try:
        shards = split_torch_state_dict_into_shards(
            kept, filename_pattern=f"{stem}{{suffix}}.{suffix}", max_shard_size=max_shard_size
        )
    except ValueError as error:
        raise ConfigError(f"max_shard_size is {max_shard_size!r}: {error}") from error
    for file, names in shards.filename_to_tensors.items():
        part = {tensor: kept[tensor] for tensor in names}

        def write(path: Path, part: Mapping[str, Tensor] = part) -> None:
            if safe:
                save_file(dict(part), path, metadata=dict(metadata))
            else:
                torch.save(dict(part), path)

        atomic_write(folder / file, write)
    written = set(shards.filename_to_tensors)
    if shards.is_sharded:
        index = {"metadata": shards.metadata, "weight_map": shards.tensor_to_filename}
        text = json.dumps(index, indent=2, sort_keys=True) + "\n"
        index_name = with_variant(SAFETENSORS_INDEX if safe else PICKLE_INDEX, variant)
        atomic_write(folder / index_name, lambda path: path.write_text(text, encoding="utf-8"))
        written.add(index_name)
    _remove_others(folder, written, safe, variant)


def _remove_others(folder: Path, written: set[str], safe: bool, variant: str | None) -> None:
    """Remove earlier weights that would be read in place of those written now."""
    names = [with_variant(name, variant) for name in WEIGHTS if safe is False or "safetensors" in name]
    stems = {name.split(".index")[0].rsplit(".", 1)[0] for name in names}
    shards = [path.name for stem in stems for path in folder.glob(f"{stem}-*-of-*.*")]
    for name in [*names, *shards]:
        if name not in written:
            (folder / name).unlink(missing_ok=True)
