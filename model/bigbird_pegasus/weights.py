"""Checkpoints: one table of published names ↔ ours, reading folders, writing folders.

A checkpoint folder holds `config.json` and `model.safetensors`, or shards with their index, or
`pytorch_model.bin` (also sharded), which is read with `weights_only=True` and nothing else.

Every tensor of a model's body must be in the checkpoint. A head that is not is made anew, with a warning;
the heads of other classes are passed over in silence.
"""

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bigbird_pegasus.attention import RandomAttention
from bigbird_pegasus.checkpoint_files import QUANTIZATION, SAFETENSORS, stored_quantization
from bigbird_pegasus.config import CONFIG_FILE, BigBirdPegasusConfig
from bigbird_pegasus.errors import CheckpointError, ConfigError
from bigbird_pegasus.generation_config import GenerationConfig
from bigbird_pegasus.hub import checkpoint_folder
from bigbird_pegasus.pages import give_back, own_pages
from bigbird_pegasus.quantization import (
    Asked,
    Incoming,
    Quantization,
    quantization_of,
    quantized_parameters,
    quantized_tensors,
    without_suffix,
)
from bigbird_pegasus.tensor_files import read_tensors, some

# Published name ↔ our name; `*` is a layer number. A name that no row matches is the same on both sides.
PUBLISHED_TO_OURS = (
    ("shared", "encoder.embedding"),
    ("encoder.embed_positions", "encoder.positions"),
    ("encoder.layernorm_embedding", "encoder.norm"),
    ("decoder.embed_tokens", "decoder.embedding"),
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

# The longest match wins: `attention.output` is a row of its own beside `attention`.
_TO_OURS = tuple(sorted(PUBLISHED_TO_OURS, key=lambda row: -len(row[0])))
_TO_PUBLISHED = tuple(
    sorted(((right, left) for left, right in PUBLISHED_TO_OURS), key=lambda row: -len(row[0]))
)

# The names under which published files hold the one table of token embeddings, once or several times.
TOKEN_TABLES = (
    "shared.weight",
    "encoder.embed_tokens.weight",
    "decoder.embed_tokens.weight",
    "lm_head.weight",
)
FINAL_BIAS = "final_logits_bias"
# How the published names of all heads begin; a class says which are its own.
HEADS = (FINAL_BIAS, "lm_head.", "classification_head.", "qa_outputs.", "sentence_head.")
BASE_PREFIX = "model."


class NewHeadWarning(UserWarning):
    """A checkpoint has no head for the class that reads it: the one it gets knows nothing yet."""


def our_name(published: str) -> str:
    """Translate the published name of a tensor, `model.` prefix or not, into ours."""
    return _translate(published, _TO_OURS)


def published_name(ours: str) -> str:
    """Translate our name of a tensor into the published one."""
    return _translate(ours, _TO_PUBLISHED)


def _translate(name: str, table: tuple[tuple[str, str], ...]) -> str:
    prefix = BASE_PREFIX if name.startswith(BASE_PREFIX) else ""
    bare = name.removeprefix(BASE_PREFIX)
    number = re.search(r"\.layers\.(\d+)\.", bare)
    starred = re.sub(r"\.layers\.\d+\.", ".layers.*.", bare)
    for left, right in table:
        if starred.startswith(left + "."):
            starred = right + starred.removeprefix(left)
            break
    return prefix + (starred.replace(".*.", f".{number[1]}.", 1) if number else starred)


class PretrainedModule(nn.Module):
    """A model with a configuration, which is read from and written to checkpoint folders."""

    # How the published names of tensors begin that a checkpoint may lack (they are made anew), and of those
    # that it may have beside the other classes' heads (they are not read).
    head: ClassVar[tuple[str, ...]] = ()
    not_read: ClassVar[tuple[str, ...]] = ()
    # How a class that writes does so, unless it is told otherwise.
    generation_config: GenerationConfig | None = None
    # How the weights are quantized: "int8", "int4", "nf4", or not at all.
    quantization: str | None = None

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        """Keep the configuration; `random_attention` is for the classes that have an encoder."""
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

    def num_parameters(self) -> int:
        """How many numbers were learnt, quantized or not."""
        return sum(p.numel() for p in self.parameters()) + quantized_parameters(self)

    def initialize(self, part: nn.Module | None = None) -> None:
        """Draw fresh weights, of a part or all: normal with `init_std`, biases and padding zero."""
        for module in (part or self).modules():
            if isinstance(module, nn.Linear | nn.Embedding) and not module.weight.is_meta:
                nn.init.normal_(module.weight, std=self.config.init_std)
                if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                    nn.init.zeros_(module.weight[module.padding_idx])
                if isinstance(module, nn.Linear) and module.bias is not None:
                    nn.init.zeros_(module.bias)

    def resize_token_embeddings(self, tokens: int) -> nn.Embedding:
        """Change the size of the vocabulary and return the resized embedding.

        The first rows stay what they are; new ones are the mean of the old ones (Hewitt, "Initializing new
        word embeddings for pretrained language models", 2021). Optimizers made before hold the old weights.

        Raises:
            ConfigError: a special token would be outside the vocabulary.
        """
        before, after = self.config, self.config.changed(vocab_size=tokens)
        resized: list[nn.Embedding] = []
        for name, module in self.named_modules():
            if name.rpartition(".")[2] == "embedding" and isinstance(module, nn.Embedding):
                module.num_embeddings = tokens
                resized.append(module)
            elif name == "lm_head" and isinstance(module, nn.Linear):
                module.out_features = tokens
            else:
                continue
            module.weight = nn.Parameter(
                _resized(module.weight.detach(), tokens), module.weight.requires_grad
            )
        for module in self.modules():
            if getattr(module, "config", None) is before:
                cast(Any, module).config = after
        return resized[0]

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        dtype: torch.dtype | str | None = None,
        device: torch.device | str | None = None,
        random_attention: RandomAttention = "seeded",
        torch_dtype: torch.dtype | str | None = None,
        device_map: str | int | torch.device | Mapping[str, str | int | torch.device] | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        quantization_config: Asked = None,
        **changes: Any,
    ) -> Self:
        """Read a checkpoint into a model in eval mode.

        Args:
            name_or_path: a folder with `config.json` and the weights, or `owner/name` on the Hub.
            dtype: of the weights once loaded, float32 by default; "auto" keeps what the file has.
            device: where they go, the CPU by default.
            random_attention: see `random_attention_plan`.
            torch_dtype: the older name of `dtype`.
            device_map: the published way to name a device: "auto" is a GPU where there is one; a mapping
                must name one device for the whole model, `{"": device}`.
            revision: of a model on the Hub, see `checkpoint_folder`.
            local_files_only: never download.
            quantization_config: "int8", "int4", "nf4", or the published way to say it; not needed where the
                checkpoint is quantized already. Such a model is for inference only.
            changes: replace values of the configuration, such as `num_labels=3`.

        Warns:
            NewHeadWarning: the checkpoint lacks tensors of the class's head, which are drawn anew.

        Raises:
            CheckpointError: a file is missing or corrupt, tensors are missing, unexpected or misshaped, or
                the Hub does not give the model.
            ConfigError: the configuration is not one of ours, or an option is unknown or contradicts another.
        """
        wanted = _dtype(_one_of("dtype", dtype, "torch_dtype", torch_dtype, torch.float32))
        place = _device(_one_of("device", device, "device_map", device_map, "cpu"))
        on_hub: Any = {"revision": revision, "local_files_only": local_files_only}
        config = BigBirdPegasusConfig.from_pretrained(name_or_path, **on_hub, **changes)
        folder = checkpoint_folder(name_or_path, weights=True, **on_hub)
        with torch.device("meta"), _NothingDrawn():
            model = cls(config, random_attention)
        quantization = quantization_of(quantization_config, stored_quantization(folder), folder)
        load_weights(model, folder, wanted, place, quantization)
        if model.generation_config is not None:
            model.generation_config = GenerationConfig.from_pretrained(folder)
        return model.eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `config.json` and `model.safetensors`, by the published names: transformers loads it too.

        A class that writes adds its `generation_config.json`.

        Raises:
            ConfigError: the model was packed for this processor.
        """
        if any(getattr(module, "joined", None) is not None for module in self.modules()):
            raise ConfigError("a packed model cannot be saved: load it without packing")
        folder = Path(folder)
        architecture, dtype = type(self).__name__, str(self.dtype).removeprefix("torch.")
        quantized = {} if self.quantization is None else {QUANTIZATION: self.quantization}
        # Other programs refuse such a file, in place of reading its codes as weights.
        told = {"quantization_config": {"quant_method": f"bbp-{self.quantization}"} if quantized else None}
        self.config.changed(architectures=[architecture], dtype=dtype, **told).save_pretrained(folder)
        tensors = {
            published_name(name): t.detach().cpu().contiguous()
            for name, t in (own_tensors(self) | quantized_tensors(self)).items()
        }
        unfinished = folder / f".{SAFETENSORS}.{os.getpid()}"
        save_file(tensors, unfinished, metadata={"format": "pt"} | quantized)
        # safetensors makes files that nobody else can read; the others in the folder say what is usual here.
        unfinished.chmod((folder / CONFIG_FILE).stat().st_mode & 0o777)
        unfinished.replace(folder / SAFETENSORS)
        if self.generation_config is not None:
            self.generation_config.save_pretrained(folder)


class _NothingDrawn(TorchFunctionMode):
    """Leave out what fills new weights: on the meta device there is nothing to fill.

    Drawing there all the same makes torch import its compiler, which takes longer than loading a small model.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in {"normal_", "uniform_", "kaiming_uniform_", "fill_", "zero_"}:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer under its first name: what is shared is named once."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def load_weights(
    model: PretrainedModule,
    folder: str | Path,
    dtype: torch.dtype | None,
    device: torch.device,
    quantization: Quantization | None = None,
) -> None:
    """Fill a model made on the meta device, tensor by tensor: little more than the weights is in memory.

    A tensor that needs no conversion stays mapped to the file.

    Raises:
        CheckpointError: see `PretrainedModule.from_pretrained`.
    """
    folder = Path(folder)
    wanted = own_tensors(model)
    passed_over = (*HEADS, *model.not_read)
    found: dict[str, Tensor] = {}
    unexpected: list[str] = []
    misshaped: dict[str, str] = {}
    stored = stored_quantization(folder) is not None
    incoming = Incoming(model, quantization, stored=stored)
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
            with own_pages():
                found[name] = tensor.to(device, dtype if tensor.is_floating_point() else None)
        del tensor  # and with it, perhaps, what is mapped
    incoming.share_table()
    misshaped |= incoming.faults()
    arrived = {*found, *misshaped, *incoming.arrived}
    absent = [name for name in wanted if name not in arrived]
    new = [name for name in absent if published_name(name).startswith(model.head)] if model.head else []
    missing = [published_name(name) for name in absent if name not in new]
    faults = {"missing": missing, "unexpected": unexpected, "of the wrong shape": list(misshaped.values())}
    if any(faults.values()):
        told = "; ".join(f"{len(names)} {fault}: {some(names)}" for fault, names in faults.items() if names)
        raise CheckpointError(f"the tensors in {folder} do not fit the model: {told}")
    body_dtype = dtype or next((t.dtype for t in found.values() if t.is_floating_point()), torch.float32)
    found |= _new_head(model, new, found, body_dtype, device, folder)
    model.load_state_dict(found, strict=False, assign=True)
    for name in incoming.arrived:
        incoming.swap(name)
    give_back()
    if quantization is not None:
        model.quantization = quantization.scheme
        model.requires_grad_(False)


