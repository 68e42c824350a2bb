"""`generate`: from documents and options to the ids of their summaries.

    options   -> config.py                lengths, beams, penalties, sampling
    encode    -> the model                once per document
    search    -> sampling.py, beam_search.py
    scores    -> logits_processors.py     penalties, bans, filters

Dimensions: B documents, R texts returned for each, S source tokens, T decoder tokens.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.generation.beam_search import beam_search
from bigbird_pegasus.generation.config import DEFAULT_NEW_TOKENS, GenerationConfig, as_tuple
from bigbird_pegasus.generation.logits_processors import processors_for
from bigbird_pegasus.generation.protocols import (
    CacheT,
    CacheT_contra,
    GenerationStep,
    Hypothesis,
    StepCallback,
    StepModel,
)
from bigbird_pegasus.generation.sampling import padding_id, sample

__all__ = ["GenerationConfig", "GenerationOutput", "GenerationStep", "continue_text", "generate"]


class EncoderResult(Protocol):
    """What an encoder returns."""

    @property
    def last_hidden_state(self) -> Tensor:
        """(B, S, D)."""


class ConfiguredModel(StepModel[CacheT_contra], Protocol[CacheT_contra]):
    """A model that writes."""

    @property
    def config(self) -> BigBirdPegasusConfig:
        """The model's configuration."""


class ContinuingModel(ConfiguredModel[CacheT], Protocol[CacheT]):
    """A model that continues a text."""

    def new_cache(self, attention_mask: Tensor | None) -> CacheT:
        """Return a cache for texts that begin with prompts (B, T), of which no token has been read yet."""


class WritingModel(ConfiguredModel[CacheT], Protocol[CacheT]):
    """A model that reads a document and writes a text about it."""

    def encode(self, input_ids: Tensor, attention_mask: Tensor | None) -> EncoderResult:
        """Encode documents (B, S)."""

    def new_cache(self, encoder_hidden: Tensor, attention_mask: Tensor | None) -> CacheT:
        """Return a cache for documents (B, S, D), of which no row has been read yet."""


@dataclass(frozen=True)
class GenerationOutput:
    """The texts of B documents, R of each one, the best first.

    `sequences` (B * R, T) long: start token, text, end token, padding. `sequences_scores` (B * R,) float32:
    each text's log probability divided by the length penalty; None without beams.
    """

    sequences: Tensor
    sequences_scores: Tensor | None = None


@torch.no_grad()
def generate(
    model: WritingModel[CacheT],
    input_ids: Tensor | None = None,
    attention_mask: Tensor | None = None,
    generation_config: GenerationConfig | None = None,
    *,
    encoder_outputs: EncoderResult | None = None,
    decoder_input_ids: Tensor | None = None,
    on_step: StepCallback | None = None,
    **options: Any,
) -> Tensor | GenerationOutput:
    """Write `num_return_sequences` texts about each document.

    Args:
        model: a model with a decoder.
        input_ids: (B, S) the documents, padded on the right; not needed with `encoder_outputs`.
        attention_mask: (B, S) 1 for tokens, 0 for padding; None where there is no padding.
        generation_config: the options; None takes `model.generation_config`, or else those in `model.config`.
        encoder_outputs: the documents' encoding, when it has been computed before.
        decoder_input_ids: (B, T) tokens that the texts of each document begin with; the start token is put
            before them where no row has it. None: the start token alone.
        on_step: called with a `GenerationStep` after each step; what it raises ends the search.
        options: fields of `GenerationConfig` that replace those of the configuration.

    Returns:
        Ids (B * R, T), or with `return_dict_in_generate` a `GenerationOutput`.

    Raises:
        ConfigError: an option is unknown or impossible, or does not fit the model.
    """
    settings = settings_for(model, generation_config, options)
    if encoder_outputs is None:
        if input_ids is None:
            raise ConfigError("generate needs input_ids or encoder_outputs")
        encoder_outputs = model.encode(input_ids, attention_mask)
    hidden = encoder_outputs.last_hidden_state  # (B, S, D)
    prompt = _prompt(hidden, decoder_input_ids, settings)
    return search(model, model.new_cache(hidden, attention_mask), prompt, settings, on_step)


@torch.no_grad()
def continue_text(
    model: ContinuingModel[CacheT],
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    generation_config: GenerationConfig | None = None,
    *,
    on_step: StepCallback | None = None,
    **options: Any,
) -> Tensor | GenerationOutput:
    """Write `num_return_sequences` continuations of each prompt.

    Args:
        model: a decoder.
        input_ids: (B, T) the prompts. Padding, if any, belongs on the left: writing continues after the last
            position, whatever stands there.
        attention_mask: (B, T) 1 for tokens, 0 for padding; None: padding is where `input_ids` have its id.
        generation_config: the options; None takes `model.generation_config`, or else those in `model.config`.
        on_step: called with a `GenerationStep` after each step; what it raises ends the search.
        options: fields of `GenerationConfig` that replace those of the configuration.

    Returns:
        Ids (B * R, T), prompts included, or with `return_dict_in_generate` a `GenerationOutput`.

    Raises:
        ConfigError: an option is unknown or impossible, or does not fit the model.
    """
    settings = settings_for(model, generation_config, options)
    if attention_mask is None:
        attention_mask = _mask_of_padding(input_ids, settings)
    if attention_mask is None:  # the cache learns from it how many documents there are
        attention_mask = torch.ones_like(input_ids)
    return search(model, model.new_cache(attention_mask), input_ids, settings, on_step)


