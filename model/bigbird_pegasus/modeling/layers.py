"""The layers of encoder and decoder: attention and feed-forward modules around residuals.

Dimensions: N rows, T tokens, D model width, H heads, d head width. A layer does not know how attention is
done: it is handed a function that attends, so that full, block-sparse and cached attention share one layer.

Source: the published checkpoints' structure (pre-norm transformer, Zhang et al., PEGASUS, 2020).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ModelInputError
from bigbird_pegasus.modeling.activations import activation
from bigbird_pegasus.modeling.input_checks import check_dtype, check_embeds, check_ids

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys and values (N, H, T, d) to what they attend to, (N, H, T, d)."""

AttendToSource = Callable[[Tensor, "Attention"], Tensor]
"""Queries (N, H, T, d), and the module that projects the source, to what they attend to, (N, H, T, d)."""


class Projections(nn.Module):
    """The maps of tokens to queries, keys and values, as the published encoder names them."""

    def __init__(self, width: int, bias: bool) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, width, bias=bias)
        self.value = nn.Linear(width, width, bias=bias)


class Attention(nn.Module):
    """The four projections of multi-head attention, under the names that a subclass gives them."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        # The fused projection of query, key and value; see `inference.prepack`.
        self.joined: nn.Module | None = None

    @property
    def inputs(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        """Return the maps to queries, keys and values."""
        raise NotImplementedError("encoder and decoder name their own projections")

    @property
    def out(self) -> nn.Module:
        """Return the map of what the heads found."""
        raise NotImplementedError("encoder and decoder name their own projections")

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """Attend from `x` (N, T, D) to itself."""
        if self.joined is None:
            return self.merge_heads(attend(self.queries(x), *self.keys_and_values(x)))
        query, key, value = self.joined(x).chunk(3, dim=-1)
        split = self._split_heads
        return self.merge_heads(attend(split(query), split(key), split(value)))

    def queries(self, x: Tensor) -> Tensor:
        """Return the queries of `x` (N, T, D) as (N, H, T, d)."""
        return self._split_heads(self.inputs[0](x))

    def keys_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values of `x` (N, T, D), each (N, H, T, d)."""
        _, key, value = self.inputs
        return self._split_heads(key(x)), self._split_heads(value(x))

    def merge_heads(self, context: Tensor) -> Tensor:
        """Project the heads' context, (N, H, T, d), back to (N, T, D)."""
        projected: Tensor = self.out(context.transpose(1, 2).flatten(2))
        return projected

    def _split_heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class EncoderAttention(Attention):
    """Attention of the published encoder: its projections are in two levels."""

    def __init__(self, width: int, heads: int, bias: bool) -> None:
        super().__init__(heads)
        self.self = Projections(width, bias)
        self.output = nn.Linear(width, width, bias=bias)

    @property
    def inputs(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        """See `Attention`."""
        return self.self.query, self.self.key, self.self.value

    @property
    def out(self) -> nn.Module:
        """See `Attention`."""
        return self.output


class DecoderAttention(Attention):
    """Attention of the published decoder, to itself and to the source."""

    def __init__(self, width: int, heads: int, bias: bool) -> None:
        super().__init__(heads)
        self.q_proj = nn.Linear(width, width, bias=bias)
        self.k_proj = nn.Linear(width, width, bias=bias)
        self.v_proj = nn.Linear(width, width, bias=bias)
        self.out_proj = nn.Linear(width, width, bias=bias)

    @property
    def inputs(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        """See `Attention`."""
        return self.q_proj, self.k_proj, self.v_proj

    @property
    def out(self) -> nn.Module:
        """See `Attention`."""
        return self.out_proj

    def forward(self, x: Tensor, attend: "Attend | AttendToSource", to_source: bool = False) -> Tensor:
        """Attend from `x` (N, T, D) to itself, or to the source."""
        if to_source:
            return self.merge_heads(cast(AttendToSource, attend)(self.queries(x), self))
        return super().forward(x, cast(Attend, attend))


class Layer(nn.Module):
    """What layers of both kinds have: two linear maps with an activation between, each token by itself."""

    fc1: nn.Module
    fc2: nn.Module

    def add_feed_forward(
        self, width: int, inner: int, activation_name: str, activation_dropout: float
    ) -> None:
        """Make the maps; after the attention, so that a seed draws the same weights as it always did."""
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)
        self.activation_name = activation_name
        self.activation = activation(activation_name)
        self.activation_dropout = nn.Dropout(activation_dropout)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Map (N, T, D) to (N, T, D)."""
        mapped: Tensor = self.fc2(self.activation_dropout(self.activation(self.fc1(x))))
        return mapped


class EncoderLayer(Layer):
    """Self-attention, then feed-forward, each around a residual."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__()
        self.self_attn_layer_norm = nn.LayerNorm(config.d_model)
        self.self_attn = EncoderAttention(config.d_model, config.encoder_attention_heads, config.use_bias)
        self.final_layer_norm = nn.LayerNorm(config.d_model)
        # The published encoder has no dropout on its activations, whatever `activation_dropout` says.
        self.add_feed_forward(config.d_model, config.encoder_ffn_dim, config.activation_function, 0.0)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """Map (B, S, D) to (B, S, D)."""
        x = x + self.dropout(self.self_attn(self.self_attn_layer_norm(x), attend))
        x = x + self.dropout(self.feed_forward(self.final_layer_norm(x)))
        return x


class DecoderLayer(Layer):
    """Causal self-attention, cross-attention to the source, then feed-forward, each around a residual."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        width, heads, bias = config.d_model, config.decoder_attention_heads, config.use_bias
        super().__init__()
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.self_attn = DecoderAttention(width, heads, bias)
        self.encoder_attn_layer_norm = nn.LayerNorm(width)
        self.encoder_attn = DecoderAttention(width, heads, bias)
        self.final_layer_norm = nn.LayerNorm(width)
        activation_name, dropout = config.activation_function, config.activation_dropout
        self.add_feed_forward(width, config.decoder_ffn_dim, activation_name, dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, attend: Attend, attend_to_source: AttendToSource | None) -> Tensor:
        """Map (N, T, D) to (N, T, D); without a source the cross-attention is left out."""
        x = x + self.dropout(self.self_attn(self.self_attn_layer_norm(x), attend))
        if attend_to_source is not None:
            x = x + self.dropout(
                self.encoder_attn(self.encoder_attn_layer_norm(x), attend_to_source, to_source=True)
            )
        x = x + self.dropout(self.feed_forward(self.final_layer_norm(x)))
        return x


def resolve(asked: bool | None, default: bool) -> bool:
    """Return what the caller asked for, or the configuration's value where it asked for nothing."""
    return default if asked is None else asked


def embed_tokens(
    config: BigBirdPegasusConfig,
    embedding: nn.Embedding,
    positions: nn.Embedding,
    ids: Tensor | None,
    embeds: Tensor | None,
    names: str,
) -> Tensor:
    """Return (B, T, D) from whichever of ids (B, T) and embeddings (B, T, D) was given.

    Raises:
        ModelInputError: both or none are given, or they have another shape or impossible values, or a wider
            type than the `positions` that are added.
    """
    if (ids is None) == (embeds is None):
        raise ModelInputError(f"give exactly one of {names}")
    if embeds is not None:
        check_embeds(embeds, config.d_model)
        ours = positions.weight.dtype
        check_dtype(embeds, torch.promote_types(embeds.dtype, ours), ours, "embeddings")
        return embeds
    assert ids is not None
    check_ids(ids, embedding, names.split()[0])
    embedded: Tensor = embedding(ids)
    return embedded


def position_embeddings(positions: nn.Embedding, past: int, tokens: int) -> Tensor:
    """Return the embeddings (T, D) of the positions after `past` tokens.

    Raises:
        ModelInputError: there are fewer positions than tokens.
    """
    if past + tokens > positions.num_embeddings:
        raise ModelInputError(
            f"{past + tokens} tokens are more than the model's {positions.num_embeddings} positions"
        )
    return positions.weight[past : past + tokens]


class LayerStack(nn.Module):
    """What encoder and decoder share: how their layers are run in training."""

    # Runs a layer without keeping what happens in it, see `gradient_checkpointing_enable`; None keeps it.
    layer_checkpoint: Callable[..., Tensor] | None = None
    checkpointed_every: int = 1

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        """Keep the configuration, and do as it says where it is an older one that asks for checkpoints."""
        super().__init__()
        self.config = config
        if getattr(config, "gradient_checkpointing", False):
            self.layer_checkpoint = partial(checkpoint, use_reentrant=False)

    def run(self, number: int, layer: nn.Module, *arguments: Any) -> Tensor:
        """Return what a layer makes of its arguments."""
        if self.forgets and number % self.checkpointed_every == 0 and self.layer_checkpoint is not None:
            return self.layer_checkpoint(layer, *arguments)
        states: Tensor = layer(*arguments)
        return states

    @property
    def forgets(self) -> bool:
        """Say whether layers are run again for their gradients: then nothing they do may be done twice."""
        return self.layer_checkpoint is not None and self.training and torch.is_grad_enabled()


def drops_layer(module: nn.Module, layerdrop: float) -> bool:
    """Return whether this training step leaves out a layer (Fan et al., LayerDrop, 2019)."""
    return module.training and layerdrop > 0 and bool(torch.rand([]) < layerdrop)
