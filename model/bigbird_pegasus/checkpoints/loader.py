"""Stored tensors into a model: each is classified and placed, then all are verified and assigned."""

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from bigbird_pegasus.checkpoints.files import stored_quantization
from bigbird_pegasus.checkpoints.names import (
    BASE_PREFIX,
    FINAL_BIAS,
    HEAD_TABLE,
    HEADS,
    SHARED_TABLE,
    TOKEN_TABLES,
    our_name,
    published_name,
)
from bigbird_pegasus.checkpoints.tensors import abbreviate, stored_names
from bigbird_pegasus.errors import CheckpointError
from bigbird_pegasus.kernels.allocator import large_tensors_on_own_pages, trim_heap
from bigbird_pegasus.quantization.quantize import Quantization, WeightQuantizer, without_suffix


class NewHeadWarning(UserWarning):
    """A checkpoint has no head for the class that reads it: the one it gets knows nothing yet."""


# What weights may be stored as. Types of 8 bits need the scales of whoever made them.
WEIGHT_TYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def check_layers(folder: Path, encoder_layers: int, decoder_layers: int) -> None:
    """Check that a checkpoint has the layers of its configuration, before a model of so many is built.

    Sizes beside that cost nothing until the tensors are there, and are compared with theirs.

    Raises:
        CheckpointError: it has fewer, or its weights cannot be read.
    """
    most = max(encoder_layers, decoder_layers)
    if most <= FEW_LAYERS:
        return
    found = re.findall(r"coder\.layers\.(\d{1,9})\.", "\n".join(stored_names(folder)))
    stored = max(map(int, found), default=-1) + 1
    if most > min(stored, len(found)):
        raise CheckpointError(f"{folder} has weights of {stored} layers, the configuration says {most}")


FEW_LAYERS = 64  # are built in no time, whether the weights have them or not


@dataclass(frozen=True)
class LoadingInfo:
    """The stored names of what was newly initialized: missing in the checkpoint, or of another shape
    there."""

    missing: set[str]
    mismatched: set[str]


