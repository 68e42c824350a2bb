"""What every model can be asked and told beside its forward: the published methods.

Dimensions: V tokens, D model width.
"""

from collections.abc import Mapping
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bigbird_pegasus.config import AttentionType, BigBirdPegasusConfig, RandomAttention
from bigbird_pegasus.config_checks import check
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.modeling.layers import LayerStack
from bigbird_pegasus.modeling.token_embeddings import (
    HEAD,
    get_table,
    get_tables,
    name_all,
    name_once,
    resize_table,
    set_table,
)
from bigbird_pegasus.quantization.quantize import quantized_parameters, quantized_tensors

# The published mark of modules whose weights are loaded or drawn: they are not drawn again.
INITIALIZED = "_is_hf_initialized"


class ModelMethods(nn.Module):
    """A module with a configuration; see the module's docstring."""

    config_class = BigBirdPegasusConfig
    base_model_prefix: ClassVar[str] = "model"
    main_input_name: ClassVar[str] = "input_ids"
    supports_gradient_checkpointing: ClassVar[bool] = True
    accepts_loss_kwargs: ClassVar[bool] = False  # the loss of a batch is its mean: see `losses`
    # Whether the output head is the token embedding again.
    ties_output_head: bool = False
    # What trainers of transformers look at.
    _keys_to_ignore_on_save: ClassVar[None] = None
    _no_split_modules: ClassVar[tuple[str, ...]] = ("EncoderLayer", "DecoderLayer")
    # The default options of `generate`, of a class that has it.
    generation_config: GenerationConfig | None = None
    # How the weights are quantized: "int8", "int4", "nf4", or not at all.
    quantization: str | None = None

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        """Keep the configuration; `random_attention` is for the classes that have an encoder.

        Raises:
            ConfigError: no model can be built from the configuration.
        """
        super().__init__()
        if not isinstance(config, BigBirdPegasusConfig):
            raise ConfigError(f"a model is made of a BigBirdPegasusConfig, not of {type(config).__name__}")
        check(config)
        self.config = config
        hooks: Any = self  # torch's functions for them have no types
        hooks.register_state_dict_post_hook(name_once)
        hooks.register_load_state_dict_pre_hook(name_all)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return next(self.parameters()).device

    @property
    def name_or_path(self) -> str:
        """Return what the model was loaded from, or ""."""
        return self.config.name_or_path

    @property
    def base_model(self) -> nn.Module:
        """The model below the head; of a model without one, itself."""
        below = getattr(self, self.base_model_prefix, self)
        return below if isinstance(below, nn.Module) else self

    @classmethod
    def can_generate(cls) -> bool:
        """Return whether it has `generate`."""
        return hasattr(cls, "generate")

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """Return the number of parameters, quantized or not; embeddings are those of tokens and positions."""
        left_out: set[int] = set()
        if exclude_embeddings:
            tables = [module for module in self.modules() if isinstance(module, nn.Embedding)]
            left_out = {id(module.weight) for module in tables}
        counted = [p for p in self.parameters() if id(p) not in left_out]
        if only_trainable:
            return sum(p.numel() for p in counted if p.requires_grad)
        return sum(p.numel() for p in counted) + quantized_parameters(self)

    def get_memory_footprint(self, return_buffers: bool = True) -> int:
        """Return the bytes of the weights, quantized or not, and of the buffers."""
        tensors = [*self.parameters(), *quantized_tensors(self).values()]
        buffers = [*self.buffers()] if return_buffers else []
        return sum(t.nbytes for t in (*tensors, *buffers))

    def initialize(self, part: nn.Module | None = None) -> None:
        """Draw the weights, of a part or all, that are neither loaded nor drawn yet.

        Normal with `init_std`, biases and padding zero.
        """
        modules = [m for m in (part or self).modules() if isinstance(m, nn.Linear | nn.Embedding)]
        # An output head that is the table again has its weight.
        done = {id(w) for m in self.modules() if getattr(m, INITIALIZED, False) for w in m.parameters(False)}
        for module in modules:
            if module.weight.is_meta:
                continue
            if id(module.weight) not in done:
                nn.init.normal_(module.weight, std=self.config.init_std)
                if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                    nn.init.zeros_(module.weight[module.padding_idx])
                if isinstance(module, nn.Linear) and module.bias is not None:
                    nn.init.zeros_(module.bias)
            setattr(module, INITIALIZED, True)

    def init_weights(self) -> None:
        """Draw what is neither loaded nor drawn yet and tie the output head, as published."""
        self.initialize()
        self.tie_weights()

    def post_init(self) -> None:
        """Do `init_weights`: what a class made of this package's ones ends its constructor with."""
        self.init_weights()

    def set_attn_implementation(self, attn_implementation: str | None) -> None:
        """Accept "eager" and "sdpa", which compute the same.

        Raises:
            ConfigError: it is another one.
        """
        accept_attention(attn_implementation)

    def push_to_hub(self, *arguments: Any, **options: Any) -> None:
        """Refuse.

        Raises:
            ConfigError: always; the message says what to do.
        """
        refuse_upload()

    def get_encoder(self) -> nn.Module:
        """Return the encoder.

        Raises:
            ConfigError: it has none.
        """
        return self._part("encoder")

    def get_decoder(self) -> nn.Module:
        """Return the decoder.

        Raises:
            ConfigError: it has none.
        """
        return self._part("decoder")

    def _part(self, name: str) -> nn.Module:
        for owner in (self, self.base_model):
            part = getattr(owner, name, None)
            if isinstance(part, nn.Module):
                return part
        raise ConfigError(f"this {type(self).__name__} has no {name}")

    def get_input_embeddings(self) -> nn.Module:
        """Return the module that looks tokens up, (…) to (…, D)."""
        return get_table(self)

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Look tokens up in another module, in encoder and decoder, and in an output head that is the same.

        What it gives out is taken as it is: `TokenEmbedding` scales its rows, `nn.Embedding` does not.
        """
        set_table(self, value)
        self.tie_weights()

    def get_output_embeddings(self) -> nn.Module | None:
        """Return the map from states to a score for each token, of a class that has one."""
        head = getattr(self, HEAD, None)
        return head if isinstance(head, nn.Module) else None

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Take another map from states to scores.

        Raises:
            ConfigError: the class has none.
        """
        if self.get_output_embeddings() is None:
            raise ConfigError(f"{type(self).__name__} has no output embeddings")
        setattr(self, HEAD, new_embeddings)

    def tie_weights(self) -> None:
        """Let the output head have the weight of the token embedding, in the classes where it is that."""
        head, table = self.get_output_embeddings(), get_table(self)
        if self.ties_output_head and isinstance(head, nn.Linear) and isinstance(table, nn.Embedding):
            head.weight = table.weight

    def resize_token_embeddings(
        self,
        new_num_tokens: int | None = None,
        pad_to_multiple_of: int | None = None,
        mean_resizing: bool = True,
    ) -> nn.Module:
        """Change the size of the vocabulary and return the resized embedding.

        The first rows stay what they are. Optimizers made before hold the old weights.

        Args:
            new_num_tokens: None leaves the number, but for the multiple.
            pad_to_multiple_of: rounds the number up.
            mean_resizing: new rows are the mean of the old ones; False draws them as a new model's.

        Raises:
            ConfigError: a number is no whole one or too small, a special token would be outside the
                vocabulary, or the model is quantized.
        """
        tokens = self.config.vocab_size if new_num_tokens is None else new_num_tokens
        for name, value in (("new_num_tokens", tokens), ("pad_to_multiple_of", pad_to_multiple_of or 1)):
            if not isinstance(value, Integral) or value < 1:
                raise ConfigError(f"{name} is {value!r:.50}: it must be a whole number of at least 1")
        if pad_to_multiple_of:
            tokens = -(-tokens // pad_to_multiple_of) * pad_to_multiple_of
        self.config.replace(vocab_size=tokens)  # raises where it is impossible
        if self.quantization is not None:
            raise ConfigError("a quantized vocabulary cannot be resized: load the model without quantization")
        resize_table(self, tokens, None if mean_resizing else self.config.init_std)
        self.tie_weights()
        for module in self.modules():
            if isinstance(config := getattr(module, "config", None), BigBirdPegasusConfig):
                config.vocab_size = tokens
        return get_table(self)

    def set_attention_type(self, value: AttentionType) -> None:
        """Choose "block_sparse" or "original_full" for all calls to come.

        Raises:
            ConfigError: it is neither.
        """
        self.config.attention_type = value

    def gradient_checkpointing_enable(
        self,
        gradient_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """Forget what happens within layers in training and compute it again for gradients: less memory.

        Args:
            gradient_checkpointing_kwargs: arguments of `torch.utils.checkpoint.checkpoint`.
            every_n_layers: of how many layers one is treated so.
            offload: not offered.

        Raises:
            ConfigError: `offload`.
        """
        if offload:
            raise ConfigError("offload is not offered: what is kept stays on the model's device")
        arguments = {"use_reentrant": False} | dict(gradient_checkpointing_kwargs or {})
        self._checkpoint_layers(partial(checkpoint, **arguments), every_n_layers)

    def gradient_checkpointing_disable(self) -> None:
        """Keep all that gradients need again."""
        self._checkpoint_layers(None, 1)

    def activation_checkpointing_enable(
        self,
        activation_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """Do `gradient_checkpointing_enable`: the name that transformers 5 has for it."""
        self.gradient_checkpointing_enable(activation_checkpointing_kwargs, every_n_layers, offload)

    activation_checkpointing_disable = gradient_checkpointing_disable

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Say whether `gradient_checkpointing_enable` holds."""
        stacks = (module for module in self.modules() if isinstance(module, LayerStack))
        return any(stack.layer_checkpoint is not None for stack in stacks)

    @property
    def is_activation_checkpointing(self) -> bool:
        """Say whether `activation_checkpointing_enable` holds."""
        return self.is_gradient_checkpointing

    def _checkpoint_layers(self, function: Any, every_n_layers: int) -> None:
        for module in self.modules():
            if isinstance(module, LayerStack):
                module.layer_checkpoint, module.checkpointed_every = function, every_n_layers

    def enable_input_require_grads(self) -> None:
        """Let embeddings of tokens have gradients although no weight of theirs is trained: adapters need
        it."""
        self.disable_input_require_grads()
        self._input_hooks = [table.register_forward_hook(_require_grad) for table in get_tables(self)]

    def disable_input_require_grads(self) -> None:
        """Undo `enable_input_require_grads`."""
        for hook in self.__dict__.pop("_input_hooks", ()):
            hook.remove()


ATTENTION_IMPLEMENTATIONS = (None, "eager", "sdpa")  # one way is taken in any case: the fastest at hand


def accept_attention(implementation: str | None) -> None:
    """Check the name of a way to compute attention.

    Raises:
        ConfigError: it is not offered.
    """
    if implementation not in ATTENTION_IMPLEMENTATIONS:
        raise ConfigError(f"attn_implementation is {implementation!r}: it must be 'eager' or 'sdpa'")


def refuse_upload() -> NoReturn:
    """Raise the ConfigError of whoever wants to upload."""
    raise ConfigError("push_to_hub is not offered: `hf upload` sends a saved folder to the Hub")


def _require_grad(module: nn.Module, arguments: Any, output: Tensor) -> None:
    output.requires_grad_(True)
