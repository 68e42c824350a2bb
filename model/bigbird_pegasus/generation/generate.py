"""`generate`: from documents and options to the ids of their summaries.

    options   -> config.py                lengths, beams, penalties, sampling
    encode    -> the model                once per document
    search    -> sampling.py, beam_search.py
    scores    -> logits_processors.py     penalties, bans, filters

Dimensions: B documents, R texts returned for each, S source tokens, T decoder tokens.
"""

import dataclasses
from collections.abc import Mapping
from itertools import chain
from typing import Any, Protocol

import torch
from torch import Tensor

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.generation.beam_search import beam_search
from bigbird_pegasus.generation.config import DEFAULT_NEW_TOKENS, GenerationConfig
from bigbird_pegasus.generation.config_checks import as_tuple, bias_pairs
from bigbird_pegasus.generation.hooks import NO_HOOKS, Hooks, split_hooks, step_callback, stops_of
from bigbird_pegasus.generation.logits_processors import (
    Processor,
    Surroundings,
    depend_on_rows,
    processors_for,
)
from bigbird_pegasus.generation.outputs import EncoderRecord, GenerationOutput, Recorder, records, texts_of
from bigbird_pegasus.generation.prompts import (
    mask_of_padding,
    prompt_mask_of,
    prompt_of,
    shape,
    tokens_read,
)
from bigbird_pegasus.generation.protocols import (
    CacheT,
    CacheT_contra,
    GenerationStep,
    SearchControls,
    StepCallback,
    StepModel,
)
from bigbird_pegasus.generation.sampling import sample
from bigbird_pegasus.generation.speculative import Assistant, Draft, Lookup, check_speculation, speculate

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

    def encode(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        inputs_embeds: Tensor | None,
        **asked: bool,
    ) -> EncoderResult:
        """Encode documents (B, S), or their embeddings (B, S, D)."""

    def new_cache(
        self, encoder_hidden: Tensor, attention_mask: Tensor | None, prompt_mask: Tensor | None
    ) -> CacheT:
        """Return a cache for documents (B, S, D), of which no row has been read yet."""


@torch.no_grad()
def generate(
    model: WritingModel[CacheT],
    input_ids: Tensor | None = None,
    attention_mask: Tensor | None = None,
    generation_config: Any = None,
    *,
    inputs_embeds: Tensor | None = None,
    encoder_outputs: Any = None,
    decoder_input_ids: Tensor | None = None,
    decoder_attention_mask: Tensor | None = None,
    past_key_values: Any = None,
    **options: Any,
) -> Tensor | GenerationOutput:
    """Write `num_return_sequences` texts about each document.

    Args:
        model: a model with a decoder.
        input_ids: (B, S) the documents, padded on the right; not needed with `encoder_outputs`.
        attention_mask: (B, S) 1 for tokens, 0 for padding; None where there is no padding.
        generation_config: the options; None takes `model.generation_config`, or else those in `model.config`.
            One of transformers does as well.
        inputs_embeds: (B, S, D) in place of `input_ids`.
        encoder_outputs: the documents' encoding, when it has been computed before: the record, or its fields.
        decoder_input_ids: (B, T) tokens that the texts of each document begin with; the start token is put
            before them where no row has it. None: the start token alone.
        decoder_attention_mask: (B, T), 0 at the padding of `decoder_input_ids`.
        past_key_values: the cache of earlier forwards that read the first of `decoder_input_ids`; it is
            continued and changed. Not with beams or several texts.
        options: fields of `GenerationConfig` that replace those of the configuration, and of `Hooks`.

    Returns:
        Ids (B * R, T), or with `return_dict_in_generate` a `GenerationOutput`.

    Raises:
        ConfigError: an option is unknown or impossible, or does not fit the model.
        ModelInputError: a tensor does not fit the others.
    """
    hooks, options = split_hooks(options)
    settings = settings_for(model, generation_config, options)
    encoded = _encoded(model, input_ids, attention_mask, inputs_embeds, encoder_outputs, settings)
    hidden = encoded.last_hidden_state  # (B, S, D)
    prompt = prompt_of(hidden, decoder_input_ids, settings)
    prompt_mask = prompt_mask_of(prompt, decoder_input_ids, decoder_attention_mask)
    read = 0
    if past_key_values is None:
        cache = model.new_cache(hidden, attention_mask, prompt_mask)
    else:
        cache, read = past_key_values, tokens_read(past_key_values, prompt, settings)
    if settings.prompt_lookup_num_tokens is not None or hooks.assistant_model is not None:
        check_speculation(prompt, settings)
        draft: Draft = Lookup(input_ids, settings)
        if hooks.assistant_model is not None:
            draft = _assistant(model, hooks.assistant_model, input_ids, attention_mask, settings)
        return _speculate(model, cache, prompt, settings, hooks, input_ids, draft)
    return search(
        model,
        cache,
        prompt,
        settings,
        hooks=hooks,
        documents=input_ids,
        prompt_mask=prompt_mask if decoder_attention_mask is not None else None,
        encoded=encoded,
        read=read,
    )


