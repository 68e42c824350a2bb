"""Outputs of forward passes: frozen records with the published field names.

Each record also answers to a position (`output[0]`) and to a name (`output["logits"]`), counting only the
fields that are set, as the published outputs do; `to_tuple()` is what `return_dict=False` returns.
"""

from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from bigbird_pegasus.modeling.kv_cache import DecoderCache

Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class ModelOutput:
    """The ways to reach a field that all outputs share."""

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the fields that are set, in their order."""
        return tuple(value for f in fields(self) if (value := getattr(self, f.name)) is not None)

    def __getitem__(self, key: int | slice | str) -> Any:
        if isinstance(key, str):
            return {f.name: getattr(self, f.name) for f in fields(self)}[key]
        return self.to_tuple()[key]


@dataclass(frozen=True)
class BaseModelOutput(ModelOutput):
    """Of the encoder: states (B, S, D), and on request those of each layer and its attention (B, H, S, S)."""

    last_hidden_state: Tensor
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(frozen=True)
class DecoderOutput(ModelOutput):
    """Of the decoder: states (N, T, D); attentions (N, H, T, past + T), cross-attentions (N, H, T, S)."""

    last_hidden_state: Tensor
    past_key_values: DecoderCache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass(frozen=True)
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
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "last_hidden_state"}


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class CausalLMOutputWithCrossAttentions(ModelOutput):
    """Of a decoder alone: logits (N, T, V) at the positions asked for and, with labels, the loss."""

    loss: Tensor | None
    logits: Tensor
    past_key_values: DecoderCache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
