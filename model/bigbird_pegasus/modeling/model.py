"""The model of encoder and decoder without a head.

Dimensions: B documents, N decoder rows (documents x beams), T tokens, S source tokens, D model width,
H heads, d head width, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from bigbird_pegasus.config import BigBirdPegasusConfig, RandomAttention
from bigbird_pegasus.errors import ModelInputError
from bigbird_pegasus.model_output import to_return_type
from bigbird_pegasus.modeling.decoder import Decoder
from bigbird_pegasus.modeling.encoder import Encoder
from bigbird_pegasus.modeling.input_checks import check_embeds, check_tensor
from bigbird_pegasus.modeling.kv_cache import DecoderCache
from bigbird_pegasus.modeling.outputs import BaseModelOutput, Seq2SeqModelOutput
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.modeling.token_embeddings import TokenEmbedding


class BigBirdPegasusModel(BigBirdPegasusPreTrainedModel):
    """Encoder and decoder without a head; both share one token embedding.

    Where the configuration says `tie_word_embeddings: false` each has a table of its own, as published, and
    `shared` is one more, which is only kept.

    Where the configuration says `is_encoder_decoder: false` there is no decoder: the last states are the
    encoder's. Classification and question answering learn from few examples that way, where the checkpoint
    that they start from has no decoder either.
    """

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        super().__init__(config)
        self.shared = TokenEmbedding(config)
        table = self.shared if config.tie_word_embeddings else None
        self.encoder = Encoder(config, random_attention, table)
        if config.is_encoder_decoder:
            self.decoder = Decoder(config, table)
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
            past_key_values: cache of earlier tokens, which the decoder continues; changed in place.
            inputs_embeds: (B, S, D) in place of `input_ids`; scaled already where the configuration scales.
            decoder_inputs_embeds: (N, T, D) in place of `decoder_input_ids`, likewise.
            use_cache: return a cache. None, here and below: as the configuration says.
            output_attentions: return all attention weights.
            output_hidden_states: return all layers' states.
            return_dict: False returns a plain tuple of the fields that are set.
            cache_position: accepted and not needed: the cache knows how many tokens it holds.

        Raises:
            ValueError: no decoder input can be derived, or ids and embeddings are both or neither given.
        """
        if decoder_input_ids is None and decoder_inputs_embeds is None and self.config.is_encoder_decoder:
            if input_ids is None:
                raise ModelInputError(
                    "give input_ids, decoder_input_ids or decoder_inputs_embeds: the decoder has no input"
                )
            decoder_input_ids = shift_right(input_ids, self.config, "input_ids")
        if encoder_outputs is None:
            encoded = self.encoder(
                input_ids,
                attention_mask,
                inputs_embeds,
                output_attentions,
                output_hidden_states,
                return_dict=True,
            )
        else:
            encoded = read_encoding(encoder_outputs, self.config.d_model)
        if not self.config.is_encoder_decoder:
            return to_return_type(_encoder_output(encoded), self.config, return_dict)
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
            return_dict=True,
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
        return to_return_type(output, self.config, return_dict)


def read_encoding(encoder_outputs: Any, width: int) -> BaseModelOutput:
    """Return the record of an encoding that a caller gives: ours or another's record, or its fields.

    Raises:
        ModelInputError: there are no states (B, S, `width`) in it.
    """
    given = encoder_outputs
    if not isinstance(given, BaseModelOutput):
        values = given.to_tuple() if hasattr(given, "to_tuple") else given
        if not isinstance(values, tuple | list) or not values:
            raise ModelInputError(
                f"encoder_outputs is a {type(given).__name__}: what the encoder returned, or a tuple of its "
                "fields, is needed"
            )
        check_tensor(values[0], "the first of encoder_outputs")
        given = BaseModelOutput(*values[:3])
    check_embeds(given.last_hidden_state, width, "encoder_outputs")
    return given


def _encoder_output(encoded: BaseModelOutput) -> Seq2SeqModelOutput:
    """Return the record of a model without a decoder: its last states are the encoder's."""
    return Seq2SeqModelOutput(
        last_hidden_state=encoded.last_hidden_state,
        encoder_last_hidden_state=encoded.last_hidden_state,
        encoder_hidden_states=encoded.hidden_states,
        encoder_attentions=encoded.attentions,
    )


def shift_right(ids: Tensor, config: BigBirdPegasusConfig, name: str = "labels") -> Tensor:
    """Put the decoder's start token first and drop the last id; ignored labels (-100) become padding.

    Raises:
        ModelInputError: they are no tensor, or an empty one.
    """
    check_tensor(ids, name)
    shifted = ids.roll(1, dims=-1)
    shifted[..., 0] = config.decoder_start_token_id
    return shifted.masked_fill(shifted == -100, config.pad_token_id)
