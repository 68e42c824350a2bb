"""Encoder-decoder models with a head: generation, classification, question answering.

Arguments are the published ones. Those that all encoder-decoder models share are explained once, at
`BigBirdPegasusModel.forward`.

Dimensions: B documents, N decoder rows (documents x beams), T tokens, S source tokens, D model width,
V vocabulary, C labels.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bigbird_pegasus.config import BigBirdPegasusConfig, RandomAttention
from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.generate import GenerationOutput, generate
from bigbird_pegasus.generation.outputs import transition_scores
from bigbird_pegasus.model_output import to_return_type
from bigbird_pegasus.modeling.attention import padding_mask_of
from bigbird_pegasus.modeling.input_checks import GENERATE_TENSORS, check_given
from bigbird_pegasus.modeling.kv_cache import DecoderCache
from bigbird_pegasus.modeling.losses import classification_loss, language_modelling_loss, span_loss
from bigbird_pegasus.modeling.model import BigBirdPegasusModel, read_encoding, shift_right
from bigbird_pegasus.modeling.outputs import (
    BaseModelOutput,
    BaseModelOutputWithPastAndCrossAttentions,
    Seq2SeqLMOutput,
    Seq2SeqModelOutput,
    Seq2SeqQuestionAnsweringModelOutput,
    Seq2SeqSequenceClassifierOutput,
)
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel

EncoderOutputs = BaseModelOutput | Sequence[Any]


class BigBirdPegasusForConditionalGeneration(BigBirdPegasusPreTrainedModel):
    """The model for summarization; its output head is the token embedding again, plus a bias.

    Where the configuration says `tie_word_embeddings: false` the head has a table of its own.
    """

    head = ("final_logits_bias",)

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        """Make the layers.

        Raises:
            ConfigError: the configuration says that there is no decoder.
        """
        super().__init__(config)
        if not config.is_encoder_decoder:
            raise ConfigError("is_encoder_decoder is false: a model that writes needs its decoder")
        self.model = BigBirdPegasusModel(config, random_attention)
        self.ties_output_head = config.tie_word_embeddings
        device = "meta" if self.ties_output_head else None  # nothing is drawn for a table that is there
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False, device=device)
        self.init_weights()
        self.final_logits_bias: Tensor
        self.register_buffer("final_logits_bias", torch.zeros(1, config.vocab_size))
        self.generation_config = GenerationConfig.from_model_config(config)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutputs | None = None,
        past_key_values: DecoderCache | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache_position: Tensor | None = None,
    ) -> Seq2SeqLMOutput | tuple[Any, ...]:
        """Score every token of the vocabulary at every decoder position.

        Args:
            labels: (N, T), -100 where there is nothing to learn; asks for the loss. Shifted right they are
                the decoder's input where none is given. No cache is returned with them.

        Raises:
            ValueError: see `BigBirdPegasusModel.forward`.
        """
        if labels is not None:
            use_cache = False
            if decoder_input_ids is None and decoder_inputs_embeds is None:
                decoder_input_ids = shift_right(labels, self.config)
        states: Seq2SeqModelOutput = self.model(
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
            return_dict=True,
        )
        logits = self._logits(states.last_hidden_state)
        loss = None if labels is None else language_modelling_loss(logits, labels)
        return to_return_type(Seq2SeqLMOutput(loss, logits, **states.for_head()), self.config, return_dict)

    def encode(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **asked: bool,
    ) -> BaseModelOutput:
        """Run the encoder alone over (B, S) or embeddings (B, S, D); `asked` is what to return beside."""
        encoded: BaseModelOutput = self.model.encoder(
            input_ids, attention_mask, inputs_embeds, return_dict=True, **asked
        )
        return encoded

    def new_cache(
        self, encoder_hidden: Tensor, attention_mask: Tensor | None = None, prompt_mask: Tensor | None = None
    ) -> DecoderCache:
        """Make a decoder cache for documents (B, S, D); any number of beams for each may follow.

        `prompt_mask` (B, P) is 0 at the padding of what the texts begin with.
        """
        cache = self.model.decoder.remember_source(encoder_hidden, attention_mask)
        cache.prompt_mask = padding_mask_of(prompt_mask)
        return cache

    def next_token_logits(self, input_ids: Tensor, cache: DecoderCache) -> Tensor:
        """Feed new tokens (N, T) and return float32 logits (N, V) for the one that comes next."""
        return self.decode_step(input_ids, cache)[0]

    def decode_step(
        self, input_ids: Tensor, cache: DecoderCache, **asked: bool
    ) -> tuple[Tensor, BaseModelOutputWithPastAndCrossAttentions]:
        """Return the logits of `next_token_logits`, and the decoder's record with what was asked for."""
        states = self.model.decoder(input_ids, past_key_values=cache, return_dict=True, **asked)
        return self._logits(states.last_hidden_state[:, -1]).float(), states

    def token_logits(self, input_ids: Tensor, cache: DecoderCache) -> Tensor:
        """Feed new tokens (N, T) and return float32 logits (N, T, V) after each of them."""
        states = self.model.decoder(input_ids, past_key_values=cache, return_dict=True)
        return self._logits(states.last_hidden_state).float()

    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: Any = None,
        *,
        input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> Tensor | GenerationOutput:
        """Generate texts for documents (B, S): ids (B * R, T); see `generation.generate`.

        `inputs` are the `input_ids`; `labels` are accepted because trainers hand on whole batches, and not
        read.

        Raises:
            ConfigError: see there.
            ModelInputError: see there.
        """
        if inputs is not None and input_ids is not None:
            raise ModelInputError("give the documents as inputs or as input_ids, not as both")
        ids = input_ids if inputs is None else inputs
        check_given(input_ids=ids, **{name: options.get(name) for name in GENERATE_TENSORS})
        if options.get("encoder_outputs") is not None:
            options["encoder_outputs"] = read_encoding(options["encoder_outputs"], self.config.d_model)
        return generate(self, ids, generation_config=generation_config, **options)

    def compute_transition_scores(
        self,
        sequences: Tensor,
        scores: Sequence[Tensor],
        beam_indices: Tensor | None = None,
        normalize_logits: bool = False,
    ) -> Tensor:
        """Return the score by which each new token was chosen; see `generation.outputs.transition_scores`."""
        return transition_scores(sequences, scores, beam_indices, self.config.vocab_size, normalize_logits)

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """Return what the decoder reads to learn labels (N, T): they are shifted right by one."""
        return shift_right(labels, self.config)

    def prepare_inputs_for_generation(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Return the arguments of a forward: wrappers such as peft's replace it while they generate."""
        return {**named, **({"decoder_input_ids": arguments[0]} if arguments else {})}

    def _prepare_encoder_decoder_kwargs_for_generation(
        self, inputs_tensor: Tensor, model_kwargs: dict[str, Any], *others: Any
    ) -> dict[str, Any]:
        """Encode, for wrappers such as peft's, which look for this name."""
        encoded = self.encode(inputs_tensor, model_kwargs.get("attention_mask"))
        return {**model_kwargs, "encoder_outputs": encoded}

    def resize_token_embeddings(
        self,
        new_num_tokens: int | None = None,
        pad_to_multiple_of: int | None = None,
        mean_resizing: bool = True,
    ) -> nn.Module:
        """Change the size of the vocabulary, see `ModelMethods`; the bias of new tokens is zero."""
        embedding = super().resize_token_embeddings(new_num_tokens, pad_to_multiple_of, mean_resizing)
        bias = self.final_logits_bias
        wider = self.config.vocab_size - bias.shape[1]
        self.final_logits_bias = F.pad(bias, (0, wider))  # a negative width cuts
        return embedding

    def _logits(self, states: Tensor) -> Tensor:
        """Return (…, V) of states (…, D)."""
        logits: Tensor = self.lm_head(states)
        return logits + self.final_logits_bias


class ClassificationHead(nn.Module):
    """Two linear maps with tanh between, from a state (B, D) to a score for each label (B, C)."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.d_model, config.d_model)
        self.out_proj = nn.Linear(config.d_model, config.num_labels)
        self.dropout = nn.Dropout(config.classifier_dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Map (B, D) to (B, C)."""
        scores: Tensor = self.out_proj(self.dropout(torch.tanh(self.dense(self.dropout(states)))))
        return scores


class BigBirdPegasusForSequenceClassification(BigBirdPegasusPreTrainedModel):
    """The model for classification: a head on the decoder's state at the last end token."""

    head = ("classification_head.",)

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        super().__init__(config)
        self.model = BigBirdPegasusModel(config, random_attention)
        self.classification_head = ClassificationHead(config)
        self.initialize(self.classification_head)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutputs | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache_position: Tensor | None = None,
    ) -> Seq2SeqSequenceClassifierOutput | tuple[Any, ...]:
        """Score every label of each document: logits (B, C).

        Args:
            input_ids: (B, S), always needed: the states that are read are where they hold end tokens.
            labels: ask for the loss, see `losses.classification_loss`; no cache is returned with them.

        Raises:
            NotImplementedError: no ids are given, as published also where embeddings or encodings are.
            ValueError: documents differ in their number of end tokens or have none, the decoder reads
                another number of tokens than the encoder, labels have another shape than the logits need; or
                see `BigBirdPegasusModel.forward`.
        """
        if input_ids is None:
            raise NotImplementedError("classification looks for the end tokens in input_ids: give them")
        states: Seq2SeqModelOutput = self.model(
            input_ids,
            attention_mask,
            decoder_input_ids,
            decoder_attention_mask,
            encoder_outputs,
            None,
            inputs_embeds,
            decoder_inputs_embeds,
            use_cache if labels is None else False,
            output_attentions,
            output_hidden_states,
            return_dict=True,
        )
        chosen = _states_at_last_end(states.last_hidden_state, input_ids, self.config)
        logits = self.classification_head(chosen)
        loss = None if labels is None else classification_loss(logits, labels, self.config.problem_type)
        output = Seq2SeqSequenceClassifierOutput(loss, logits, **states.for_head())
        return to_return_type(output, self.config, return_dict)