def own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return every stored parameter and buffer under its first name: what is shared is named once."""
    passing = {
        f"{prefix}.{name}".lstrip(".")
        for prefix, module in model.named_modules()
        for name in module._non_persistent_buffers_set
    }
    buffers = {name: buffer for name, buffer in model.named_buffers() if name not in passing}
    return {**dict(model.named_parameters()), **buffers}


def load_weights(
    model: nn.Module,
    folder: str | Path,
    dtype: torch.dtype | None,
    device: torch.device,
    quantization: Quantization | None = None,
    *,
    tensors: Iterable[tuple[str, Tensor]],
    head: tuple[str, ...],
    not_read: tuple[str, ...],
    init_std: float,
    ignore_mismatched_sizes: bool = False,
) -> LoadingInfo:
    """Fill a model made on the meta device, tensor by tensor: little more than the weights is in memory.

    A tensor that needs no conversion stays mapped to the file. `head` and `not_read` are those of
    `BigBirdPegasusPreTrainedModel`; what a head lacks is drawn with `init_std`, and with
    `ignore_mismatched_sizes` also what has another shape in the checkpoint.

    Raises:
        CheckpointError: see `BigBirdPegasusPreTrainedModel.from_pretrained`.
    """
    folder = Path(folder)
    stored = stored_quantization(folder) is not None
    config = getattr(model, "config", None)
    tables = TOKEN_TABLES if getattr(config, "tie_word_embeddings", True) else ()
    arrivals = _Arrivals(
        own_tensors(model), WeightQuantizer(model, quantization, stored=stored), stored, tables
    )
    # One after the other, and none is kept that is not needed: a checkpoint may fill half of the memory.
    for published, tensor in tensors:
        name, suffix = _classify(published, arrivals)
        if name is not None:
            _place(published, name, suffix, tensor, arrivals, dtype, device)
        elif not published.removeprefix(BASE_PREFIX).startswith((*HEADS, *not_read)):
            arrivals.unexpected.append(published)
        del tensor  # and with it, perhaps, what is mapped
    arrivals.quantizer.share_table()
    new = _verify(arrivals, folder, head, ignore_mismatched_sizes)
    # Only now is the model touched: one that does not fit its checkpoint is left as it was.
    found = arrivals.found
    body_dtype = dtype or next((t.dtype for t in found.values() if t.is_floating_point()), torch.float32)
    found |= _new_head(model, new, found, body_dtype, device, folder, init_std)
    _assign(model, arrivals)
    missing = {published_name(name) for name in new if name not in arrivals.misshaped}
    return LoadingInfo(missing, {published_name(name) for name in arrivals.misshaped})


@dataclass
class _Arrivals:
    """The tensors of a checkpoint on their way into a model, by our names, and what is wrong with them."""

    wanted: Mapping[str, Tensor]
    quantizer: WeightQuantizer
    stored: bool  # whether the checkpoint is quantized: then weights come in parts, codes and scales
    tables: tuple[str, ...]  # the names that mean one table
    found: dict[str, Tensor] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    misshaped: dict[str, str] = field(default_factory=dict)


def _classify(published: str, arrivals: _Arrivals) -> tuple[str | None, str]:
    """Return which tensor of the model a published name means, if any, and which part of a quantized one."""
    bare, suffix = without_suffix(published) if arrivals.stored else (published, "")
    name = _name_in(arrivals.wanted, bare, arrivals.tables)
    is_part_of_none = bool(suffix) and name not in arrivals.quantizer.shapes
    return (None if is_part_of_none else name), suffix


def _place(
    published: str,
    name: str,
    suffix: str,
    tensor: Tensor,
    arrivals: _Arrivals,
    dtype: torch.dtype | None,
    device: torch.device,
) -> None:
    """Convert one tensor and keep it; the first of several names for one tensor wins."""
    wanted, quantizer = arrivals.wanted[name], arrivals.quantizer
    if arrivals.stored and name in quantizer.shapes:
        quantizer.add(name, suffix, tensor.to(device))  # parts have shapes of their own, see `faults`
    elif tuple(tensor.shape) != tuple(wanted.shape):
        message = f"{published} is {_shape(tensor)}, the configuration says {_shape(wanted)}"
        arrivals.misshaped[name] = message
    elif name in quantizer.shapes:
        if name not in quantizer.arrived:
            quantizer.add(name, "", tensor.to(device))
    elif wanted.is_floating_point() and tensor.dtype not in WEIGHT_TYPES:
        arrivals.misshaped[name] = f"{published} is stored as {str(tensor.dtype).removeprefix('torch.')}"
    elif name not in arrivals.found:
        with large_tensors_on_own_pages():
            # Of the right type and place already, it stays mapped to the file: no copy is made.
            arrivals.found[name] = tensor.to(device, dtype if tensor.is_floating_point() else None)


def _verify(
    arrivals: _Arrivals, folder: Path, head: tuple[str, ...], ignore_mismatched_sizes: bool
) -> list[str]:
    """Return which tensors are to be made new: of the head, and of another shape if that is ignored.

    Raises:
        CheckpointError: tensors are missing, unexpected or misshaped: all of them are named, not the first.
    """
    misshaped = arrivals.misshaped | arrivals.quantizer.faults()
    arrived = {*arrivals.found, *misshaped, *arrivals.quantizer.arrived}
    absent = [name for name in arrivals.wanted if name not in arrived]
    new = [
        name
        for name in absent
        if (head and published_name(name).startswith(head)) or _table_for(name, arrivals.found) is not None
    ]
    if ignore_mismatched_sizes:
        new += [name for name in arrivals.misshaped if name not in arrivals.found]
        misshaped = arrivals.quantizer.faults()
    faults = {
        "missing": [published_name(name) for name in absent if name not in new],
        "unexpected": arrivals.unexpected,
        "of the wrong shape or type": list(misshaped.values()),
    }
    found = [f"{len(names)} {fault}: {abbreviate(names)}" for fault, names in faults.items() if names]
    if found:
        raise CheckpointError(f"the tensors in {folder} do not fit the model: {'; '.join(found)}")
    return new


def _assign(model: nn.Module, arrivals: _Arrivals) -> None:
    """Put the tensors into the model: assigned, not copied, so that what is mapped stays so."""
    model.load_state_dict(arrivals.found, strict=False, assign=True)
    # Whole modules are swapped after that: until then the names of their weights are those of the model.
    for name in arrivals.quantizer.arrived:
        arrivals.quantizer.swap(name)
    tie_weights = getattr(model, "tie_weights", None)
    if tie_weights is not None:
        tie_weights()
    trim_heap()  # what was read and converted leaves holes that the allocator would keep


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
        table = _table_for(name, found)
        if table is not None:  # the output head of a checkpoint that holds it once is its embedding
            tensor.copy_(found[table])
        elif name != FINAL_BIAS:  # which is zero where nothing was learnt, as published
            drawn.append(name)
            owner = model.get_submodule(name.rpartition(".")[0])
            if isinstance(owner, nn.LayerNorm):
                tensor.fill_(name.endswith("weight"))
            elif not name.endswith("bias"):
                tensor.normal_(std=init_std)
    if drawn:
        kind = type(model).__name__
        missing = ", ".join(map(published_name, drawn))
        message = f"{folder} has no {missing}: newly initialized, train {kind} before use"
        warnings.warn(message, NewHeadWarning, stacklevel=4)
    return made


def _table_for(name: str, found: Mapping[str, Tensor]) -> str | None:
    """Return which table of a checkpoint stands for one that it lacks, or None of another tensor.

    An output head is any table; encoder and decoder that have their own begin with the one that both shared.
    """
    bare = name.removeprefix(BASE_PREFIX)
    if bare not in TOKEN_TABLES:
        return None
    return _name_in(found, SHARED_TABLE, TOKEN_TABLES if bare == HEAD_TABLE else ())


def _name_in(wanted: Mapping[str, Tensor], published: str, tables: tuple[str, ...]) -> str | None:
    """Find whose tensor a published name means, with or without the `model.` that heads put before it.

    `tables` are the names of which each means any of them.
    """
    bare = published.removeprefix(BASE_PREFIX)
    for name in (bare, *(tables if bare in tables else ())):
        for candidate in (our_name(name), BASE_PREFIX + our_name(name)):
            if candidate in wanted:
                return candidate
    return None


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"
