"""`from_pretrained` and `save_pretrained`: models from checkpoint folders and back.

A checkpoint folder holds `config.json` and `model.safetensors`, or shards with their index, or
`pytorch_model.bin` (also sharded), which is read with `weights_only=True` and nothing else.

Every tensor of a model's body must be in the checkpoint. A head that is not is newly initialized, with a
warning; the heads of other classes are skipped silently.
"""

from collections.abc import Mapping
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bigbird_pegasus.checkpoints.files import QUANTIZATION, stored_quantization
from bigbird_pegasus.checkpoints.folders import path_of
from bigbird_pegasus.checkpoints.hub import checkpoint_folder, split_options
from bigbird_pegasus.checkpoints.loader import LoadingInfo, check_layers, load_weights, own_tensors
from bigbird_pegasus.checkpoints.names import published_name
from bigbird_pegasus.checkpoints.saving import save_weights
from bigbird_pegasus.checkpoints.tensors import read_tensors
from bigbird_pegasus.config import BigBirdPegasusConfig, RandomAttention
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.modeling.model_methods import (
    INITIALIZED,
    ModelMethods,
    accept_attention,
    refuse_upload,
)
from bigbird_pegasus.modeling.placement import device_of, dtype_of, one_of
from bigbird_pegasus.quantization.quantize import QuantizationRequest, quantization_of, quantized_tensors

_PACKAGE = "bigbird_pegasus."


class BigBirdPegasusPreTrainedModel(ModelMethods):
    """A model with a configuration, which is read from and written to checkpoint folders."""

    # Prefixes of the published names of tensors that a checkpoint may lack (they are newly initialized then),
    # and of those that it may have beside the other classes' heads (they are not read).
    head: ClassVar[tuple[str, ...]] = ()
    not_read: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def from_config(
        cls, config: BigBirdPegasusConfig, *, dtype: torch.dtype | str | None = None, **options: Any
    ) -> Self:
        """Make a model with random weights, in train mode.

        Raises:
            ConfigError: the configuration is impossible, or an option is unknown.
        """
        accept_attention(options.pop("attn_implementation", None))
        options.pop("trust_remote_code", None)
        for name in options:
            raise ConfigError(f"from_config has no option {name!r}")
        asked = config.dtype if dtype is None else dtype
        wanted = None if asked is None else dtype_of(asked)
        if wanted is None:
            return cls(config)
        return cls(config.replace(dtype=wanted)).to(wanted)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path | None,
        *,
        dtype: torch.dtype | str | None = None,
        device: torch.device | str | None = None,
        random_attention: RandomAttention = "seeded",
        torch_dtype: torch.dtype | str | None = None,
        device_map: str | int | torch.device | Mapping[str, str | int | torch.device] | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        quantization_config: QuantizationRequest = None,
        config: BigBirdPegasusConfig | str | Path | None = None,
        variant: str | None = None,
        use_safetensors: bool | None = None,
        state_dict: Mapping[str, Tensor] | None = None,
        output_loading_info: bool = False,
        ignore_mismatched_sizes: bool = False,
        attn_implementation: str | None = None,
        **changes: Any,
    ) -> Self:
        """Read a checkpoint into a model in eval mode.

        Args:
            pretrained_model_name_or_path: a folder with `config.json` and the weights, or `owner/name` on
                the Hub.
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
            config: in place of the checkpoint's own.
            variant: which of several weights a folder has: "fp16" reads `model.fp16.safetensors`.
            use_safetensors: True reads no pickles, False nothing else.
            state_dict: tensors by their published names, in place of the folder's.
            output_loading_info: return a pair: the model, and which keys were missing or mismatched.
            ignore_mismatched_sizes: newly initialize what has another shape in the checkpoint.
            attn_implementation: "eager" and "sdpa" are accepted: they compute the same.
            changes: replace values of the configuration, such as `num_labels=3`; and `subfolder`,
                `cache_dir`, `token` and `force_download` of `checkpoint_folder`. `trust_remote_code` and
                `low_cpu_mem_usage` are accepted: no code is ever fetched, and memory is always saved.

        Warns:
            NewHeadWarning: the checkpoint lacks tensors of the class's head, which are newly initialized.

        Raises:
            CheckpointError: a file is missing or corrupt, tensors are missing, unexpected or misshaped, or
                the Hub does not give the model.
            ConfigError: the configuration is not one of ours, or an option is unknown or contradicts another.
        """
        if pretrained_model_name_or_path is None:  # which transformers takes beside `state_dict`
            raise ConfigError("there is no checkpoint to read: from_config and load_state_dict need none")
        wanted = dtype_of(one_of("dtype", dtype, "torch_dtype", torch_dtype, torch.float32))
        place = device_of(one_of("device", device, "device_map", device_map, "cpu"))
        accept_attention(attn_implementation)
        where, changes = split_options(changes)
        where |= {"revision": revision, "local_files_only": local_files_only}
        if isinstance(config, BigBirdPegasusConfig):
            own_config = config
        else:
            own_config = BigBirdPegasusConfig.from_pretrained(
                pretrained_model_name_or_path if config is None else config, **where
            )
        own_config = own_config.replace(**changes, name_or_path=str(pretrained_model_name_or_path))
        own = variant is not None or use_safetensors is False
        folder = checkpoint_folder(
            pretrained_model_name_or_path, weights=state_dict is None and not own, **where
        )
        if state_dict is None and not own:
            check_layers(folder, own_config.encoder_layers, own_config.decoder_layers)
        given = _constructor_arguments(cls, own_config, random_attention)
        with torch.device("meta"), _NothingDrawn():
            model = cls(*given)
        own_names, buffers = _added_by_callers(model, given)
        quantization = quantization_of(quantization_config, stored_quantization(folder), folder)
        found = load_weights(
            model,
            folder,
            wanted,
            place,
            quantization,
            tensors=chain(
                read_tensors(folder, variant, use_safetensors) if state_dict is None else state_dict.items(),
                ((name, buffer) for name, buffer in buffers.items() if name in own_tensors(model)),
            ),
            head=(*model.head, *own_names),
            not_read=cls.not_read,
            init_std=own_config.init_std,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
        )
        for name, buffer in buffers.items():
            owner, _, last = name.rpartition(".")
            if model.get_buffer(name).is_meta:
                setattr(model.get_submodule(owner), last, buffer.to(place))
        for module in model.modules():
            setattr(module, INITIALIZED, True)
        if quantization is not None:
            model.quantization = quantization.scheme
            model.requires_grad_(False)
        if model.generation_config is not None:
            model.generation_config = GenerationConfig.from_pretrained(folder)
        model.read_beside(folder)
        model.config.dtype = model.dtype
        model.eval()
        if output_loading_info:
            return cast(Self, (model, _published_info(found)))
        return model

    def read_beside(self, folder: Path) -> None:
        """Read what lies beside the weights in a checkpoint folder: nothing, for most classes."""

    def save_pretrained(
        self,
        save_directory: str | Path,
        is_main_process: bool = True,
        state_dict: Mapping[str, Tensor] | None = None,
        *,
        max_shard_size: int | str = "50GB",
        safe_serialization: bool = True,
        variant: str | None = None,
        push_to_hub: bool = False,
    ) -> None:
        """Write `config.json` and the weights, by the published names: transformers loads them too.

        A class that writes adds its `generation_config.json`.

        Args:
            save_directory: is made where it is missing.
            is_main_process: False writes nothing, for all processes of a distributed run but one.
            state_dict: tensors in place of the model's own.
            max_shard_size: bytes of a file, or such as "5GB"; more are written in several with an index.
            safe_serialization: False writes `pytorch_model.bin`.
            variant: comes into the names of the files of weights, as `from_pretrained` reads them.
            push_to_hub: not offered.

        Raises:
            ConfigError: the model was packed for this processor, `save_directory` is no path, or something is
                not offered or impossible.
        """
        if push_to_hub:
            refuse_upload()
        if any(getattr(module, "joined", None) is not None for module in self.modules()):
            raise ConfigError("a packed model cannot be saved: load it without packing")
        if not is_main_process:
            return
        folder = path_of(save_directory)
        architecture, dtype = type(self).__name__, str(self.dtype).removeprefix("torch.")
        quantized = {} if self.quantization is None else {QUANTIZATION: self.quantization}
        # Other programs refuse such a file, in place of reading its codes as weights.
        marker = {"quantization_config": {"quant_method": f"bbp-{self.quantization}"} if quantized else None}
        # As published: what an older configuration asked for was done, and is not asked for again.
        done = [name for name in ("gradient_checkpointing",) if getattr(self.config, name, None)]
        marker |= dict.fromkeys(done)
        config = self.config.replace(architectures=[architecture], dtype=dtype, **marker)
        config.save_pretrained(folder)
        tensors = own_tensors(self) | quantized_tensors(self)
        if state_dict is not None:
            tensors = {name: tensor for name, tensor in state_dict.items() if name in tensors}
        save_weights(
            folder,
            {published_name(name): tensor for name, tensor in tensors.items()},
            {"format": "pt"} | quantized,
            max_shard_size=max_shard_size,
            safe=safe_serialization,
            variant=variant,
        )
        if self.generation_config is not None:
            self.generation_config.save_pretrained(folder)


