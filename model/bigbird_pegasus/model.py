"""Encoder, decoder, and the model of both: read top to bottom, it is the figure in the paper.

Dimensions: B documents, N decoder rows (documents x beams), T tokens, S source tokens, D model width,
H heads, d head width, V vocabulary.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bigbird_pegasus.attention import (
    RandomAttention,
    attention_probabilities,
    block_sparse_attention,
    block_sparse_probabilities,
    causal_mask,
    full_attention,
    padding_mask_of,
    random_attention_plan,
)
from bigbird_pegasus.cache import DecoderCache
from bigbird_pegasus.cached_attention import cached_attention, source_attention
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.layers import Attend, DecoderLayer, EncoderLayer
from bigbird_pegasus.outputs import BaseModelOutput, DecoderOutput, ModelOutput, Seq2SeqModelOutput
from bigbird_pegasus.pages import give_back, own_pages
from bigbird_pegasus.source import fastest_source
from bigbird_pegasus.weights import PretrainedModule

OutputT = TypeVar("OutputT", bound=ModelOutput)


class Encoder(nn.Module):
    """Token and position embeddings, layers of full or block-sparse attention, a last norm.

    A forward never changes the module: full or sparse attention is chosen for each call from the length,
    and padding to the block size is added and cut off inside.
    """

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        super().__init__()
        if random_attention not in ("seeded", "transformers"):
            raise ConfigError(
                f"random_attention is {random_attention!r}: it must be 'seeded' or 'transformers'"
            )
        self.config = config
        self.random_attention: RandomAttention = random_attention
        self.embedding = nn.Embedding(config.vocab_size, config.d_model, config.pad_token_id)
        self.positions = nn.Embedding(config.max_position_embeddings, config.d_model)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> BaseModelOutput:
        """Encode documents.

        Args:
            input_ids: (B, S).
            attention_mask: (B, S), 1 at tokens and 0 at padding; all tokens where it is missing.
            inputs_embeds: (B, S, D) in place of `input_ids`.
            output_attentions: return the attention of each layer, dense (B, H, S, S) also where sparse; None
                is what the configuration says.
            output_hidden_states: return the embeddings and the states after each layer; None as above.

        Raises:
            ValueError: both or none of ids and embeddings, or more tokens than there are positions.
        """
        output_attentions = _or(output_attentions, self.config.output_attentions)
        output_hidden_states = _or(output_hidden_states, self.config.output_hidden_states)
        x = self.embed(input_ids, inputs_embeds)
        length = x.shape[1]
        x, mask = self.pad_to_blocks(x, padding_mask_of(attention_mask))

        states = [x] if output_hidden_states else []  # where nobody asks, each is let go at once
        attentions: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            if _dropped(self, self.config.encoder_layerdrop):
                continue
            attend = self.attention(number, x.shape[1], mask)
            if output_attentions:
                sparse = self._is_sparse(x.shape[1])
                attend = self._watched(attend, attentions, number if sparse else None, mask)
            x = layer(x, attend)
            if output_hidden_states:
                states.append(x)
        x = self.norm(x)[:, :length]
        states = [*states[:-1], x]  # as published: the last state is the one after the norm
        return BaseModelOutput(
            last_hidden_state=x,
            hidden_states=tuple(state[:, :length] for state in states) if output_hidden_states else None,
            attentions=tuple(a[:, :, :length, :length] for a in attentions) if output_attentions else None,
        )

    def embed(self, input_ids: Tensor | None, inputs_embeds: Tensor | None = None) -> Tensor:
        """Return what the layers begin with, (B, S, D): embeddings of tokens and of positions.

        Raises:
            ValueError: see `forward`.
        """
        x = _embed(self.config, self.embedding, input_ids, inputs_embeds, "input_ids and inputs_embeds")
        return cast(Tensor, self.dropout(x + _positions(self.positions, 0, x.shape[1])))

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
        return random_attention_plan(
            length,
            config.encoder_attention_heads,
            config.block_size,
            config.num_random_blocks,
            layer,
            self.random_attention,
        )

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


class Decoder(nn.Module):
    """Token and position embeddings, causal layers that look at the source, a last norm."""

    def __init__(self, config: BigBirdPegasusConfig, embedding: nn.Embedding | None = None) -> None:
        """Make the layers; `embedding` is the encoder's where there is one, so that both share it."""
        super().__init__()
        self.config = config
        self.embedding = embedding or nn.Embedding(config.vocab_size, config.d_model, config.pad_token_id)
        self.positions = nn.Embedding(config.max_position_embeddings, config.d_model)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: DecoderCache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = False,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> DecoderOutput:
        """Decode tokens, all at once or as the continuation of what the cache remembers.

        Args:
            input_ids: (N, T), the tokens that are new.
            attention_mask: (N, past + T), 0 at padding; all tokens where it is missing.
            encoder_hidden_states: (B, S, D) with N a multiple of B (beams of a document side by side); may be
                missing where the cache already knows the source, or where there is none.
            encoder_attention_mask: (B, S), 0 at padding.
            past_key_values: continues from here, and is changed in place.
            inputs_embeds: (N, T, D) in place of `input_ids`.
            use_cache: make a cache where none was given, and return it; None is what the configuration says.
            output_attentions: return attentions (N, H, T, past + T) and cross-attentions (N, H, T, S); None
                as above.
            output_hidden_states: return the embeddings and the states after each layer; None as above.

        Raises:
            ValueError: both or none of ids and embeddings, or more tokens than there are positions.
        """
        use_cache = _or(use_cache, self.config.use_cache)
        output_attentions = _or(output_attentions, self.config.output_attentions)
        output_hidden_states = _or(output_hidden_states, self.config.output_hidden_states)
        x = _embed(
            self.config,
            self.embedding,
            input_ids,
            inputs_embeds,
            "decoder_input_ids and decoder_inputs_embeds",
        )
        tokens = x.shape[1]
        source_mask = padding_mask_of(encoder_attention_mask)
        cache = past_key_values
        if cache is None and use_cache:
            documents = None if encoder_hidden_states is None else len(encoder_hidden_states)
            cache = DecoderCache(len(self.layers), documents, source_mask)
        past = 0 if cache is None else cache.length
        x = self.dropout(x + _positions(self.positions, past, tokens))

        if cache is not None and attention_mask is None:
            attention_mask = cache.seen_mask(len(x), tokens)
        mask = causal_mask(attention_mask, past, tokens, x.device)
        if cache is not None and source_mask is None:
            source_mask = cache.padding_mask
        dropout = self.config.attention_dropout if self.training else 0.0
        weights: list[Tensor] | None = [] if output_attentions else None
        cross_weights: list[Tensor] | None = [] if output_attentions else None

        if cache is not None:
            cache.begin(len(x), tokens, x.device)
        states = [x] if output_hidden_states else []
        for number, layer in enumerate(self.layers):
            if _dropped(self, self.config.decoder_layerdrop):
                continue
            attend = cached_attention(cache, number, mask, dropout, weights)
            attend_to_source = source_attention(
                cache, number, encoder_hidden_states, source_mask, dropout, cross_weights
            )
            x = layer(x, attend, attend_to_source)
            if output_hidden_states:
                states.append(x)
        if cache is not None:
            cache.advance(tokens)
        x = self.norm(x)
        states = [*states[:-1], x]  # as published: the last state is the one after the norm
        return DecoderOutput(
            last_hidden_state=x,
            past_key_values=cache,
            hidden_states=tuple(states) if output_hidden_states else None,
            attentions=None if weights is None else tuple(weights),
            cross_attentions=None if cross_weights is None else tuple(cross_weights),
        )

    @own_pages()
    def remember_source(self, hidden_states: Tensor, attention_mask: Tensor | None) -> DecoderCache:
        """Make a cache that holds the cross-attention keys and values of each document (B, S, D) once."""
        give_back()  # what the encoder's results took: hundreds of MB for thousands of tokens
        cache = DecoderCache(len(self.layers), len(hidden_states), padding_mask_of(attention_mask))
        for number, layer in enumerate(self.layers):
            attention = cast(DecoderLayer, layer).cross_attention
            cache.set_cross(number, fastest_source(*attention.keys_and_values(hidden_states)))
        give_back()
        return cache


