"""The decoder: embeddings, causal layers over a cache of earlier tokens and over the source, a last norm.

Dimensions: B documents, N rows (documents x beams), H heads, T tokens, S source tokens, d head width.
"""

from typing import Any, cast

from torch import Tensor, nn

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ModelInputError
from bigbird_pegasus.kernels.allocator import large_tensors_on_own_pages, trim_heap
from bigbird_pegasus.model_output import to_return_type
from bigbird_pegasus.modeling.attention import (
    attention_probabilities,
    causal_mask,
    full_attention,
    padding_mask_of,
)
from bigbird_pegasus.modeling.cross_attention import DenseCrossKV, fastest_cross_kv
from bigbird_pegasus.modeling.input_checks import check_dtype, check_embeds, check_mask
from bigbird_pegasus.modeling.kv_cache import DecoderCache
from bigbird_pegasus.modeling.layers import (
    Attend,
    AttendToSource,
    Attention,
    DecoderLayer,
    LayerStack,
    drops_layer,
    embed_tokens,
    position_embeddings,
    resolve,
)
from bigbird_pegasus.modeling.outputs import BaseModelOutputWithPastAndCrossAttentions
from bigbird_pegasus.modeling.token_embeddings import TokenEmbedding

INPUT_NAMES = "decoder_input_ids and decoder_inputs_embeds"


def cached_attention(
    cache: DecoderCache | None, layer: int, mask: Tensor | None, dropout: float, weights: list[Tensor] | None
) -> Attend:
    """Return a layer's self-attention, over the tokens in the cache and the new ones.

    Args:
        cache: of earlier tokens; the new ones are appended. None where there are none.
        layer: number of the layer.
        mask: bool, broadcastable to (N, 1, T, past + T), True where a token may look; None: everywhere.
        dropout: probability of dropping an attention weight.
        weights: a list to which the attention weights (N, H, T, past + T) are appended, if there is one.
    """

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if cache is not None:
            cache.append(layer, key, value)
            if query.shape[2] == 1 and weights is None and not dropout:
                return cache.attend(layer, query, mask)
            if cache.length:
                key, value = cache.keys_and_values(layer)
        if weights is not None:
            weights.append(attention_probabilities(query, key, mask))
        return full_attention(query, key, value, mask, dropout=dropout)

    return attend


def source_attention(
    cache: DecoderCache | None,
    layer: int,
    source: Tensor | None,
    mask: Tensor | None,
    dropout: float,
    weights: list[Tensor] | None,
) -> AttendToSource | None:
    """Return a layer's cross-attention, or None without a source.

    All beams of a document read the same keys and values, which are projected from `source` (B, S, D) at the
    first call and kept in the cache. The other arguments are those of `cached_attention`.
    """
    if source is None and (cache is None or cache.cross(layer) is None):
        return None

    def attend(query: Tensor, attention: Attention) -> Tensor:
        known = None if cache is None else cache.cross(layer)
        if known is None:
            assert source is not None  # for the type checker: checked before this function was made
            known = DenseCrossKV(*attention.keys_and_values(source))
            if cache is not None:
                cache.set_cross(layer, known)
        rows, heads, tokens, width = query.shape
        # The queries of a document's beams stand side by side, as if they were one longer query.
        query = (
            query.view(known.documents, -1, heads, tokens, width).transpose(1, 2).flatten(2, 3)
        )  # (B, H, Q, d)
        if weights is not None:
            weights.append(_beams_to_rows(known.probabilities(query, mask), rows, tokens))
        return _beams_to_rows(known.attend(query, mask, dropout), rows, tokens)

    return attend


def _masks(
    x: Tensor, attention_mask: Tensor | None, source_mask: Tensor | None, cache: DecoderCache | None
) -> tuple[Tensor | None, Tensor | None]:
    """Return the masks of self-attention, (N, 1, T, past + T), and of cross-attention, (B, S).

    Where the caller gives none, the cache knows the padding of prompts and of the source: in a search they
    are said once, when the cache is made.
    """
    rows, tokens, _ = x.shape
    past = 0
    if cache is not None:
        past = cache.length
        attention_mask = cache.seen_mask(rows, tokens) if attention_mask is None else attention_mask
        source_mask = cache.padding_mask if source_mask is None else source_mask
    return causal_mask(attention_mask, past, tokens, x.device), source_mask


def _beams_to_rows(x: Tensor, rows: int, tokens: int) -> Tensor:
    """Put the queries of beams that stand side by side, (B, H, beams*T, …), back into rows, (N, H, T, …)."""
    documents, heads, _, width = x.shape
    return x.view(documents, heads, -1, tokens, width).transpose(1, 2).reshape(rows, heads, tokens, width)


