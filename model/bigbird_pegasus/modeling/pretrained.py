"""`from_pretrained` and `save_pretrained`: models from checkpoint folders and back.

A checkpoint folder holds `config.json` and `model.safetensors`, or shards with their index, or
`pytorch_model.bin` (also sharded), which is read with `weights_only=True` and nothing else.

Every tensor of a model's body must be in the checkpoint. A head that is not is newly initialized, with a
warning; the heads of other classes are skipped silently.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bigbird_pegasus.checkpoints.atomic import atomic_write
from bigbird_pegasus.checkpoints.files import QUANTIZATION, SAFETENSORS, stored_quantization
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.checkpoints.loader import WEIGHT_TYPES, check_layers, load_weights, own_tensors
from bigbird_pegasus.checkpoints.names import published_name
from bigbird_pegasus.config import BigBirdPegasusConfig, RandomAttention
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.kernels.device import available_device
from bigbird_pegasus.quantization.quantize import (
    QuantizationRequest,
    quantization_of,
    quantized_parameters,
    quantized_tensors,
)


class PretrainedModule(nn.Module):
    """A model with a configuration, which is read from and written to checkpoint folders."""

    # Prefixes of the published names of tensors that a checkpoint may lack (they are newly initialized then),
    # and of those that it may have beside the other classes' heads (they are not read).
    head: ClassVar[tuple[str, ...]] = ()
    not_read: ClassVar[tuple[str, ...]] = ()
    # The default options of `generate`, of a class that has it.
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
        """Return the device of the weights."""
        return next(self.parameters()).device

    def num_parameters(self) -> int:
        """Return the number of parameters, quantized or not."""
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
        before, after = self.config, self.config.replace(vocab_size=tokens)
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
        quantization_config: QuantizationRequest = None,
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
            NewHeadWarning: the checkpoint lacks tensors of the class's head, which are newly initialized.

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
        check_layers(folder, config.encoder_layers, config.decoder_layers)
        with torch.device("meta"), _NothingDrawn():
            model = cls(config, random_attention)
        quantization = quantization_of(quantization_config, stored_quantization(folder), folder)
        load_weights(
            model,
            folder,
            wanted,
            place,
            quantization,
            head=cls.head,
            not_read=cls.not_read,
            init_std=config.init_std,
        )
        if quantization is not None:
            model.quantization = quantization.scheme
            model.requires_grad_(False)
        if model.generation_config is not None:
            model.generation_config = GenerationConfig.from_pretrained(folder)
        model.read_beside(folder)
        return model.eval()

    def read_beside(self, folder: Path) -> None:
        """Read what lies beside the weights in a checkpoint folder: nothing, for most classes."""

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
        marker = {"quantization_config": {"quant_method": f"bbp-{self.quantization}"} if quantized else None}
        self.config.replace(architectures=[architecture], dtype=dtype, **marker).save_pretrained(folder)
        tensors = {
            published_name(name): t.detach().cpu().contiguous()
            for name, t in (own_tensors(self) | quantized_tensors(self)).items()
        }
        metadata = {"format": "pt"} | quantized
        atomic_write(folder / SAFETENSORS, lambda path: save_file(tensors, path, metadata=metadata))
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
    return available_device(named)


def _dtype(dtype: torch.dtype | str) -> torch.dtype | None:
    """Return the torch type a caller means; None for "auto"."""
    if dtype == "auto":
        return None
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or found not in WEIGHT_TYPES:
        raise ConfigError(
            f"dtype is {dtype!r}: it must be 'auto' or a torch type such as 'float32' or 'bfloat16'"
            + ("; int8 weights come of quantizing" if "int" in str(dtype) else "")
        )
    return found