class BigBirdPegasusModel(PretrainedModule):
    """Encoder and decoder without a head; both share one token embedding.

    Where the configuration says `is_encoder_decoder: false` there is no decoder: the last states are the
    encoder's. Classification and question answering learn from few examples that way, where the checkpoint
    that they start from has no decoder either.
    """

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        super().__init__(config)
        self.encoder = Encoder(config, random_attention)
        if config.is_encoder_decoder:
            self.decoder = Decoder(config, self.encoder.embedding)
        self.initialize()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: BaseModelOutput | Sequence[Any] | None = None,
        past_key_values: DecoderCache | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache_position: Tensor | None = None,
    ) -> Seq2SeqModelOutput | tuple[Any, ...]:
        """Encode (B, S) and decode (N, T); arguments as published, the same for all encoder-decoder models.

        Args:
            input_ids: (B, S).
            attention_mask: (B, S), 0 at padding.
            decoder_input_ids: (N, T), N a multiple of B; where neither they nor their embeddings are given,
                `input_ids` shifted right by one.
            decoder_attention_mask: (N, past + T), 0 at padding.
            encoder_outputs: of an earlier call, in place of encoding again: the record, or its fields.
            past_key_values: the decoder continues from here; changed in place.
            inputs_embeds: (B, S, D) in place of `input_ids`; scaled already where the configuration scales.
            decoder_inputs_embeds: (N, T, D) in place of `decoder_input_ids`, likewise.
            use_cache: return a cache. None, here and below: what the configuration says.
            output_attentions: return all attention weights.
            output_hidden_states: return all layers' states.
            return_dict: False returns a plain tuple of the fields that are set.
            cache_position: accepted and not needed: the cache knows how many tokens it holds.

        Raises:
            ValueError: no decoder input can be derived, or ids and embeddings are both or neither given.
        """
        if decoder_input_ids is None and decoder_inputs_embeds is None and self.config.is_encoder_decoder:
            if input_ids is None:
                raise ValueError(
                    "give input_ids, decoder_input_ids or decoder_inputs_embeds: the decoder has no input"
                )
            decoder_input_ids = shift_right(input_ids, self.config)
        if encoder_outputs is None:
            encoded = self.encoder(
                input_ids, attention_mask, inputs_embeds, output_attentions, output_hidden_states
            )
        elif isinstance(encoder_outputs, BaseModelOutput):
            encoded = encoder_outputs
        else:
            encoded = BaseModelOutput(*encoder_outputs[:3])
        if not self.config.is_encoder_decoder:
            return as_asked(_encoder_output(encoded), self.config, return_dict)
        decoded = self.decoder(
            decoder_input_ids,
            decoder_attention_mask,
            encoded.last_hidden_state,
            attention_mask,
            past_key_values,
            decoder_inputs_embeds,
            use_cache,
            output_attentions,
            output_hidden_states,
        )
        output = Seq2SeqModelOutput(
            last_hidden_state=decoded.last_hidden_state,
            past_key_values=decoded.past_key_values,
            decoder_hidden_states=decoded.hidden_states,
            decoder_attentions=decoded.attentions,
            cross_attentions=decoded.cross_attentions,
            encoder_last_hidden_state=encoded.last_hidden_state,
            encoder_hidden_states=encoded.hidden_states,
            encoder_attentions=encoded.attentions,
        )
        return as_asked(output, self.config, return_dict)