@torch.no_grad()
def continue_text(
    model: ContinuingModel[CacheT],
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    generation_config: Any = None,
    **options: Any,
) -> Tensor | GenerationOutput:
    """Write `num_return_sequences` continuations of each prompt.

    Args:
        model: a decoder.
        input_ids: (B, T) the prompts. Padding, if any, belongs on the left: writing continues after the last
            position, whatever stands there.
        attention_mask: (B, T) 1 for tokens, 0 for padding; None: padding is where `input_ids` have its id.
        generation_config: the options; None takes `model.generation_config`, or else those in `model.config`.
        options: fields of `GenerationConfig` that replace those of the configuration, and of `Hooks`.

    Returns:
        Ids (B * R, T), prompts included, or with `return_dict_in_generate` a `GenerationOutput`.

    Raises:
        ConfigError: an option is unknown or impossible, or does not fit the model.
        ModelInputError: a tensor does not fit the others.
    """
    hooks, options = split_hooks(options)
    settings = settings_for(model, generation_config, options)
    if settings.prompt_lookup_num_tokens is not None or hooks.assistant_model is not None:
        raise ConfigError("assistant_model and prompt_lookup_num_tokens are for models that read a document")
    given = attention_mask
    if attention_mask is None:
        attention_mask = mask_of_padding(input_ids, settings)
    elif attention_mask.shape != input_ids.shape:
        raise ModelInputError(f"attention_mask is {shape(attention_mask)}: input_ids are {shape(input_ids)}")
    if attention_mask is None:  # the cache learns from it how many documents there are
        attention_mask = torch.ones_like(input_ids)
    return search(model, model.new_cache(attention_mask), input_ids, settings, hooks=hooks, prompt_mask=given)


def search(
    model: ConfiguredModel[CacheT],
    cache: CacheT,
    prompt: Tensor,
    settings: GenerationConfig,
    on_step: StepCallback | None = None,
    *,
    hooks: Hooks = NO_HOOKS,
    documents: Tensor | None = None,
    prompt_mask: Tensor | None = None,
    encoded: Any = None,
    read: int = 0,
) -> Tensor | GenerationOutput:
    """Continue the prompts (B, T) by beam search, by sampling or greedily, as the settings say.

    Args:
        model: writes.
        cache: knows the documents.
        prompt: (B, T).
        settings: the options.
        on_step: in place of the hooks' own.
        hooks: see `Hooks`.
        documents: (B, S), the ids of what is read, where there is such.
        prompt_mask: (B, T), 0 at the padding of prompts.
        encoded: the encoder's record, for the output.
        read: how many tokens of the prompt the cache holds already.
    """
    if on_step is not None:
        hooks = dataclasses.replace(hooks, on_step=on_step)
    around, processors = surroundings(settings, prompt, model.config, hooks, documents, prompt_mask)
    recorder = Recorder(model, settings) if records(settings) else None
    if recorder is not None:
        processors.append(recorder.keep_scores)
    shown = recorder.scores if recorder is not None and settings.output_scores else None
    controls = SearchControls(
        stops=stops_of(hooks, settings, shown),
        keep_all=recorder is not None
        or bool(hooks.stopping_criteria or settings.stop_strings)
        or depend_on_rows(settings, around),
        read=read,
        trace=None if recorder is None else recorder.trace,
    )
    find = beam_search if settings.num_beams > 1 else sample
    callback = step_callback(hooks, prompt, settings)
    reader: Any = model if recorder is None else recorder
    texts = find(reader, cache, prompt, settings, processors, around.max_length, callback, controls)
    if hooks.streamer is not None:
        hooks.streamer.end()
    found = [hypothesis for document in texts for hypothesis in document]
    kept = {} if recorder is None else recorder.fields(found, prompt.shape[1], encoded)
    output = GenerationOutput(**texts_of(found, settings, prompt.device), **kept, past_key_values=cache)
    return output if settings.return_dict_in_generate else output.sequences


