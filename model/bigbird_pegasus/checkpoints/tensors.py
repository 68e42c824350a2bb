"""The tensors of a checkpoint folder, read from whichever files it has, one after the other.

They are mapped, and no mapping outlives the tensors that were taken from it by much: pages that were read for
a conversion leave memory again.
"""

import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from bigbird_pegasus.checkpoints.files import (
    MAX_JSON_BYTES,
    WEIGHTS,
    header_bytes,
    lfs_hint,
    shards_of,
    with_variant,
)
from bigbird_pegasus.errors import CheckpointError

# A file is mapped as a whole, and mapped again after this many bytes of it were read.
BYTES_OF_A_MAPPING = 1 << 25
# Smaller tensors are copied: one that stayed mapped would keep all pages that were read beside it.
COPIED = 1 << 19


def read_tensors(
    folder: Path, variant: str | None = None, use_safetensors: bool | None = None
) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor of a checkpoint by its published name.

    Args:
        folder: of the checkpoint.
        variant: which of several weights, see `files.with_variant`.
        use_safetensors: True reads no pickles, False nothing else; None what there is, safetensors first.

    Raises:
        CheckpointError: there are no weights, or a file is missing, corrupt or holds more than weights.
    """
    for file in _files(folder, variant, use_safetensors):
        yield from _bin_tensors(file) if file.suffix == ".bin" else _safetensors(file)


def _files(folder: Path, variant: str | None = None, use_safetensors: bool | None = None) -> list[Path]:
    kinds = [name for name in WEIGHTS if use_safetensors in (None, "safetensors" in name)]
    names = [with_variant(name, variant) for name in kinds]
    for file in names:
        path = folder / file
        if path.is_file():
            return [_readable(one) for one in (_shards(path) if path.suffix == ".json" else [path])]
    raise CheckpointError(f"{folder} has no weights: looked for {', '.join(names)}")


def _readable(path: Path) -> Path:
    """Check that a file is what its name says as far as its first bytes tell, and return it."""
    try:
        with path.open("rb") as file:
            hint = lfs_hint(file.read(100))
        if hint:
            raise CheckpointError(f"{path} cannot be read: {hint}")
        if path.suffix == ".safetensors" and header_bytes(path) > MAX_JSON_BYTES:
            raise CheckpointError(f"{path} is corrupt: its header claims {header_bytes(path):,} bytes")
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    return path


def _shards(index: Path) -> list[Path]:
    paths = shards_of(index)
    lost = [path.name for path in paths if not path.is_file()]
    if lost:
        raise CheckpointError(f"{index.parent} lacks {abbreviate(lost)}, which {index.name} names")
    return paths


def _safetensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            slices = [(name, file.get_slice(name)) for name in file.keys()]  # noqa: SIM118  # it is no mapping
            found = [(part.get_dtype(), -math.prod(part.get_shape()), name) for name, part in slices]
            del slices
        # The largest first: it and its copy are in memory together, and then hardly anything else is. Types
        # apart: floats stay mapped, and would keep the pages of codes that were read beside them.
        found.sort()
        while found:
            # Opened now and then, not for each: that reads the names and places of all tensors.
            with safe_open(path, framework="pt") as file:
                read, kind = 0, found[0][0]
                while found and found[0][0] == kind and read < BYTES_OF_A_MAPPING:
                    name = found.pop(0)[2]
                    tensor = file.get_tensor(name)
                    read += tensor.nbytes
                    yield name, tensor if tensor.nbytes > COPIED else tensor.clone()
                    del tensor
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is corrupt or cannot be read: {error}") from error


def _bin_tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    tensors = _load_bin(path)
    read = 0
    for name in list(tensors):
        if read > BYTES_OF_A_MAPPING:
            tensors, read = _load_bin(path), 0
        tensor = tensors.pop(name)
        read += tensor.nbytes
        yield name, tensor


def _load_bin(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            # Torch warns of pickles it may not understand; where it cannot read one it raises as well.
            warnings.simplefilter("ignore", UserWarning)
            try:
                tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            except RuntimeError:  # the format before torch 1.6 cannot be mapped
                tensors = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle makes its reader raise errors of any kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} is corrupt or holds more than weights: {reason}") from error
    if not isinstance(tensors, dict) or not all(_is_whole(*entry) for entry in tensors.items()):
        raise CheckpointError(f"{path} does not hold a table of tensors")
    return tensors


def _is_whole(name: object, value: object) -> bool:
    """Return whether an entry of a pickle is a named tensor that holds each of its numbers."""
    return (
        isinstance(name, str)
        and isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.nbytes <= value.untyped_storage().nbytes()
    )


def stored_names(folder: Path) -> Iterator[str]:
    """Yield the published name of every tensor of a checkpoint; its content is not read.

    Raises:
        CheckpointError: see `read_tensors`.
    """
    for path in _files(folder):
        if path.suffix == ".bin":
            yield from _load_bin(path)
            continue
        try:
            with safe_open(path, framework="pt") as file:
                yield from file.keys()
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is corrupt or cannot be read: {error}") from error


def abbreviate(names: list[str]) -> str:
    """Name the first few, and say how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
