"""The encoder: token and position embeddings, layers of full or block-sparse attention, a last norm."""

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bigbird_pegasus.config import BigBirdPegasusConfig, RandomAttention
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.model_output import to_return_type
from bigbird_pegasus.modeling.attention import (
    attention_probabilities,
    block_sparse_attention,
    block_sparse_probabilities,
    full_attention,
    padding_mask_of,
)
from bigbird_pegasus.modeling.input_checks import check_mask
from bigbird_pegasus.modeling.layers import (
    Attend,
    EncoderLayer,
    LayerStack,
    drops_layer,
    embed_tokens,
    position_embeddings,
    resolve,
)
from bigbird_pegasus.modeling.outputs import BaseModelOutput
from bigbird_pegasus.modeling.random_attention import random_attention_plan
from bigbird_pegasus.modeling.token_embeddings import TokenEmbedding


def _plan_tensor(*arguments: Any) -> Tensor:
    """Return a plan of random attention, which for a compiler is a constant."""
    return torch.from_numpy(random_attention_plan(*arguments))


# As torch.compiler.assume_constant_result does, which imports the compiler, and that takes long.
_plan_tensor._dynamo_marked_constant = True  # type: ignore[attr-defined]


class Encoder(LayerStack):
    """Token and position embeddings, layers of full or block-sparse attention, a last norm.

    A forward never changes the module: full or sparse attention is chosen for each call from the length,
    and padding to the block size is added and cut off inside.
    """

    def __init__(
        self,
        config: BigBirdPegasusConfig,
        random_attention: RandomAttention = "seeded",
        embedding: nn.Embedding | None = None,
    ) -> None:
        """Make the layers; `embedding` is the one to share with a decoder.

        Raises:
            ConfigError: `random_attention` is unknown.
        """
        super().__init__(config)
        if random_attention not in ("seeded", "transformers"):
            raise ConfigError(
                f"random_attention is {random_attention!r}: it must be 'seeded' or 'transformers'"
            )
        self.random_attention: RandomAttention = random_attention
        self.embed_tokens = embedding or TokenEmbedding(config)
        self.embed_positions = nn.Embedding(config.max_position_embeddings, config.d_model)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.layernorm_embedding = nn.LayerNorm(config.d_model)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> BaseModelOutput | tuple[Any, ...]:
        """Encode documents.

        Args:
            input_ids: (B, S).
            attention_mask: (B, S), 1 at tokens and 0 at padding; all tokens where it is missing.
            inputs_embeds: (B, S, D) in place of `input_ids`.
            output_attentions: return the attention of each layer, dense (B, H, S, S) also where sparse; None
                is what the configuration says.
            output_hidden_states: return the embeddings and the states after each layer; None as above.
            return_dict: False returns a plain tuple of the fields that are set; None as above.

        Raises:
            ValueError: both or none of ids and embeddings, or more tokens than there are positions.
        """
        output_attentions = resolve(output_attentions, self.config.output_attentions)
        output_hidden_states = resolve(output_hidden_states, self.config.output_hidden_states)
        x = self.embed(input_ids, inputs_embeds)
        length = x.shape[1]
        check_mask(attention_mask, len(x), length, "attention_mask")
        x, mask = self.pad_to_blocks(x, padding_mask_of(attention_mask))

        states = [x] if output_hidden_states else []  # where nobody asks, each is let go at once
        attentions: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            if drops_layer(self, self.config.encoder_layerdrop):
                continue
            attend = self.attention(number, x.shape[1], mask)
            if output_attentions:
                sparse = self._is_sparse(x.shape[1])
                attend = self._watched(attend, attentions, number if sparse else None, mask)
            x = self.run(number, layer, x, attend)
            if output_hidden_states:
                states.append(x)
        x = self.layernorm_embedding(x)[:, :length]
        states = [*states[:-1], x]  # as published: the last state is the one after the norm
        output = BaseModelOutput(
            last_hidden_state=x,
            hidden_states=tuple(state[:, :length] for state in states) if output_hidden_states else None,
            attentions=tuple(a[:, :, :length, :length] for a in attentions) if output_attentions else None,
        )
        return to_return_type(output, self.config, return_dict)

    def embed(self, input_ids: Tensor | None, inputs_embeds: Tensor | None = None) -> Tensor:
        """Return what the layers begin with, (B, S, D): embeddings of tokens and of positions.

        Raises:
            ValueError: see `forward`.
        """
        x = embed_tokens(
            self.config,
            self.embed_tokens,
            self.embed_positions,
            input_ids,
            inputs_embeds,
            "input_ids and inputs_embeds",
        )
        return cast(Tensor, self.dropout(x + position_embeddings(self.embed_positions, 0, x.shape[1])))

    def attention(self, layer: int, length: int, mask: Tensor | None) -> Attend:
        """Return how a layer attends in documents of `length` tokens, padded to blocks where that is sparse.

        `mask` is bool (B, length), True at tokens; None where nothing is padding.
        """
        return self._sparse(layer, length, mask) if self._is_sparse(length) else self._full(mask)

    def pad_to_blocks(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Pad x (B, S, D) and its mask (B, S) to whole blocks where attention is sparse; else they stay."""
        batch, length, _ = x.shape
        missing = -length % self.config.block_size
        if missing and self._is_sparse(length):
            if mask is None:
                mask = x.new_ones(batch, length, dtype=torch.bool)
            x = F.pad(x, (0, 0, 0, missing))
            mask = F.pad(mask, (0, missing), value=False)
        return x, mask

    def _is_sparse(self, length: int) -> bool:
        return self.config.attention_type == "block_sparse" and length > self.config.full_attention_limit

    def _full(self, mask: Tensor | None) -> Attend:
        dropout = self.config.attention_dropout if self.training else 0.0
        return partial(full_attention, mask=None if mask is None else mask[:, None, None, :], dropout=dropout)

    def _plan(self, layer: int, length: int) -> Tensor:
        config = self.config
        plan: Tensor = _plan_tensor(
            length,
            config.encoder_attention_heads,
            config.block_size,
            config.num_random_blocks,
            layer,
            self.random_attention,
        )
        return plan

    def _sparse(self, layer: int, length: int, mask: Tensor | None) -> Attend:
        plan, size = self._plan(layer, length), self.config.block_size
        return partial(block_sparse_attention, plan=plan, block_size=size, padding_mask=mask)

    def _watched(
        self, attend: Attend, seen: list[Tensor], sparse_layer: int | None, mask: Tensor | None
    ) -> Attend:
        """Attend as before, and keep the attention weights of the call in `seen`."""

        def watched(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            if sparse_layer is None:
                seen.append(
                    attention_probabilities(query, key, None if mask is None else mask[:, None, None, :])
                )
            else:
                plan = self._plan(sparse_layer, query.shape[2])
                seen.append(block_sparse_probabilities(query, key, plan, self.config.block_size, mask))
            return attend(query, key, value)

        return watched
