"""Speculative decoding: several proposed tokens are read at once, and kept as far as greedy search agrees.

The text is that of greedy search: a proposal only saves steps. Proposals come of looking up what follows the
last tokens elsewhere, in the document or the text itself (Saxena, "Prompt Lookup Decoding", 2023), or of a
smaller model (Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", 2023).

Dimensions: T tokens so far, P proposed ones, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.logits_processors import BANNED, Processor, process
from bigbird_pegasus.generation.protocols import Hypothesis, StepCallback
from bigbird_pegasus.generation.sampling import padding_id, step_record


class Draft(Protocol):
    """Where proposals come from."""

    def propose(self, tokens: Tensor, count: int) -> Tensor:
        """Return up to `count` ids (P,) that may follow the text (1, T)."""


class Lookup:
    """Proposes what follows the last tokens in a document, or earlier in the text."""

    def __init__(self, document: Tensor | None, options: GenerationConfig) -> None:
        """Take the document (1, S), if there is one; the options say how many tokens, and how many must
        match."""
        self._document = None if document is None else document[0]
        self._count = options.prompt_lookup_num_tokens or 0
        self._longest = options.max_matching_ngram_size

    def propose(self, tokens: Tensor, count: int) -> Tensor:
        """See `Draft`: longer matches first, and the document before the text."""
        text = tokens[0]
        count = min(count, self._count)
        for size in range(min(self._longest, len(text)), 0, -1):
            for source in (self._document, text[:-1]):
                if source is None or len(source) <= size:
                    continue
                matches = (source.unfold(0, size, 1)[:-1] == text[-size:]).all(dim=1).nonzero()
                if len(matches):
                    start = int(matches[0]) + size
                    return source[start : start + count]
        return text[:0]


class Assistant:
    """Proposes what a smaller model would write."""

    def __init__(self, model: Any, cache: Any, options: GenerationConfig) -> None:
        """Take a model of the same vocabulary and its cache, which knows the document."""
        self._model, self._cache = model, cache
        self._count = options.num_assistant_tokens

    def propose(self, tokens: Tensor, count: int) -> Tensor:
        """See `Draft`."""
        text = tokens
        self._cache.crop(min(self._cache.length, tokens.shape[1] - 1))
        for _ in range(min(count, self._count)):
            chosen = self._model.next_token_logits(text[:, self._cache.length :], self._cache).argmax(dim=-1)
            text = torch.cat((text, chosen[:, None]), dim=1)
        return text[0, tokens.shape[1] :]


def check_speculation(prompt: Tensor, options: GenerationConfig) -> None:
    """Check that the text is one of greedy search.

    Raises:
        ConfigError: it is not, or the output is to have what is not kept of proposals.
    """
    if options.num_beams > 1 or options.do_sample or options.num_return_sequences > 1 or len(prompt) > 1:
        raise ConfigError(
            "assistant_model and prompt_lookup_num_tokens are for greedy search in one document: no beams, "
            "no sampling, no batch"
        )
    kept = ("output_scores", "output_logits", "output_attentions", "output_hidden_states")
    for name in kept:
        if options.return_dict_in_generate and getattr(options, name):
            raise ConfigError(f"{name} is not offered with assistant_model or prompt_lookup_num_tokens")


def speculate(
    model: Any,
    cache: Any,
    prompt: Tensor,
    options: GenerationConfig,
    processors: Sequence[Processor],
    max_length: int,
    draft: Draft,
    on_step: StepCallback | None = None,
    stops: Any = None,
) -> list[list[Hypothesis]]:
    """Write as `sampling.sample` writes greedily; `prompt` is (1, T), the model has `token_logits`."""
    eos = torch.tensor(options.eos_token_ids, dtype=torch.long, device=prompt.device)
    pad = torch.tensor([padding_id(options)], device=prompt.device)
    tokens = prompt
    while True:
        proposed = draft.propose(tokens, max_length - tokens.shape[1] - 1)  # (P,)
        new = torch.cat((tokens[0, cache.length :], proposed))[None]
        scores = model.token_logits(new, cache)[:, -len(proposed) - 1 :]  # (1, P + 1, V)
        for number in range(len(proposed) + 1):
            here = process(processors, tokens, scores[:, number].contiguous())
            hopeless = bool(here.amax() == BANNED)
            chosen = pad if hopeless else here.argmax(dim=-1)
            tokens = torch.cat((tokens, chosen[:, None]), dim=1)
            done = hopeless or bool(torch.isin(chosen, eos)) or tokens.shape[1] == max_length
            done = done or (stops is not None and bool(stops(tokens)))
            if on_step is not None:
                on_step(step_record(tokens, [0], prompt.shape[1], max_length))
            if done:
                return [[Hypothesis(tuple(tokens[0].tolist()))]]
            if number == len(proposed) or bool(chosen != proposed[number]):
                break
        cache.crop(tokens.shape[1] - 1)