class BigBirdPegasusForQuestionAnswering(BigBirdPegasusPreTrainedModel):
    """The model for question answering: each decoder state is scored as the start and the end of a span."""

    head = ("qa_outputs.",)

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        super().__init__(config)
        config.num_labels = 2  # as published
        self.model = BigBirdPegasusModel(config, random_attention)
        self.qa_outputs = nn.Linear(config.d_model, 2)
        self.initialize(self.qa_outputs)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutputs | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache_position: Tensor | None = None,
    ) -> Seq2SeqQuestionAnsweringModelOutput | tuple[Any, ...]:
        """Score every token as the start and as the end of a span: logits (B, T) each.

        Args:
            start_positions: (B,), with `end_positions` asks for the loss, see `losses.span_loss`; no cache is
                returned with them.
            end_positions: (B,).

        Raises:
            ValueError: one of the positions without the other; or see `BigBirdPegasusModel.forward`.
        """
        if (start_positions is None) != (end_positions is None):
            raise ModelInputError("give start_positions and end_positions together, or neither")
        states: Seq2SeqModelOutput = self.model(
            input_ids,
            attention_mask,
            decoder_input_ids,
            decoder_attention_mask,
            encoder_outputs,
            None,
            inputs_embeds,
            decoder_inputs_embeds,
            use_cache if start_positions is None else False,
            output_attentions,
            output_hidden_states,
            return_dict=True,
        )
        start_logits, end_logits = self.qa_outputs(states.last_hidden_state).unbind(dim=-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = span_loss(start_logits, end_logits, start_positions, end_positions)
        output = Seq2SeqQuestionAnsweringModelOutput(loss, start_logits, end_logits, **states.for_head())
        return to_return_type(output, self.config, return_dict)


def _states_at_last_end(states: Tensor, ids: Tensor, config: BigBirdPegasusConfig) -> Tensor:
    """Return (B, D), the state (B, T, D) of each document where its ids (B, T) hold the last end token."""
    if states.shape[:2] != ids.shape:
        raise ModelInputError(
            f"the decoder read {tuple(states.shape[:2])} tokens and input_ids are {tuple(ids.shape)}: the "
            "end tokens of the ids choose among the decoder's states"
        )
    ends = torch.isin(ids, torch.tensor(config.eos_token_ids, device=ids.device))
    counts = ends.sum(dim=1)
    if not bool((counts == counts[0]).all()):
        raise ModelInputError(
            f"all examples must have the same number of <eos> tokens, not {counts.tolist()}"
        )
    if not bool(counts[0]):
        raise ModelInputError(f"each example must contain at least one <eos> token ({config.eos_token_id})")
    last = (ends * torch.arange(1, ids.shape[1] + 1, device=ids.device)).argmax(dim=1)
    return states[torch.arange(len(states), device=states.device), last]
