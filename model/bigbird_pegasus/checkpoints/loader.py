"""Stored tensors into a model, one by one: classified, placed, checked, assigned."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bigbird_pegasus.checkpoints.files import stored_quantization
from bigbird_pegasus.checkpoints.names import (
    BASE_PREFIX,
    FINAL_BIAS,
    HEADS,
    TOKEN_TABLES,
    our_name,
    published_name,
)
from bigbird_pegasus.checkpoints.tensors import read_tensors, some
from bigbird_pegasus.errors import CheckpointError
from bigbird_pegasus.kernels.allocator import large_tensors_on_own_pages, trim_heap
from bigbird_pegasus.quantization.quantize import Quantization, WeightQuantizer, without_suffix


class NewHeadWarning(UserWarning):
    """A checkpoint has no head for the class that reads it: the one it gets knows nothing yet."""


def own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer under its first name: what is shared is named once."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def load_weights(
    model: nn.Module,
    folder: str | Path,
    dtype: torch.dtype | None,
    device: torch.device,
    quantization: Quantization | None = None,
    *,
    head: tuple[str, ...],
    not_read: tuple[str, ...],
    init_std: float,
) -> None:
    """Fill a model made on the meta device, tensor by tensor: little more than the weights is in memory.

    A tensor that needs no conversion stays mapped to the file. `head` and `not_read` are those of
    `PretrainedModule`; what a head lacks is drawn with `init_std`.

    Raises:
        CheckpointError: see `PretrainedModule.from_pretrained`.
    """
    folder = Path(folder)
    wanted = own_tensors(model)
    passed_over = (*HEADS, *not_read)
    found: dict[str, Tensor] = {}
    unexpected: list[str] = []
    misshaped: dict[str, str] = {}
    stored = stored_quantization(folder) is not None
    incoming = WeightQuantizer(model, quantization, stored=stored)
    for published, tensor in read_tensors(folder):
        bare, suffix = without_suffix(published) if stored else (published, "")
        name = _name_in(wanted, bare)
        if name is None or (suffix and name not in incoming.shapes):
            if not published.removeprefix(BASE_PREFIX).startswith(passed_over):
                unexpected.append(published)
        elif stored and name in incoming.shapes:
            incoming.add(name, suffix, tensor.to(device))
        elif tuple(tensor.shape) != tuple(wanted[name].shape):
            misshaped[name] = (
                f"{published} is {_shape(tensor)}, the configuration says {_shape(wanted[name])}"
            )
        elif name in incoming.shapes:
            if name not in incoming.arrived:
                incoming.add(name, "", tensor.to(device))
        elif name not in found:
            with large_tensors_on_own_pages():
                found[name] = tensor.to(device, dtype if tensor.is_floating_point() else None)
        del tensor  # and with it, perhaps, what is mapped
    incoming.share_table()
    misshaped |= incoming.faults()
    arrived = {*found, *misshaped, *incoming.arrived}
    absent = [name for name in wanted if name not in arrived]
    new = [name for name in absent if published_name(name).startswith(head)] if head else []
    missing = [published_name(name) for name in absent if name not in new]
    faults = {"missing": missing, "unexpected": unexpected, "of the wrong shape": list(misshaped.values())}
    if any(faults.values()):
        told = "; ".join(f"{len(names)} {fault}: {some(names)}" for fault, names in faults.items() if names)
        raise CheckpointError(f"the tensors in {folder} do not fit the model: {told}")
    body_dtype = dtype or next((t.dtype for t in found.values() if t.is_floating_point()), torch.float32)
    found |= _new_head(model, new, found, body_dtype, device, folder, init_std)
    model.load_state_dict(found, strict=False, assign=True)
    for name in incoming.arrived:
        incoming.swap(name)
    trim_heap()


def _new_head(
    model: nn.Module,
    names: list[str],
    found: Mapping[str, Tensor],
    dtype: torch.dtype,
    device: torch.device,
    folder: str | Path,
    init_std: float,
) -> dict[str, Tensor]:
    """Make the tensors of a head that a checkpoint lacks, and warn where they are drawn at random."""
    wanted = own_tensors(model)
    made = {name: torch.zeros(wanted[name].shape, dtype=dtype, device=device) for name in names}
    drawn = []
    for name, tensor in made.items():
        table = _name_in(found, name) if name in TOKEN_TABLES else None
        if table is not None:  # the output head of a checkpoint that holds it once is its embedding
            tensor.copy_(found[table])
        elif name != FINAL_BIAS:  # which is zero where nothing was learnt, as published
            drawn.append(name)
            if not name.endswith("bias"):
                tensor.normal_(std=init_std)
    if drawn:
        kind = type(model).__name__
        message = (
            f"{folder} has no {', '.join(map(published_name, drawn))}: made anew, train {kind} before use"
        )
        warnings.warn(message, NewHeadWarning, stacklevel=4)
    return made


def _name_in(wanted: Mapping[str, Tensor], published: str) -> str | None:
    """Find whose tensor a published name means, with or without the `model.` that heads put before it."""
    bare = published.removeprefix(BASE_PREFIX)
    for name in (bare, *(TOKEN_TABLES if bare in TOKEN_TABLES else ())):
        for candidate in (our_name(name), BASE_PREFIX + our_name(name)):
            if candidate in wanted:
                return candidate
    return None


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"
