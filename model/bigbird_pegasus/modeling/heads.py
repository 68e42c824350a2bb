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
from bigbird_pegasus.modeling.kv_cache import DecoderCache
from bigbird_pegasus.modeling.losses import classification_loss, language_modelling_loss, span_loss
from bigbird_pegasus.modeling.model import BigBirdPegasusModel, shift_right, to_return_type
from bigbird_pegasus.modeling.outputs import (
    BaseModelOutput,
    Seq2SeqLMOutput,
    Seq2SeqModelOutput,
    Seq2SeqQuestionAnsweringModelOutput,
    Seq2SeqSequenceClassifierOutput,
)
from bigbird_pegasus.modeling.pretrained import PretrainedModule

EncoderOutputs = BaseModelOutput | Sequence[Any]


class BigBirdPegasusForConditionalGeneration(PretrainedModule):
    """The model for summarization; its output head is the token embedding again, plus a bias."""

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
        self.output_head: nn.Module = OutputHead(self.model.encoder.embedding)
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
        """Generate texts for documents (B, S): ids (B * R, T); see `generation.generate`."""
        return generate(self, input_ids, attention_mask, generation_config, **options)

    def resize_token_embeddings(self, tokens: int) -> nn.Embedding:
        """Change the size of the vocabulary, see `PretrainedModule`; the bias of new tokens is zero."""
        embedding = super().resize_token_embeddings(tokens)
        bias = self.final_logits_bias
        self.final_logits_bias = F.pad(bias, (0, tokens - bias.shape[1]))  # a negative width cuts
        return embedding

    def _logits(self, states: Tensor) -> Tensor:
        """Return (…, V) of states (…, D)."""
        logits: Tensor = self.output_head(states)
        return logits + self.final_logits_bias


class OutputHead(nn.Module):
    """The token embedding the other way round, from states (…, D) to a score for each token (…, V).

    A module, so that another one with the same weights can take its place.
    """

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.embedding = embedding

    def forward(self, states: Tensor) -> Tensor:
        """Map (…, D) to (…, V)."""
        return F.linear(states, self.embedding.weight)


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


class BigBirdPegasusForSequenceClassification(PretrainedModule):
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


class BigBirdPegasusForQuestionAnswering(PretrainedModule):
    """The model for question answering: each decoder state is scored as the start and the end of a span."""

    head = ("qa_outputs.",)

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        super().__init__(config.replace(num_labels=2))
        self.model = BigBirdPegasusModel(self.config, random_attention)
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