class Decoder(LayerStack):
    """Token and position embeddings, causal layers that look at the source, a last norm."""

    def __init__(self, config: BigBirdPegasusConfig, embedding: nn.Embedding | None = None) -> None:
        """Make the layers; `embedding` is the encoder's where there is one, so that both share it."""
        super().__init__(config)
        self.embed_tokens = embedding or TokenEmbedding(config)
        self.embed_positions = nn.Embedding(config.max_position_embeddings, config.d_model)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.layernorm_embedding = nn.LayerNorm(config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        # Whether a search may round keys and values of the source to 8 bits; see `inference.prepack`.
        self.source_in_8_bits = False

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: DecoderCache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> BaseModelOutputWithPastAndCrossAttentions | tuple[Any, ...]:
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
            return_dict: False returns a plain tuple of the fields that are set; None as above.

        Raises:
            ValueError: both or none of ids and embeddings, more tokens than there are positions, or states of
                another type than the weights.
        """
        use_cache = resolve(use_cache, self.config.use_cache)
        output_attentions = resolve(output_attentions, self.config.output_attentions)
        output_hidden_states = resolve(output_hidden_states, self.config.output_hidden_states)
        x = embed_tokens(
            self.config, self.embed_tokens, self.embed_positions, input_ids, inputs_embeds, INPUT_NAMES
        )
        if encoder_hidden_states is not None:
            check_embeds(encoder_hidden_states, self.config.d_model, "encoder states")
            self._check_type(encoder_hidden_states)
            documents, length, _ = encoder_hidden_states.shape
            check_mask(encoder_attention_mask, documents, length, "attention_mask")
        source_mask = padding_mask_of(encoder_attention_mask)
        cache = past_key_values
        if cache is not None and not hasattr(cache, "reserve"):
            raise ModelInputError(
                f"past_key_values is a {type(cache).__name__}: the cache of an earlier call is needed"
            )
        if cache is None and use_cache and not self.forgets:
            cache = self._new_cache(encoder_hidden_states, source_mask)
        past = 0 if cache is None else cache.length
        x = self.dropout(x + position_embeddings(self.embed_positions, past, x.shape[1]))
        check_mask(attention_mask, len(x), past + x.shape[1], "decoder attention_mask")
        mask, source_mask = _masks(x, attention_mask, source_mask, cache)
        dropout = self.config.attention_dropout if self.training else 0.0
        weights: list[Tensor] | None = [] if output_attentions else None
        cross_weights: list[Tensor] | None = [] if output_attentions else None

        if cache is not None:
            cache.reserve(len(x), x.shape[1], x.device)
        states = [x] if output_hidden_states else []
        for number, layer in enumerate(self.layers):
            if drops_layer(self, self.config.decoder_layerdrop):
                continue
            attend = cached_attention(cache, number, mask, dropout, weights)
            attend_to_source = source_attention(
                cache, number, encoder_hidden_states, source_mask, dropout, cross_weights
            )
            x = self.run(number, layer, x, attend, attend_to_source)
            if output_hidden_states:
                states.append(x)
        if cache is not None:
            cache.commit(x.shape[1])
        x = self.layernorm_embedding(x)
        states = [*states[:-1], x]  # as published: the last state is the one after the norm
        output = BaseModelOutputWithPastAndCrossAttentions(
            last_hidden_state=x,
            past_key_values=cache,
            hidden_states=tuple(states) if output_hidden_states else None,
            attentions=None if weights is None else tuple(weights),
            cross_attentions=None if cross_weights is None else tuple(cross_weights),
        )
        return to_return_type(output, self.config, return_dict)

    def _new_cache(self, source: Tensor | None, source_mask: Tensor | None) -> DecoderCache:
        """Make an empty cache for the documents of a source (B, S, D); without one, each row is its own."""
        documents = None if source is None else len(source)
        return DecoderCache(len(self.layers), documents, source_mask)

    def _check_type(self, states: Tensor) -> None:
        """Check that cross-attention, where it is not quantized or wrapped, has the type of states."""
        key = cast(DecoderLayer, self.layers[0]).encoder_attn.k_proj if len(self.layers) else None
        if type(key) is nn.Linear:
            check_dtype(states, states.dtype, key.weight.dtype, "encoder states")

    @large_tensors_on_own_pages()
    def remember_source(self, hidden_states: Tensor, attention_mask: Tensor | None) -> DecoderCache:
        """Make a cache that holds the cross-attention keys and values of each document (B, S, D) once."""
        self._check_type(hidden_states)
        trim_heap()  # what the encoder's results took: hundreds of MB for thousands of tokens
        cache = DecoderCache(len(self.layers), len(hidden_states), padding_mask_of(attention_mask))
        for number, layer in enumerate(self.layers):
            attention = cast(DecoderLayer, layer).encoder_attn
            key, value = attention.keys_and_values(hidden_states)
            cache.set_cross(number, fastest_cross_kv(key, value, self.source_in_8_bits))
        trim_heap()
        return cache
