"""Checkpoints: one table of published names ↔ ours, reading folders, writing folders.

A checkpoint folder holds `config.json` and `model.safetensors`, or shards with their index, or
`pytorch_model.bin` (also sharded), which is read with `weights_only=True` and nothing else.
"""

import json
import os
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import CheckpointError, ConfigError

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
BIN_FILE = "pytorch_model.bin"
BIN_INDEX_FILE = "pytorch_model.bin.index.json"

# Published name ↔ our name; `*` is a layer number. A name that no row matches is the same on both sides.
PUBLISHED_TO_OURS = (
    ("shared", "encoder.embedding"),
    ("encoder.embed_positions", "encoder.positions"),
    ("encoder.layernorm_embedding", "encoder.norm"),
    ("encoder.layers.*.self_attn_layer_norm", "encoder.layers.*.attention_norm"),
    ("encoder.layers.*.self_attn.self", "encoder.layers.*.attention"),
    ("encoder.layers.*.self_attn.output", "encoder.layers.*.attention.output"),
    ("encoder.layers.*.final_layer_norm", "encoder.layers.*.feed_forward_norm"),
    ("encoder.layers.*.fc1", "encoder.layers.*.feed_forward.up"),
    ("encoder.layers.*.fc2", "encoder.layers.*.feed_forward.down"),
    ("decoder.embed_positions", "decoder.positions"),
    ("decoder.layernorm_embedding", "decoder.norm"),
    ("decoder.layers.*.self_attn_layer_norm", "decoder.layers.*.self_attention_norm"),
    ("decoder.layers.*.self_attn.q_proj", "decoder.layers.*.self_attention.query"),
    ("decoder.layers.*.self_attn.k_proj", "decoder.layers.*.self_attention.key"),
    ("decoder.layers.*.self_attn.v_proj", "decoder.layers.*.self_attention.value"),
    ("decoder.layers.*.self_attn.out_proj", "decoder.layers.*.self_attention.output"),
    ("decoder.layers.*.encoder_attn_layer_norm", "decoder.layers.*.cross_attention_norm"),
    ("decoder.layers.*.encoder_attn.q_proj", "decoder.layers.*.cross_attention.query"),
    ("decoder.layers.*.encoder_attn.k_proj", "decoder.layers.*.cross_attention.key"),
    ("decoder.layers.*.encoder_attn.v_proj", "decoder.layers.*.cross_attention.value"),
    ("decoder.layers.*.encoder_attn.out_proj", "decoder.layers.*.cross_attention.output"),
    ("decoder.layers.*.final_layer_norm", "decoder.layers.*.feed_forward_norm"),
    ("decoder.layers.*.fc1", "decoder.layers.*.feed_forward.up"),
    ("decoder.layers.*.fc2", "decoder.layers.*.feed_forward.down"),
)

# Other names under which published files repeat the one token embedding.
TIED_COPIES = frozenset({"encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"})
BASE_PREFIX = "model."


def our_name(published: str) -> str:
    """Translate the published name of a tensor, `model.` prefix or not, into ours."""
    return _translate(published, PUBLISHED_TO_OURS)


def published_name(ours: str) -> str:
    """Translate our name of a tensor into the published one."""
    return _translate(ours, tuple((right, left) for left, right in PUBLISHED_TO_OURS))


def _translate(name: str, table: tuple[tuple[str, str], ...]) -> str:
    prefix = BASE_PREFIX if name.startswith(BASE_PREFIX) else ""
    bare = name.removeprefix(BASE_PREFIX)
    number = re.search(r"\.layers\.(\d+)\.", bare)
    starred = re.sub(r"\.layers\.\d+\.", ".layers.*.", bare)
    # The longest match wins: `attention.output` is a row of its own beside `attention`.
    for left, right in sorted(table, key=lambda row: -len(row[0])):
        if starred.startswith(left + "."):
            starred = right + starred.removeprefix(left)
            break
    return prefix + (starred.replace(".*.", f".{number[1]}.", 1) if number else starred)