def search(
    model: ConfiguredModel[CacheT],
    cache: CacheT,
    prompt: Tensor,
    settings: GenerationConfig,
    on_step: StepCallback | None,
) -> Tensor | GenerationOutput:
    """Continue the prompts (B, T) by beam search, by sampling or greedily, as the settings say."""
    min_length, max_length = lengths(settings, prompt.shape[1], model.config.max_position_embeddings)
    processors = processors_for(settings, min_length, max_length)
    find = beam_search if settings.num_beams > 1 else sample
    found = find(model, cache, prompt, settings, processors, max_length, on_step)

    output = _output([hypothesis for document in found for hypothesis in document], settings, prompt.device)
    return output if settings.return_dict_in_generate else output.sequences


def _mask_of_padding(ids: Tensor, options: GenerationConfig) -> Tensor | None:
    """Return the mask (B, T) that the padding in `ids` suggests, as published: none if it may end a text."""
    pad = options.pad_token_id
    return None if pad is None or pad in options.eos_token_ids else ids.ne(pad).long()


def lengths(options: GenerationConfig, prompt_length: int, positions: int) -> tuple[int, int]:
    """Return the minimum and the maximum number of decoder tokens, prompt included.

    `positions` is how many tokens the decoder can read; the last token of a text is never read.

    Raises:
        ConfigError: there is no room for a new token, or too few positions.
    """
    max_length = min(prompt_length + DEFAULT_NEW_TOKENS, positions)
    if options.max_length is not None:
        max_length = options.max_length
    if options.max_new_tokens is not None:
        max_length = prompt_length + options.max_new_tokens
    if max_length <= prompt_length:
        raise ConfigError(f"max_length is {max_length}, but the text begins with {prompt_length} tokens")
    if max_length - 1 > positions:
        raise ConfigError(f"max_length is {max_length}: this model can write at most {positions + 1} tokens")
    min_length = options.min_length
    if options.min_new_tokens is not None:
        min_length = prompt_length + options.min_new_tokens
    return min_length, max_length


def settings_for(
    model: ConfiguredModel[CacheT], given: GenerationConfig | None, options: Mapping[str, Any]
) -> GenerationConfig:
    """Return the options given, or else the model's own, with those replaced that `options` name.

    Raises:
        ConfigError: an option is unknown or impossible, or a token id is not in the vocabulary.
    """
    settings = getattr(model, "generation_config", None) if given is None else given
    if not isinstance(settings, GenerationConfig):
        settings = GenerationConfig.from_model_config(model.config)
    return _with_token_ids(settings.replace(**options), model.config)


def _with_token_ids(options: GenerationConfig, config: BigBirdPegasusConfig) -> GenerationConfig:
    """Fill in the token ids that the options leave to the model, and check that the model has them all."""
    names = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
    missing = {name: getattr(config, name) for name in names if getattr(options, name) is None}
    options = dataclasses.replace(options, **missing)
    for name in (*names, "forced_bos_token_id", "forced_eos_token_id"):
        for value in as_tuple(getattr(options, name)):
            if value >= config.vocab_size:
                raise ConfigError(f"{name} is {value}: the model's vocabulary has {config.vocab_size} tokens")
    return options


def start_tokens(documents: int, options: GenerationConfig, device: torch.device) -> Tensor:
    """Return the tokens (B, 1) that texts begin with where nothing else is given."""
    return torch.full((documents, 1), options.decoder_start_token_id or 0, dtype=torch.long, device=device)


def _prompt(hidden: Tensor, given: Tensor | None, options: GenerationConfig) -> Tensor:
    """Return the tokens (B, T) that the texts begin with."""
    documents, device = len(hidden), hidden.device
    start = start_tokens(documents, options, device)
    if given is None:
        return start
    if given.ndim != 2 or len(given) != documents:
        raise ConfigError(f"decoder_input_ids must be ({documents}, tokens), not {tuple(given.shape)}")
    given = given.to(device)
    return given if (given[:, :1] == start).any() else torch.cat((start, given), dim=1)


def _output(found: list[Hypothesis], options: GenerationConfig, device: torch.device) -> GenerationOutput:
    """Put texts side by side, padded on the right."""
    filler = padding_id(options)
    if options.num_beams > 1 and filler == 0 and options.eos_token_ids:
        # transformers fills up beam search's texts with the end token where the padding id is 0, as it is in
        # the published checkpoints (`pad_token_id or eos_token_id[0]`); equal ids are worth more than the
        # nicer filler.
        filler = options.eos_token_ids[0]
    texts = [torch.tensor(hypothesis.tokens, device=device) for hypothesis in found]
    sequences = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=filler)
    if found[0].score is None:
        return GenerationOutput(sequences)
    scores = torch.tensor([hypothesis.score for hypothesis in found], device=device)
    return GenerationOutput(sequences, scores)
