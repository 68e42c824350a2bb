"""What callers hand to `generate` beside tensors and options: functions that look on or interfere."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from bigbird_pegasus.errors import ConfigError, shorten
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.protocols import GenerationStep, StepCallback
from bigbird_pegasus.generation.stopping_criteria import (
    MaxTimeCriteria,
    StoppingCriteriaList,
    StopStringCriteria,
)


@dataclass(frozen=True)
class Hooks:
    """The published arguments of `generate` that are functions or objects.

    Attributes:
        logits_processor: change scores after the processors that the options ask for, before what sampling
            leaves out; each a function of (tokens (N, T), scores (N, V)).
        stopping_criteria: end rows; see `StoppingCriteria`.
        prefix_allowed_tokens_fn: returns the ids that may follow, of a document's number and a row's tokens.
        streamer: gets a text while it is written; see `TextStreamer`.
        assistant_model: a smaller model of the same vocabulary that proposes tokens.
        tokenizer: decodes, where there are `stop_strings`.
        on_step: called with a `GenerationStep` after each step; what it raises ends the search.
    """

    logits_processor: Sequence[Callable[..., Tensor]] | None = None
    stopping_criteria: Sequence[Callable[..., Any]] | None = None
    prefix_allowed_tokens_fn: Callable[[int, Tensor], list[int]] | None = None
    streamer: Any = None
    assistant_model: Any = None
    tokenizer: Any = None
    on_step: StepCallback | None = None


NO_HOOKS = Hooks()


def split_hooks(options: dict[str, Any]) -> tuple[Hooks, dict[str, Any]]:
    """Split the keywords of `generate` into hooks and options.

    Raises:
        ConfigError: a hook is not what is called.
    """
    names = {f.name for f in fields(Hooks)}
    hooks = Hooks(**{name: value for name, value in options.items() if name in names})
    for name in ("logits_processor", "stopping_criteria"):
        given = getattr(hooks, name)
        if given is not None and not (isinstance(given, list | tuple) and all(map(callable, given))):
            raise ConfigError(f"{name} is {shorten(repr(given), 60)}: a list of functions is needed")
    if hooks.prefix_allowed_tokens_fn is not None and not callable(hooks.prefix_allowed_tokens_fn):
        raise ConfigError(
            f"prefix_allowed_tokens_fn is {hooks.prefix_allowed_tokens_fn!r:.60}: it is a function"
        )
    needed = {
        "streamer": ("put", "end"),
        "assistant_model": ("config", "encode", "new_cache"),
        "tokenizer": ("decode",),
        "on_step": ("__call__",),
    }
    for name, methods in needed.items():
        given = getattr(hooks, name)
        if given is not None and not all(hasattr(given, method) for method in methods):
            raise ConfigError(f"{name} is {shorten(repr(given), 60)}: it has no {methods[0].strip('_')}")
    return hooks, {name: value for name, value in options.items() if name not in names}


def stops_of(hooks: Hooks, options: GenerationConfig, scores: list[Tensor] | None) -> Any:
    """Return what says of tokens (N, T) which rows are done, bool (N,); None where nothing does.

    Args:
        hooks: their criteria, and the tokenizer for stop strings.
        options: `max_time` and `stop_strings`.
        scores: the list that a search adds each step's to, which criteria are shown; None shows them None.

    Raises:
        ConfigError: there are stop strings and no tokenizer.
    """
    criteria = StoppingCriteriaList()
    if options.max_time is not None:
        criteria.append(MaxTimeCriteria(options.max_time, time.time()))
    if options.stop_strings:
        if hooks.tokenizer is None:
            raise ConfigError("stop_strings are looked for in text: give generate the tokenizer")
        criteria.append(StopStringCriteria(hooks.tokenizer, options.stop_strings))
    criteria.extend(hooks.stopping_criteria or ())
    if not criteria:
        return None

    def stops(tokens: Tensor) -> Tensor:
        return criteria(tokens, None if scores is None else tuple(scores))

    return stops


def step_callback(hooks: Hooks, prompt: Tensor, options: GenerationConfig) -> StepCallback | None:
    """Return what is called after each step; the streamer gets the prompt (1, T) at once.

    Raises:
        ConfigError: a streamer cannot follow several texts.
    """
    streamer, on_step = hooks.streamer, hooks.on_step
    if streamer is None:
        return on_step
    if options.num_beams > 1 or len(prompt) > 1 or options.num_return_sequences > 1:
        raise ConfigError("a streamer follows one text: one document, one text and no beams")
    streamer.put(prompt.cpu())

    def both(step: GenerationStep) -> None:
        streamer.put(torch.tensor([step.tokens[0][-1]]))
        if on_step is not None:
            on_step(step)

    return both
