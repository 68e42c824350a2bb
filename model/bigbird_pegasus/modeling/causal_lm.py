"""The decoder alone, as a language model that continues texts.

Arguments are the published ones; see `BigBirdPegasusModel.forward`.

Dimensions: B documents, N decoder rows (documents x beams), T tokens, S source tokens, D model width,
V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bigbird_pegasus.config import BigBirdPegasusConfig, RandomAttention
from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.generate import GenerationOutput, continue_text
from bigbird_pegasus.generation.outputs import transition_scores
from bigbird_pegasus.model_output import to_return_type
from bigbird_pegasus.modeling.attention import padding_mask_of
from bigbird_pegasus.modeling.decoder import Decoder
from bigbird_pegasus.modeling.input_checks import check_given, check_kept
from bigbird_pegasus.modeling.kv_cache import DecoderCache
from bigbird_pegasus.modeling.losses import language_modelling_loss
from bigbird_pegasus.modeling.outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
)
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel


class DecoderWrapper(nn.Module):
    """The level that published names have above the decoder."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """See `Decoder`."""
        return self.decoder(*arguments, **named)


class BigBirdPegasusForCausalLM(BigBirdPegasusPreTrainedModel):
    """The decoder alone, as a causal language model; its output head is a table of its own, as published."""

    head = ("lm_head.",)
    not_read = ("encoder.", "shared.")

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        """Make the layers; `random_attention` is accepted as by every class, a decoder has none."""
        super().__init__(config.replace(is_decoder=True, is_encoder_decoder=False))
        self.model = DecoderWrapper(Decoder(self.config))
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.generation_config = GenerationConfig.from_model_config(self.config)
        self.initialize()

    @property
    def decoder(self) -> Decoder:
        """The part below the head."""
        return self.model.decoder

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: DecoderCache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache_position: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
    ) -> CausalLMOutputWithCrossAttentions | tuple[Any, ...]:
        """Score every token of the vocabulary as the next one: logits (N, T, V).

        Args:
            input_ids: (N, T).
            attention_mask: (N, past + T), 0 at padding.
            encoder_hidden_states: (B, S, D), a source for cross-attention; without one there is none.
            encoder_attention_mask: (B, S), 0 at padding.
            past_key_values: continues from here; changed in place.
            inputs_embeds: (N, T, D) in place of `input_ids`.
            labels: (N, T), -100 where there is nothing to learn; asks for the loss. Position t is the label
                of logits t: they are not shifted here.
            use_cache: see `BigBirdPegasusModel.forward`, as for the four that follow.
            logits_to_keep: compute the logits of this many last positions, or of these (a tensor (K,) of
                positions); 0 computes all.

        Raises:
            ValueError: both or none of ids and embeddings, more tokens than there are positions, or
                `logits_to_keep` is neither.
        """
        states: BaseModelOutputWithPastAndCrossAttentions = self.decoder(
            input_ids,
            attention_mask,
            encoder_hidden_states,
            encoder_attention_mask,
            past_key_values,
            inputs_embeds,
            use_cache,
            output_attentions,
            output_hidden_states,
            return_dict=True,
        )
        check_kept(logits_to_keep, states.last_hidden_state.shape[1])
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(states.last_hidden_state[:, kept])
        output = CausalLMOutputWithCrossAttentions(
            loss=None if labels is None else language_modelling_loss(logits, labels),
            logits=logits,
            past_key_values=states.past_key_values,
            hidden_states=states.hidden_states,
            attentions=states.attentions,
            cross_attentions=states.cross_attentions,
        )
        return to_return_type(output, self.config, return_dict)

    def new_cache(self, attention_mask: Tensor | None = None) -> DecoderCache:
        """Make a cache for texts whose prompts (B, T) are masked so; any number of beams each may follow."""
        documents = None if attention_mask is None else len(attention_mask)
        return DecoderCache(len(self.decoder.layers), documents, prompt_mask=padding_mask_of(attention_mask))

    def next_token_logits(self, input_ids: Tensor, cache: DecoderCache) -> Tensor:
        """Feed new tokens (N, T) and return float32 logits (N, V) for the one that comes next."""
        return self.decode_step(input_ids, cache)[0]

    def decode_step(
        self, input_ids: Tensor, cache: DecoderCache, **asked: bool
    ) -> tuple[Tensor, BaseModelOutputWithPastAndCrossAttentions]:
        """Return the logits of `next_token_logits`, and the decoder's record with what was asked for."""
        states = self.decoder(input_ids, past_key_values=cache, return_dict=True, **asked)
        logits: Tensor = self.lm_head(states.last_hidden_state[:, -1])
        return logits.float(), states

    def prepare_inputs_for_generation(self, input_ids: Tensor, **named: Any) -> dict[str, Any]:
        """Return the arguments of a forward: wrappers such as peft's replace it while they generate."""
        return {"input_ids": input_ids, **named}

    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: Any = None,
        *,
        input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> Tensor | GenerationOutput:
        """Continue prompts (B, T): ids (B * R, T), prompts included; see `generation.continue_text`.

        `inputs` are the `input_ids`; without any, texts begin with the begin token. `labels` are not read.

        Raises:
            ConfigError: see there.
            ModelInputError: see there.
        """
        if inputs is not None and input_ids is not None:
            raise ModelInputError("give the prompts as inputs or as input_ids, not as both")
        ids = input_ids if inputs is None else inputs
        if options.pop("inputs_embeds", None) is not None:
            raise ConfigError("inputs_embeds are not offered for continuing texts: give input_ids")
        check_given(input_ids=ids, attention_mask=options.get("attention_mask"))
        if ids is not None and ids.dim() != 2:
            raise ModelInputError(f"input_ids are {tuple(ids.shape)}: prompts (batch, tokens) are needed")
        if ids is None:
            ids = torch.full((1, 1), self.config.bos_token_id or 0, device=self.device)
        return continue_text(self, ids, generation_config=generation_config, **options)

    def compute_transition_scores(
        self,
        sequences: Tensor,
        scores: Sequence[Tensor],
        beam_indices: Tensor | None = None,
        normalize_logits: bool = False,
    ) -> Tensor:
        """Return the score by which each new token was chosen; see `generation.outputs.transition_scores`."""
        return transition_scores(sequences, scores, beam_indices, self.config.vocab_size, normalize_logits)