def _new_head(
    model: PretrainedModule,
    names: list[str],
    found: Mapping[str, Tensor],
    dtype: torch.dtype,
    device: torch.device,
    folder: str | Path,
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
                tensor.normal_(std=model.config.init_std)
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


def _resized(table: Tensor, rows: int) -> Tensor:
    """Cut a table of token rows (V, D), or fill it up with the mean of its rows."""
    new = table.mean(dim=0, keepdim=True).expand(max(0, rows - len(table)), -1)
    return torch.cat([table[:rows], new])


def _one_of(name: str, value: Any, alias: str, aliased: Any, default: Any) -> Any:
    """Return what was given under one of two names, or the default."""
    if value is not None and aliased is not None:
        raise ConfigError(f"give {name} or {alias}, not both")
    return next((given for given in (value, aliased) if given is not None), default)


def _device(named: Any) -> torch.device:
    """Return the device that a caller means."""
    if isinstance(named, Mapping):
        if set(named) != {""}:
            raise ConfigError(f"device_map names {sorted(named)}: a model is on one device, {{'': device}}")
        named = named[""]
    if named == "auto":
        named = torch.accelerator.current_accelerator(check_available=True) or "cpu"
    try:
        return torch.device(named)
    except (RuntimeError, TypeError) as error:
        raise ConfigError(
            f"device is {named!r}: it must be 'auto' or a torch device such as 'cpu'"
        ) from error


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