def surroundings(
    settings: GenerationConfig,
    prompt: Tensor,
    config: BigBirdPegasusConfig,
    hooks: Hooks,
    documents: Tensor | None,
    prompt_mask: Tensor | None,
) -> tuple[Surroundings, list[Processor]]:
    """Return what processors know, and the processors; see `search`."""
    min_length, max_length = lengths(settings, prompt.shape[1], config.max_position_embeddings)
    around = Surroundings(
        min_length,
        max_length,
        prompt.shape[1],
        documents,
        prompt_mask,
        hooks.prefix_allowed_tokens_fn,
        tuple(hooks.logits_processor or ()),
    )
    return around, processors_for(settings, around)


def _encoded(
    model: WritingModel[CacheT],
    input_ids: Tensor | None,
    attention_mask: Tensor | None,
    inputs_embeds: Tensor | None,
    encoder_outputs: Any,
    settings: GenerationConfig,
) -> Any:
    """Return the encoder's record, computed or given as such or as its fields."""
    if encoder_outputs is not None:
        is_record = hasattr(encoder_outputs, "last_hidden_state")
        return encoder_outputs if is_record else EncoderRecord(*encoder_outputs[:3])
    if input_ids is None and inputs_embeds is None:
        raise ConfigError("generate needs input_ids or encoder_outputs")
    asked = {}
    if settings.return_dict_in_generate:
        asked = {name: getattr(settings, name) for name in ("output_attentions", "output_hidden_states")}
    return model.encode(input_ids, attention_mask, inputs_embeds, **asked)


def _speculate(
    model: Any,
    cache: Any,
    prompt: Tensor,
    settings: GenerationConfig,
    hooks: Hooks,
    documents: Tensor | None,
    draft: Draft,
) -> Tensor | GenerationOutput:
    """Continue a prompt (1, T) by speculative decoding."""
    around, processors = surroundings(settings, prompt, model.config, hooks, documents, None)
    callback, stops = step_callback(hooks, prompt, settings), stops_of(hooks, settings, None)
    texts = speculate(model, cache, prompt, settings, processors, around.max_length, draft, callback, stops)
    if hooks.streamer is not None:
        hooks.streamer.end()
    output = GenerationOutput(**texts_of(texts[0], settings, prompt.device), past_key_values=cache)
    return output if settings.return_dict_in_generate else output.sequences


def _assistant(
    model: ConfiguredModel[CacheT],
    assistant: Any,
    input_ids: Tensor | None,
    attention_mask: Tensor | None,
    settings: GenerationConfig,
) -> Assistant:
    """Let an assistant read the document."""
    ours, theirs = model.config.vocab_size, assistant.config.vocab_size
    if input_ids is None:
        raise ConfigError("an assistant_model reads the document too: give input_ids")
    if ours != theirs:
        raise ConfigError(
            f"the assistant_model has {theirs} tokens and the model {ours}: they must be the same"
        )
    encoded = assistant.encode(input_ids, attention_mask)
    return Assistant(assistant, assistant.new_cache(encoded.last_hidden_state, attention_mask), settings)


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
    if settings is not None and not isinstance(settings, GenerationConfig):  # one of transformers
        if not hasattr(settings, "to_dict"):
            raise ConfigError(f"generation_config is a {type(settings).__name__}, not a GenerationConfig")
        settings = GenerationConfig.from_dict(
            {name: value for name, value in settings.to_dict().items() if value is not None}
        )
    if settings is None:
        settings = GenerationConfig.from_model_config(model.config)
    return _with_token_ids(settings.replace(**options), model.config)


def _with_token_ids(options: GenerationConfig, config: BigBirdPegasusConfig) -> GenerationConfig:
    """Fill in the token ids that the options leave to the model, and check that the model has them all."""
    names = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
    missing = {name: getattr(config, name) for name in names if getattr(options, name) is None}
    options = dataclasses.replace(options, **missing)
    forced, banned = (
        ("forced_bos_token_id", "forced_eos_token_id"),
        ("suppress_tokens", "begin_suppress_tokens"),
    )
    given = {name: as_tuple(getattr(options, name)) for name in (*names, *forced, *banned)}
    given["bad_words_ids"] = tuple(chain.from_iterable(options.bad_words_ids or ()))
    given["sequence_bias"] = tuple(chain.from_iterable(ids for ids, _ in bias_pairs(options.sequence_bias)))
    for name, values in given.items():
        if values and max(values) >= config.vocab_size:
            raise ConfigError(
                f"{name} holds {max(values)}: the model's vocabulary has {config.vocab_size} tokens"
            )
    return options
