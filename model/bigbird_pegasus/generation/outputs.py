"""What `generate` returns where it is asked for more than ids, and how it is gathered.

Dimensions: B documents, R texts returned for each, N decoder rows, T decoder tokens, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.protocols import Hypothesis
from bigbird_pegasus.generation.sampling import padding_id
from bigbird_pegasus.model_output import ModelOutput


class GenerationOutput(ModelOutput):
    """The texts of B documents, R of each one, the best first, and what else was asked for.

    `sequences` (B * R, T) long: start token, text, end token, padding. `sequences_scores` (B * R,) float32:
    each text's log probability divided by the length penalty; of beams only. `scores` and `logits` are a
    tuple
    with a tensor (N, V) for each step, after and before the processors. `beam_indices` (B * R, steps) long:
    the
    row of the step before that each token continues, -1 after the end. Attentions and hidden states are a
    tuple
    with a tuple of all layers' for each step; those of the encoder once. A decoder alone has `attentions` and
    `hidden_states`.
    """

    sequences: Tensor
    sequences_scores: Tensor | None = None
    scores: tuple[Tensor, ...] | None = None
    logits: tuple[Tensor, ...] | None = None
    beam_indices: Tensor | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Any, ...] | None = None
    cross_attentions: tuple[Any, ...] | None = None
    decoder_hidden_states: tuple[Any, ...] | None = None
    attentions: tuple[Any, ...] | None = None
    hidden_states: tuple[Any, ...] | None = None
    past_key_values: Any = None


class EncoderRecord(ModelOutput):
    """An encoder's record, made of a tuple of its fields."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


def records(options: GenerationConfig) -> bool:
    """Return whether something of every step is to be returned."""
    return options.return_dict_in_generate and any(
        (
            options.output_scores,
            options.output_logits,
            options.output_attentions,
            options.output_hidden_states,
        )
    )


class Recorder:
    """A model that keeps what was asked for of every step; it takes the place of the model in a search."""

    def __init__(self, model: Any, options: GenerationConfig) -> None:
        """Keep what the options say; the model has `decode_step`."""
        self._model = model
        self._options = options
        self.scores: list[Tensor] = []
        self.trace: list[Tensor] = []  # of beam search, see `SearchControls`
        self._logits: list[Tensor] = []
        self._states: list[Any] = []

    def next_token_logits(self, input_ids: Tensor, cache: Any) -> Tensor:
        """See `StepModel`."""
        options = self._options
        logits, states = self._model.decode_step(
            input_ids,
            cache,
            output_attentions=options.output_attentions,
            output_hidden_states=options.output_hidden_states,
        )
        if options.output_logits:
            self._logits.append(logits.clone())
        self._states.append(states)
        result: Tensor = logits
        return result

    def keep_scores(self, tokens: Tensor, scores: Tensor) -> Tensor:
        """Keep the scores of a step: the last processor."""
        if self._options.output_scores:
            self.scores.append(scores.clone())
        return scores

    def fields(self, found: Sequence[Hypothesis], prompt_length: int, encoded: Any) -> dict[str, Any]:
        """Return the fields of `GenerationOutput` beside the texts; `encoded` is the encoder's record, if
        any."""
        options = self._options
        fields: dict[str, Any] = {
            "scores": tuple(self.scores) if options.output_scores else None,
            "logits": tuple(self._logits) if options.output_logits else None,
        }
        if options.num_beams > 1:
            fields["beam_indices"] = _beam_indices(found, self.trace, prompt_length)
        if options.output_attentions:
            attentions = tuple(states.attentions for states in self._states)
            if encoded is None:
                fields["attentions"] = attentions
            else:
                fields["decoder_attentions"] = attentions
                fields["cross_attentions"] = tuple(states.cross_attentions for states in self._states)
                fields["encoder_attentions"] = encoded.attentions
        if options.output_hidden_states:
            name = "hidden_states" if encoded is None else "decoder_hidden_states"
            fields[name] = tuple(states.hidden_states for states in self._states)
            if encoded is not None:
                fields["encoder_hidden_states"] = encoded.hidden_states
        return fields


def _beam_indices(found: Sequence[Hypothesis], trace: Sequence[Tensor], prompt_length: int) -> Tensor:
    """Follow each text back from the row of its last token: (texts, steps) long, -1 after the end."""
    rows = []
    for hypothesis in found:
        row, path = hypothesis.last_row, []
        for step in reversed(range(len(hypothesis.tokens) - prompt_length)):
            path.append(row)
            row = int(trace[step - 1][row]) if step else row
        rows.append(torch.tensor(path[::-1]))
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)


def texts_of(found: Sequence[Hypothesis], options: GenerationConfig, device: torch.device) -> dict[str, Any]:
    """Put texts side by side, padded on the right: the fields `sequences` and `sequences_scores`."""
    filler = padding_id(options)
    if options.num_beams > 1 and filler == 0 and options.eos_token_ids:
        # transformers fills up beam search's texts with the end token where the padding id is 0, as it is in
        # the published checkpoints (`pad_token_id or eos_token_id[0]`); equal ids are worth more than the
        # nicer filler.
        filler = options.eos_token_ids[0]
    texts = [torch.tensor(hypothesis.tokens, device=device) for hypothesis in found]
    sequences = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=filler)
    scores = None
    if found[0].score is not None:
        scores = torch.tensor([hypothesis.score for hypothesis in found], device=device)
    return {"sequences": sequences, "sequences_scores": scores}


def transition_scores(
    sequences: Tensor,
    scores: Sequence[Tensor],
    beam_indices: Tensor | None,
    vocabulary: int,
    normalize_logits: bool,
) -> Tensor:
    """Return the score by which each new token of texts was chosen, (texts, steps); 0 after a beam's end.

    Args:
        sequences: (texts, T) ids, prompts included.
        scores: (N, V) for each step.
        beam_indices: (texts, steps); None without beams, where row i is text i.
        vocabulary: V.
        normalize_logits: make log probabilities of the scores first.
    """
    if beam_indices is None:
        rows = torch.arange(len(scores[0]), device=sequences.device).view(-1, 1).expand(-1, len(scores))
    else:
        rows = beam_indices.to(sequences.device)
    steps = int((rows >= 0).sum(dim=1).max())
    if not steps:
        return torch.zeros(len(sequences), 0, device=sequences.device)
    rows = rows[:, :steps]
    stacked = torch.stack(tuple(scores[:steps]), dim=1)  # (N, steps, V)
    if normalize_logits:
        stacked = stacked.log_softmax(dim=-1)
    chosen = sequences[:, sequences.shape[1] - len(scores) :][:, :steps] if beam_indices is None else None
    if chosen is None:
        chosen = sequences[:, sequences.shape[1] - steps :]
    after = rows < 0
    picked = stacked[
        rows.clamp(min=0), torch.arange(steps, device=sequences.device), chosen.clamp(max=vocabulary - 1)
    ]
    return picked.masked_fill(after, 0.0)
