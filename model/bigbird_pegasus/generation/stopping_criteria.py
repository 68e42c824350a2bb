"""Stopping criteria: functions that end a text before its end token or greatest length.

Names and signatures are the published ones. Dimensions: N decoder rows, T tokens so far, V vocabulary.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bigbird_pegasus.errors import ConfigError


class StoppingCriteria:
    """Base of criteria: overwrite `__call__`. Any function of the same arguments does as well."""

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Any:
        """Return which rows of the ids (N, T) are done, bool (N,), or one bool for all.

        Args:
            input_ids: (N, T), the new token included.
            scores: (N, V), what the new token was chosen by; with outputs asked for, a tuple of all steps'.
            kwargs: nothing as yet, as published.
        """
        raise NotImplementedError("a stopping criterion overwrites __call__")


class StoppingCriteriaList(list[Callable[..., Any]]):
    """Criteria of which one is enough."""

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """Return which rows are done by any of the criteria, bool (N,)."""
        done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        for criterion in self:
            said = criterion(input_ids, scores, **kwargs)
            done = done | torch.as_tensor(said, dtype=torch.bool, device=input_ids.device)
        return done


class MaxLengthCriteria(StoppingCriteria):
    """Ends all texts at a number of tokens, the prompt's included."""

    def __init__(self, max_length: int, max_position_embeddings: int | None = None) -> None:
        self.max_length = max_length
        self.max_position_embeddings = max_position_embeddings  # accepted; `generate` checks it

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """See `StoppingCriteria`."""
        return torch.full((len(input_ids),), input_ids.shape[1] >= self.max_length, device=input_ids.device)


class EosTokenCriteria(StoppingCriteria):
    """Ends a text at one of some tokens."""

    def __init__(self, eos_token_id: int | Sequence[int] | Tensor) -> None:
        self.eos_token_id = torch.as_tensor(eos_token_id).flatten()

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """See `StoppingCriteria`."""
        return torch.isin(input_ids[:, -1], self.eos_token_id.to(input_ids.device))


class MaxTimeCriteria(StoppingCriteria):
    """Ends all texts after some seconds, counted from here."""

    def __init__(self, max_time: float, initial_timestamp: float | None = None) -> None:
        self.max_time = max_time
        self.initial_timestamp = time.time() if initial_timestamp is None else initial_timestamp

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """See `StoppingCriteria`."""
        over = time.time() - self.initial_timestamp > self.max_time
        return torch.full((len(input_ids),), over, dtype=torch.bool, device=input_ids.device)


class StopStringCriteria(StoppingCriteria):
    """Ends a text whose end is one of some strings, or whose last token contains the end of one."""

    def __init__(self, tokenizer: Any, stop_strings: str | Sequence[str]) -> None:
        """Take the tokenizer that decodes; a string may be split over tokens in any way.

        Raises:
            ConfigError: there is no string, or an empty one.
        """
        self.tokenizer = tokenizer
        self.stop_strings = (stop_strings,) if isinstance(stop_strings, str) else tuple(stop_strings)
        if not self.stop_strings or not all(isinstance(s, str) and s for s in self.stop_strings):
            raise ConfigError(f"stop_strings is {stop_strings!r}: it must be strings, none of them empty")
        self.tokens_read = (
            max(map(len, self.stop_strings)) + 1
        )  # each token but a special one has a character

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """See `StoppingCriteria`."""
        done = [self._ends(row) for row in input_ids.tolist()]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)

    def _ends(self, ids: list[int]) -> bool:
        """Return whether a stop string lies in the text and its end in the last token."""
        recent = ids[-self.tokens_read - 1 :]
        text, before = self._decode(recent), len(self._decode(recent[:-1]))
        return any(text.find(stop, max(0, before - len(stop) + 1)) >= 0 for stop in self.stop_strings)

    def _decode(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=False)
        return text