def _constructor_arguments(
    cls: type, config: BigBirdPegasusConfig, random_attention: RandomAttention
) -> tuple[Any, ...]:
    """Return what a class is made of; one of a caller's own may take the configuration alone.

    Raises:
        ConfigError: it takes no other random attention.
    """
    if random_attention == "seeded":
        return (config,)
    try:
        signature(cls).bind(config, random_attention)
    except TypeError as error:
        raise ConfigError(
            f"random_attention is {random_attention!r}, but {cls.__name__} is made of a configuration alone"
        ) from error
    return config, random_attention


def _added_by_callers(
    model: BigBirdPegasusPreTrainedModel, given: tuple[Any, ...]
) -> tuple[list[str], dict[str, Tensor]]:
    """Return what a caller's own class adds to a class of this package, which a checkpoint may lack.

    The first are prefixes of published names, the second buffers with the values that the constructor gives.
    """
    ours: type = next(one for one in type(model).__mro__ if one.__module__.startswith(_PACKAGE))
    if ours is type(model):
        return [], {}
    if ours is BigBirdPegasusPreTrainedModel:
        inside = "" if model.base_model is model else f"{model.base_model_prefix}."
        known = {name for name in _all_tensors(model) if name.startswith(inside)}
    else:
        with torch.device("meta"), _NothingDrawn():
            known = set(_all_tensors(ours(*given)))
    added = [name for name in _all_tensors(model) if name not in known]
    buffers: dict[str, Tensor] = {}
    if any(name in added for name, _ in model.named_buffers()):
        with torch.random.fork_rng(devices=[]):  # off the meta device, where they have no values
            buffers = {name: buffer for name, buffer in type(model)(*given).named_buffers() if name in added}
    return [published_name(name) for name in added], buffers


def _all_tensors(model: torch.nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _published_info(info: LoadingInfo) -> dict[str, Any]:
    """Return what was newly initialized under the published keys; nothing else goes wrong without an
    error."""
    return {
        "missing_keys": info.missing,
        "unexpected_keys": set(),
        "mismatched_keys": info.mismatched,
        "error_msgs": [],
    }


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