class PretrainedModule(nn.Module):
    """A model with a configuration, which is read from and written to checkpoint folders."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__()
        self.config = config

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def initialize(self) -> None:
        """Draw fresh weights as published: normal with `init_std`, biases zero, padding's embedding zero."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding) and not module.weight.is_meta:
                nn.init.normal_(module.weight, std=self.config.init_std)
                if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                    nn.init.zeros_(module.weight[module.padding_idx])
                if isinstance(module, nn.Linear) and module.bias is not None:
                    nn.init.zeros_(module.bias)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        *,
        dtype: torch.dtype | str = torch.float32,
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> Self:
        """Read a checkpoint folder into a model in eval mode.

        Args:
            folder: with `config.json` and the weights.
            dtype: of the weights once loaded; "auto" keeps what the file has.
            device: where they go.
            options: for the model's constructor, such as `random_attention="transformers"`.

        Raises:
            CheckpointError: a file is missing or corrupt, or tensors are missing, unexpected or misshaped.
            ConfigError: the configuration is not one of ours.
        """
        config = BigBirdPegasusConfig.from_pretrained(folder)
        with torch.device("meta"):
            model = cls(config, **options)
        load_weights(model, folder, _dtype(dtype), torch.device(device))
        return model.eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `config.json` and `model.safetensors`, by the published names: transformers loads it too."""
        folder = Path(folder)
        architecture, dtype = type(self).__name__, str(self.dtype).removeprefix("torch.")
        replace(self.config, architectures=[architecture], dtype=dtype).save_pretrained(folder)
        tensors = {
            published_name(name): t.detach().cpu().contiguous() for name, t in own_tensors(self).items()
        }
        unfinished = folder / f".{WEIGHTS_FILE}.{os.getpid()}"
        save_file(tensors, unfinished, metadata={"format": "pt"})
        unfinished.replace(folder / WEIGHTS_FILE)


def own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer under its first name: what is shared is named once."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def load_weights(
    model: nn.Module, folder: str | Path, dtype: torch.dtype | None, device: torch.device
) -> None:
    """Fill a model made on the meta device, tensor by tensor: little more than the weights is in memory.

    A tensor that needs no conversion stays mapped to the file.

    Raises:
        CheckpointError: see `PretrainedModule.from_pretrained`.
    """
    wanted = own_tensors(model)
    found: dict[str, Tensor] = {}
    unexpected: list[str] = []
    misshaped: list[str] = []
    for published, tensor in _tensors(Path(folder)):
        name = _name_in(wanted, published)
        if name is None:
            unexpected.append(published)
        elif tuple(tensor.shape) != tuple(wanted[name].shape):
            misshaped.append(
                f"{published} is {_shape(tensor)}, the configuration says {_shape(wanted[name])}"
            )
        elif name not in found:
            found[name] = tensor.to(device, dtype if tensor.is_floating_point() else None)
    missing = [published_name(name) for name in wanted if name not in found]
    faults = {"missing": missing, "unexpected": unexpected, "of the wrong shape": misshaped}
    if any(faults.values()):
        told = "; ".join(f"{len(names)} {fault}: {_some(names)}" for fault, names in faults.items() if names)
        raise CheckpointError(f"the tensors in {folder} do not fit the model: {told}")
    model.load_state_dict(found, strict=False, assign=True)


def _name_in(wanted: Mapping[str, Tensor], published: str) -> str | None:
    """Find whose tensor a published name means, with or without the `model.` that heads put before it."""
    if published.removeprefix(BASE_PREFIX) in TIED_COPIES:
        published = "shared.weight"
    name = our_name(published)
    for candidate in (name, name.removeprefix(BASE_PREFIX), BASE_PREFIX + name):
        if candidate in wanted:
            return candidate
    return None


def _tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor of a checkpoint by its published name, from whichever files it has."""
    for file in (WEIGHTS_FILE, INDEX_FILE, BIN_FILE, BIN_INDEX_FILE):
        path = folder / file
        if path.is_file():
            shards = _shards(path) if path.suffix == ".json" else [path]
            for shard in shards:
                yield from _bin_tensors(shard) if shard.suffix == ".bin" else _safetensors(shard)
            return
    raise CheckpointError(f"{folder} has no weights: looked for {WEIGHTS_FILE}, {INDEX_FILE} and {BIN_FILE}")


def _shards(index: Path) -> list[Path]:
    try:
        files = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        paths = [index.parent / Path(file).name for file in files]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index} cannot be read: {error}") from error
    lost = [path.name for path in paths if not path.is_file()]
    if lost:
        raise CheckpointError(f"{index.parent} lacks {_some(lost)}, which {index.name} names")
    return paths


def _safetensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
        for name in names:
            # Opened for each tensor: the pages of one that was converted can leave memory before the next.
            with safe_open(path, framework="pt") as file:
                tensor = file.get_tensor(name)
            yield name, tensor
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is corrupt or cannot be read: {error}") from error


def _bin_tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        with warnings.catch_warnings():
            # Torch warns of pickles it may not understand; where it cannot read one it raises as well.
            warnings.simplefilter("ignore", UserWarning)
            try:
                tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            except RuntimeError:  # the format before torch 1.6 cannot be mapped
                tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} is corrupt or holds more than weights: {reason}") from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise CheckpointError(f"{path} does not hold a table of tensors")
    while tensors:  # let go of each tensor once it is converted
        name = next(iter(tensors))
        yield name, tensors.pop(name)


def _dtype(dtype: torch.dtype | str) -> torch.dtype | None:
    """Return the torch type a caller means; None for "auto"."""
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype == "auto":
        return None
    found = getattr(torch, dtype, None)
    if not isinstance(found, torch.dtype):
        raise ConfigError(
            f"dtype is {dtype!r}: it must be 'auto' or a torch type such as 'float32' or 'bfloat16'"
        )
    return found


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def _some(names: list[str]) -> str:
    """Name the first few, and say how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