def _encoder_output(encoded: BaseModelOutput) -> Seq2SeqModelOutput:
    """The record of a model without a decoder: its last states are the encoder's."""
    return Seq2SeqModelOutput(
        last_hidden_state=encoded.last_hidden_state,
        encoder_last_hidden_state=encoded.last_hidden_state,
        encoder_hidden_states=encoded.hidden_states,
        encoder_attentions=encoded.attentions,
    )


def as_asked(
    output: OutputT, config: BigBirdPegasusConfig, return_dict: bool | None
) -> OutputT | tuple[Any, ...]:
    """Return a forward's record, or the plain tuple of its set fields where the caller wants that."""
    return output if _or(return_dict, config.return_dict) else output.to_tuple()


def shift_right(ids: Tensor, config: BigBirdPegasusConfig) -> Tensor:
    """Put the decoder's start token first and drop the last id; ignored labels (-100) become padding."""
    shifted = ids.roll(1, dims=-1)
    shifted[..., 0] = config.decoder_start_token_id
    return shifted.masked_fill(shifted == -100, config.pad_token_id)


def _or(asked: bool | None, default: bool) -> bool:
    """What the caller asked for, or what the configuration says where it did not."""
    return default if asked is None else asked


def _embed(
    config: BigBirdPegasusConfig,
    embedding: nn.Embedding,
    ids: Tensor | None,
    embeds: Tensor | None,
    names: str,
) -> Tensor:
    """Return (B, T, D) from whichever of ids (B, T) and embeddings (B, T, D) was given."""
    if (ids is None) == (embeds is None):
        raise ValueError(f"give exactly one of {names}")
    if embeds is not None:
        return embeds
    embedded: Tensor = embedding(ids)
    return embedded * math.sqrt(config.d_model) if config.scale_embedding else embedded


def _positions(positions: nn.Embedding, past: int, tokens: int) -> Tensor:
    if past + tokens > positions.num_embeddings:
        raise ValueError(
            f"{past + tokens} tokens are more than the model's {positions.num_embeddings} positions"
        )
    return positions.weight[past : past + tokens]


def _dropped(module: nn.Module, layerdrop: float) -> bool:
    """Whether to leave out a layer in this training step (Fan et al., LayerDrop, 2019)."""
    return module.training and layerdrop > 0 and bool(torch.rand([]) < layerdrop)
