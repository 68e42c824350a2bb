"""The pipeline "text-generation": prompts → what continues them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.modeling.causal_lm import BigBirdPegasusForCausalLM
from bigbird_pegasus.pipelines.shared import Record, check_inputs, device_of, encoded, save, without_ignored
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

# The published defaults, where neither the call nor the checkpoint says otherwise.
DEFAULT_NEW_TOKENS = 256
DEFAULT_TEMPERATURE = 0.7

OF_CHATS = ("continue_final_message", "documents", "tools")


@dataclass(frozen=True)
class TextGenerationPipeline:
    """Prompts → continuations."""

    model: BigBirdPegasusForCausalLM
    tokenizer: PegasusTokenizer
    options: Mapping[str, Any] = field(default_factory=dict)

    task = "text-generation"

    @property
    def device(self) -> torch.device:
        """Return where the model is."""
        return device_of(self.model)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model and tokenizer into a folder."""
        save(self.model, self.tokenizer, folder)

    def __call__(self, text_inputs: str | Iterable[str], **options: Any) -> Any:
        """Continue one prompt or several, one after the other.

        Args:
            text_inputs: the prompts; of an iterator the results are one too, each computed when it is asked
                for.
            options: see `PromptOptions`, and those of `generate`. Where neither they nor the checkpoint say
                so, at most 256 tokens are sampled, at temperature 0.7: `do_sample=False` for the same text
                every time.

        Returns:
            `[{"generated_text": …}]` for a prompt, a list of those for several.

        Raises:
            ConfigError: an option is unknown or impossible, or two contradict each other.
            ModelInputError: a prompt is no text: chats are not offered, these models know no roles.
        """
        check_inputs(text_inputs)
        settings = {**self.options, **without_ignored(options)}
        if isinstance(text_inputs, str):
            return self._continue(text_inputs, settings)
        records = (self._continue(text, settings) for text in text_inputs)
        return records if isinstance(text_inputs, Iterator) else list(records)

    def _continue(self, text: str, settings: Mapping[str, Any]) -> list[Record]:
        if not isinstance(text, str):
            raise ModelInputError(f"a prompt is a text, not a {type(text).__name__}: chats are not offered")
        prompt, options = _split(settings)
        ids, mask = self._ids(text, prompt, options)
        length = 0 if ids is None else ids.shape[1]
        with torch.inference_mode():
            output = self.model.generate(ids, attention_mask=mask, **self._defaults(options, length))
        sequences = output if isinstance(output, Tensor) else output.sequences
        if prompt.return_tensors:
            return [{"generated_token_ids": ids.tolist()} for ids in sequences]
        texts = self.tokenizer.batch_decode(
            sequences[:, length:],
            skip_special_tokens=prompt.skip_special_tokens,
            clean_up_tokenization_spaces=prompt.clean_up_tokenization_spaces,
        )
        before = text if prompt.return_full_text else ""
        return [{"generated_text": before + new} for new in texts]

    def _ids(
        self, text: str, prompt: "PromptOptions", options: Mapping[str, Any]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return a prompt's ids (1, T) and mask; None and None of one without any token."""
        wanted = {**prompt.of_tokenizer, **(prompt.tokenizer_encode_kwargs or {})}
        inputs = encoded(self.tokenizer, wanted, text=prompt.prefix + text)
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        if prompt.handle_long_generation == "hole":
            new = self._defaults(options, ids.shape[1]).get("max_new_tokens", 0)
            longest = min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings)
            if new >= longest:
                raise ConfigError(f"max_new_tokens is {new}: the model reads {longest}, a prompt has no room")
            ids, mask = ids[:, -(longest - new) :], mask[:, -(longest - new) :]
        if not ids.shape[1]:
            return None, None
        return ids.to(self.model.device), mask.to(self.model.device)

    def _defaults(self, options: Mapping[str, Any], length: int) -> dict[str, Any]:
        """Add what is published where neither the options nor the model say otherwise."""
        added = dict(options)
        default = added.get("generation_config") or self.model.generation_config
        lengths = ("max_length", "max_new_tokens")
        if default is None or all(getattr(default, name) is None and name not in added for name in lengths):
            room = self.model.config.max_position_embeddings - length
            added["max_new_tokens"] = max(1, min(DEFAULT_NEW_TOKENS, room))
        if "generation_config" not in added and (default is None or not default.do_sample):
            added.setdefault("do_sample", True)
            if added["do_sample"] and (default is None or default.temperature == 1.0):
                added.setdefault("temperature", DEFAULT_TEMPERATURE)
        if added.get("stop_strings"):
            added.setdefault("tokenizer", self.tokenizer)
        return added


@dataclass(frozen=True)
class PromptOptions:
    """How prompts are read and continuations returned, by the published names.

    Args:
        prefix: put before each prompt, and not returned.
        return_full_text: begin results with the prompt; else they are what is new.
        return_tensors: ids, prompt included, as `generated_token_ids` in place of texts.
        return_text: accepted, not with the two others: texts are what is returned.
        skip_special_tokens, clean_up_tokenization_spaces: see `PegasusTokenizer.decode`.
        handle_long_generation: "hole" drops the beginning of prompts that leave no room for new tokens.
        tokenizer_encode_kwargs: arguments of the tokenizer, beside `add_special_tokens`, `padding`,
            `truncation` and `max_length`.

    Raises:
        ConfigError: options exclude each other, or a value is unknown.
    """

    prefix: str = ""
    return_full_text: bool | None = None
    return_tensors: bool = False
    return_text: bool | None = None
    skip_special_tokens: bool = True
    clean_up_tokenization_spaces: bool = False
    handle_long_generation: str | None = None
    tokenizer_encode_kwargs: Mapping[str, Any] | None = None
    of_tokenizer: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = [self.return_full_text is not None, bool(self.return_tensors), self.return_text is not None]
        if sum(given) > 1:
            raise ConfigError("give one of return_full_text, return_tensors and return_text")
        if self.handle_long_generation not in (None, "hole"):
            raise ConfigError(
                f"handle_long_generation is {self.handle_long_generation!r}: it must be None or 'hole'"
            )
        if not isinstance(self.prefix, str):
            raise ConfigError(f"prefix is {self.prefix!r:.50}: it is a text")
        if not isinstance(self.tokenizer_encode_kwargs, Mapping | None):
            raise ConfigError(
                f"tokenizer_encode_kwargs is {self.tokenizer_encode_kwargs!r:.50}: it is a dict"
            )
        if self.return_full_text is None:
            object.__setattr__(self, "return_full_text", True)


def _split(settings: Mapping[str, Any]) -> tuple[PromptOptions, dict[str, Any]]:
    """Split options into those of prompts and those of `generate`; `max_length` is of both."""
    options = dict(settings)
    if chats := [name for name in OF_CHATS if options.get(name) is not None]:
        raise ConfigError(f"{chats[0]} is for chats, which are not offered: these models know no roles")
    if "stop_sequence" in options:
        options["stop_strings"] = options.pop("stop_sequence")
    named = ("add_special_tokens", "padding", "truncation")
    of_tokenizer = {name: options.pop(name) for name in named if name in options}
    if options.get("max_length") is not None:
        of_tokenizer["max_length"] = options["max_length"]
    names = set(PromptOptions.__dataclass_fields__) & set(options)
    given = {name: options.pop(name) for name in names}
    prompt = {name: value for name, value in given.items() if value is not None}
    return PromptOptions(**prompt, of_tokenizer=of_tokenizer), options
