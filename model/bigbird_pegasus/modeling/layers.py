"""The layers of encoder and decoder: attention and feed-forward modules around residuals.

Dimensions: N rows, T tokens, D model width, H heads, d head width. A layer does not know how attention is
done: it is handed a function that attends, so that full, block-sparse and cached attention share one layer.

Source: the published checkpoints' structure (pre-norm transformer, Zhang et al., PEGASUS, 2020).
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ModelInputError
from bigbird_pegasus.modeling.input_checks import check_embeds, check_ids

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys and values (N, H, T, d) to what they attend to, (N, H, T, d)."""

AttendToSource = Callable[[Tensor, "Attention"], Tensor]
"""Queries (N, H, T, d), and the module that projects the source, to what they attend to, (N, H, T, d)."""


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """Return the function that a configuration names; `gelu_new` is the tanh approximation."""
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "gelu": F.gelu,
        "gelu_new": partial(F.gelu, approximate="tanh"),
        "relu": F.relu,
        "silu": F.silu,
    }
    return functions[name]


class Attention(nn.Module):
    """The four projections of multi-head attention."""

    def __init__(self, width: int, heads: int, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, width, bias=bias)
        self.value = nn.Linear(width, width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)
        self.joined: nn.Module | None = (
            None  # the fused projection of query, key and value; see `inference.prepack`
        )

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """Attend from `x` (N, T, D) to itself."""
        if self.joined is None:
            return self.merge_heads(attend(self.queries(x), *self.keys_and_values(x)))
        query, key, value = self.joined(x).chunk(3, dim=-1)
        split = self._split_heads
        return self.merge_heads(attend(split(query), split(key), split(value)))

    def queries(self, x: Tensor) -> Tensor:
        """Return the queries of `x` (N, T, D) as (N, H, T, d)."""
        return self._split_heads(self.query(x))

    def keys_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values of `x` (N, T, D), each (N, H, T, d)."""
        return self._split_heads(self.key(x)), self._split_heads(self.value(x))

    def merge_heads(self, context: Tensor) -> Tensor:
        """Project the heads' context, (N, H, T, d), back to (N, T, D)."""
        projected: Tensor = self.output(context.transpose(1, 2).flatten(2))
        return projected

    def _split_heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class FeedForward(nn.Module):
    """Two linear maps with an activation between, each token by itself."""

    def __init__(self, width: int, inner: int, activation_name: str, dropout: float) -> None:
        super().__init__()
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.activation_name = activation_name
        self.activation = activation(activation_name)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, D) to (N, T, D)."""
        mapped: Tensor = self.down(self.dropout(self.activation(self.up(x))))
        return mapped


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward, each around a residual."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.d_model)
        self.attention = Attention(config.d_model, config.encoder_attention_heads, config.use_bias)
        self.feed_forward_norm = nn.LayerNorm(config.d_model)
        # The published encoder has no dropout on its activations, whatever `activation_dropout` says.
        self.feed_forward = FeedForward(
            config.d_model, config.encoder_ffn_dim, config.activation_function, 0.0
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """Map (B, S, D) to (B, S, D)."""
        x = x + self.dropout(self.attention(self.attention_norm(x), attend))
        x = x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        return x


class DecoderLayer(nn.Module):
    """Causal self-attention, cross-attention to the source, then feed-forward, each around a residual."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__()
        self.self_attention_norm = nn.LayerNorm(config.d_model)
        self.self_attention = Attention(config.d_model, config.decoder_attention_heads, config.use_bias)
        self.cross_attention_norm = nn.LayerNorm(config.d_model)
        self.cross_attention = Attention(config.d_model, config.decoder_attention_heads, config.use_bias)
        self.feed_forward_norm = nn.LayerNorm(config.d_model)
        self.feed_forward = FeedForward(
            config.d_model, config.decoder_ffn_dim, config.activation_function, config.activation_dropout
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, attend: Attend, attend_to_source: AttendToSource | None) -> Tensor:
        """Map (N, T, D) to (N, T, D); without a source the cross-attention is left out."""
        x = x + self.dropout(self.self_attention(self.self_attention_norm(x), attend))
        if attend_to_source is not None:
            cross = self.cross_attention
            found = attend_to_source(cross.queries(self.cross_attention_norm(x)), cross)
            x = x + self.dropout(cross.merge_heads(found))
        x = x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        return x


def resolve(asked: bool | None, default: bool) -> bool:
    """Return what the caller asked for, or the configuration's value where it asked for nothing."""
    return default if asked is None else asked


def embed_tokens(
    config: BigBirdPegasusConfig,
    embedding: nn.Embedding,
    ids: Tensor | None,
    embeds: Tensor | None,
    names: str,
) -> Tensor:
    """Return (B, T, D) from whichever of ids (B, T) and embeddings (B, T, D) was given.

    Raises:
        ModelInputError: both or none are given, or they have another shape or impossible values.
    """
    if (ids is None) == (embeds is None):
        raise ModelInputError(f"give exactly one of {names}")
    if embeds is not None:
        check_embeds(embeds, config.d_model)
        return embeds
    assert ids is not None
    check_ids(ids, embedding, names.split()[0])
    embedded: Tensor = embedding(ids)
    return embedded * math.sqrt(config.d_model) if config.scale_embedding else embedded


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


def drops_layer(module: nn.Module, layerdrop: float) -> bool:
    """Return whether this training step leaves out a layer (Fan et al., LayerDrop, 2019)."""
    return module.training and layerdrop > 0 and bool(torch.rand([]) < layerdrop)
