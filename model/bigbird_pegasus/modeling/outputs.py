"""Outputs of forward passes; see `model_output` for what they share."""

from typing import Any

from torch import Tensor

from bigbird_pegasus.model_output import ModelOutput
from bigbird_pegasus.modeling.kv_cache import DecoderCache

Tensors = tuple[Tensor, ...]


class BaseModelOutput(ModelOutput):
    """Of the encoder: states (B, S, D), and on request those of each layer and its attention (B, H, S, S)."""

    last_hidden_state: Tensor
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


class BaseModelOutputWithPastAndCrossAttentions(ModelOutput):
    """Of the decoder: states (N, T, D); attentions (N, H, T, past + T), cross-attentions (N, H, T, S)."""

    last_hidden_state: Tensor
    past_key_values: DecoderCache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


class Seq2SeqModelOutput(ModelOutput):
    """Of encoder and decoder: the decoder's states (N, T, D) first."""

    last_hidden_state: Tensor
    past_key_values: DecoderCache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None

    def for_head(self) -> dict[str, Any]:
        """Return all fields but the decoder's last states: those of a head's output beside its own result."""
        return {name: value for name, value in self.items() if name != "last_hidden_state"}


class Seq2SeqLMOutput(ModelOutput):
    """Of the generation model: logits (N, T, V) and, with labels, the mean loss over them."""

    loss: Tensor | None
    logits: Tensor
    past_key_values: DecoderCache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


class Seq2SeqSequenceClassifierOutput(ModelOutput):
    """Of the classification model: logits (B, labels) and, with labels, the loss."""

    loss: Tensor | None
    logits: Tensor
    past_key_values: DecoderCache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


class Seq2SeqQuestionAnsweringModelOutput(ModelOutput):
    """Of the question answering model: a score of each token (B, T) as start and as end, and the loss."""

    loss: Tensor | None
    start_logits: Tensor
    end_logits: Tensor
    past_key_values: DecoderCache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


class CausalLMOutputWithCrossAttentions(ModelOutput):
    """Of a decoder alone: logits (N, T, V) at the positions asked for and, with labels, the loss."""

    loss: Tensor | None
    logits: Tensor
    past_key_values: DecoderCache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
