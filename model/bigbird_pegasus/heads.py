"""The models with a head: what they make of the states of encoder and decoder.

Dimensions: B documents, N decoder rows (documents x beams), T tokens, S source tokens, D model width,
V vocabulary.
"""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.attention import RandomAttention
from bigbird_pegasus.cache import DecoderCache
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.generation import GenerationConfig, GenerationOutput, generate
from bigbird_pegasus.model import BigBirdPegasusModel, shift_right
from bigbird_pegasus.outputs import BaseModelOutput, Seq2SeqLMOutput
from bigbird_pegasus.weights import PretrainedModule

IGNORED_LABEL = -100


class BigBirdPegasusForConditionalGeneration(PretrainedModule):
    """The model that writes: its output head is the token embedding again, plus a bias."""

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        super().__init__(config)
        self.model = BigBirdPegasusModel(config, random_attention)
        self.final_logits_bias: Tensor
        self.register_buffer("final_logits_bias", torch.zeros(1, config.vocab_size))
        self.generation_config = GenerationConfig.from_model_config(config)

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:
        """Read a checkpoint folder with its generation options; see `PretrainedModule.from_pretrained`."""
        model = super().from_pretrained(folder, **options)
        model.generation_config = GenerationConfig.from_pretrained(folder)
        return model

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a checkpoint folder, its `generation_config.json` included."""
        super().save_pretrained(folder)
        self.generation_config.save_pretrained(folder)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: BaseModelOutput | tuple[Tensor, ...] | None = None,
        past_key_values: DecoderCache | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
        return_dict: bool = True,
    ) -> Seq2SeqLMOutput | tuple[Any, ...]:
        """Score every token of the vocabulary at every decoder position; arguments as published.

        Args:
            input_ids: (B, S).
            attention_mask: (B, S), 0 at padding.
            decoder_input_ids: (N, T); the labels shifted right where they are missing.
            decoder_attention_mask: (N, past + T), 0 at padding.
            encoder_outputs: of an earlier call, in place of encoding again.
            past_key_values: the decoder continues from here; changed in place.
            inputs_embeds: (B, S, D) in place of `input_ids`.
            decoder_inputs_embeds: (N, T, D) in place of `decoder_input_ids`.
            labels: (N, T), -100 where there is nothing to learn; the loss is their mean cross-entropy.
            use_cache: return a cache; off where labels are given.
            output_attentions: return all attention weights.
            output_hidden_states: return all layers' states.
            return_dict: False returns a plain tuple of the fields that are set.

        Raises:
            ValueError: see `BigBirdPegasusModel.forward`.
        """
        if labels is not None:
            use_cache = False
            if decoder_input_ids is None and decoder_inputs_embeds is None:
                decoder_input_ids = shift_right(labels, self.config)
        states = self.model(
            input_ids,
            attention_mask,
            decoder_input_ids,
            decoder_attention_mask,
            encoder_outputs,
            past_key_values,
            inputs_embeds,
            decoder_inputs_embeds,
            use_cache,
            output_attentions,
            output_hidden_states,
        )
        logits = self._logits(states.last_hidden_state)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED_LABEL)
        output = Seq2SeqLMOutput(
            loss=loss,
            logits=logits,
            past_key_values=states.past_key_values,
            decoder_hidden_states=states.decoder_hidden_states,
            decoder_attentions=states.decoder_attentions,
            cross_attentions=states.cross_attentions,
            encoder_last_hidden_state=states.encoder_last_hidden_state,
            encoder_hidden_states=states.encoder_hidden_states,
            encoder_attentions=states.encoder_attentions,
        )
        return output if return_dict else output.to_tuple()

    def encode(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> BaseModelOutput:
        """Run the encoder alone over (B, S)."""
        encoded: BaseModelOutput = self.model.encoder(input_ids, attention_mask)
        return encoded

    def new_cache(self, encoder_hidden: Tensor, attention_mask: Tensor | None = None) -> DecoderCache:
        """Make a decoder cache for documents (B, S, D); any number of beams for each may follow."""
        return self.model.decoder.remember_source(encoder_hidden, attention_mask)

    def next_token_logits(self, input_ids: Tensor, cache: DecoderCache) -> Tensor:
        """Feed new tokens (N, T) and return float32 logits (N, V) for the one that comes next."""
        states = self.model.decoder(input_ids, past_key_values=cache).last_hidden_state[:, -1]
        return self._logits(states).float()

    def generate(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        **options: Any,
    ) -> Tensor | GenerationOutput:
        """Write texts about documents (B, S): ids (B * R, T); see `generation.generate`."""
        return generate(self, input_ids, attention_mask, generation_config, **options)

    def _logits(self, states: Tensor) -> Tensor:
        """Return (…, V) of states (…, D)."""
        return F.linear(states, self.model.encoder.embedding.weight) + self.final_logits_bias
