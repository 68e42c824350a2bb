"""The published classes of single processors, for lists that callers make: `logits_processor=[...]`.

Each is one of the functions of `logits_processors` and `sampling_filters`, which the options of `generate`
use, with the names, arguments and results of transformers 5.23. `device` is accepted: tensors
are where scores are.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.generation import logits_processors as act
from bigbird_pegasus.generation import sampling_filters as filters
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.config_checks import bias_pairs
from bigbird_pegasus.generation.logits_processors import BANNED, LogitsProcessor, Processor

TokenIds = int | Sequence[int] | Tensor


class _Acting(LogitsProcessor):
    """A processor that leaves the scores that it is given as they are."""

    _act: Processor

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """See `LogitsProcessor`."""
        return self._act(input_ids, scores.clone())


def _check(**options: Any) -> None:
    """Check values as `generate` does.

    Raises:
        ConfigError: one is impossible.
    """
    GenerationConfig(**options)


def _keep(fill: float, count: int, **options: Any) -> int:
    """Check the arguments of a filter, and return how many tokens it keeps at least.

    Raises:
        ConfigError: one is impossible.
    """
    _check(**options)
    if isinstance(fill, bool) or not isinstance(fill, int | float) or fill != fill:
        raise ConfigError(f"filter_value is {fill!r}: it must be a number")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ConfigError(f"min_tokens_to_keep is {count!r}: it must be a whole number from 1 up")
    return count


def _ids(tokens: TokenIds) -> list[int]:
    """Return token ids as a list."""
    found = torch.as_tensor(tokens).flatten().tolist()
    return [int(token) for token in found]


def _penalize_after(tokens: Tensor, scores: Tensor, penalty: float, skipped: int) -> Tensor:
    return act.penalize_repetition(tokens[:, skipped:], scores, penalty)


class MinLengthLogitsProcessor(_Acting):
    """Bans end tokens while there are fewer than `min_length` tokens."""

    def __init__(self, min_length: int, eos_token_id: TokenIds, device: str = "cpu") -> None:
        _check(min_length=min_length)
        self._act = partial(act.ban_before_length, banned=_ids(eos_token_id), length=min_length)


class MinNewTokensLengthLogitsProcessor(_Acting):
    """Bans end tokens while there are fewer than `min_new_tokens` after the prompt."""

    def __init__(
        self, prompt_length_to_skip: int, min_new_tokens: int, eos_token_id: TokenIds, device: str = "cpu"
    ) -> None:
        _check(min_new_tokens=min_new_tokens)
        self.prompt_length_to_skip = prompt_length_to_skip
        length = prompt_length_to_skip + min_new_tokens
        self._act = partial(act.ban_before_length, banned=_ids(eos_token_id), length=length)


class TemperatureLogitsWarper(_Acting):
    """Divides scores by the temperature."""

    def __init__(self, temperature: float) -> None:
        _check(temperature=temperature)
        self._act = partial(filters.apply_temperature, temperature=temperature)


class RepetitionPenaltyLogitsProcessor(_Acting):
    """Makes tokens that occur less likely, but those of the first `prompt_ignore_length`."""

    def __init__(self, penalty: float, prompt_ignore_length: int | None = None) -> None:
        _check(repetition_penalty=penalty)
        self._act = partial(_penalize_after, penalty=penalty, skipped=prompt_ignore_length or 0)


class EncoderRepetitionPenaltyLogitsProcessor(_Acting):
    """Makes tokens of the documents (B, S) more likely."""

    def __init__(self, penalty: float, encoder_input_ids: Tensor) -> None:
        _check(encoder_repetition_penalty=penalty)
        self._act = partial(act.favour_documents, penalty=penalty, documents=encoder_input_ids)


class TopPLogitsWarper(_Acting):
    """Keeps the most probable tokens that hold the probability `top_p`."""

    def __init__(self, top_p: float, filter_value: float = BANNED, min_tokens_to_keep: int = 1) -> None:
        keep = _keep(filter_value, min_tokens_to_keep, top_p=top_p)
        self._act = partial(filters.keep_top_p, p=top_p, keep=keep, fill=filter_value)


class TopKLogitsWarper(_Acting):
    """Keeps the `top_k` highest scores."""

    def __init__(self, top_k: int, filter_value: float = BANNED, min_tokens_to_keep: int = 1) -> None:
        keep = _keep(filter_value, min_tokens_to_keep, top_k=top_k)
        self._act = partial(filters.keep_top_k, k=max(top_k, keep), fill=filter_value)


class MinPLogitsWarper(_Acting):
    """Keeps tokens of at least `min_p` times the greatest probability."""

    def __init__(self, min_p: float, filter_value: float = BANNED, min_tokens_to_keep: int = 1) -> None:
        keep = _keep(filter_value, min_tokens_to_keep, min_p=min_p)
        self._act = partial(filters.keep_min_p, p=min_p, keep=keep, fill=filter_value)


class TopHLogitsWarper(_Acting):
    """Keeps the most probable tokens that make up the share `top_h` of the entropy."""

    def __init__(self, top_h: float, filter_value: float = BANNED) -> None:
        _keep(filter_value, 1, top_h=top_h)
        self._act = partial(filters.keep_top_h, h=top_h, fill=filter_value)


class TypicalLogitsWarper(_Acting):
    """Keeps the tokens that surprise as much as is usual, up to the probability `mass`."""

    def __init__(self, mass: float = 0.9, filter_value: float = BANNED, min_tokens_to_keep: int = 1) -> None:
        keep = _keep(filter_value, min_tokens_to_keep, typical_p=mass)
        self._act = partial(filters.keep_typical, mass=mass, keep=keep, fill=filter_value)


class EpsilonLogitsWarper(_Acting):
    """Keeps tokens of at least the probability `epsilon`."""

    def __init__(self, epsilon: float, filter_value: float = BANNED, min_tokens_to_keep: int = 1) -> None:
        keep = _keep(filter_value, min_tokens_to_keep, epsilon_cutoff=epsilon)
        self._act = partial(filters.keep_above_epsilon, epsilon=epsilon, keep=keep, fill=filter_value)


class EtaLogitsWarper(_Acting):
    """Keeps tokens of at least the probability `epsilon`, or less where the entropy is high."""

    def __init__(
        self, epsilon: float, filter_value: float = BANNED, min_tokens_to_keep: int = 1, device: str = "cpu"
    ) -> None:
        keep = _keep(filter_value, min_tokens_to_keep, eta_cutoff=epsilon)
        self._act = partial(filters.keep_above_eta, epsilon=epsilon, keep=keep, fill=filter_value)


class NoRepeatNGramLogitsProcessor(_Acting):
    """Bans tokens that would repeat an n-gram."""

    def __init__(self, ngram_size: int) -> None:
        _check(no_repeat_ngram_size=ngram_size)
        self._act = partial(act.ban_repeated_ngrams, size=ngram_size)


class EncoderNoRepeatNGramLogitsProcessor(_Acting):
    """Bans tokens that would repeat an n-gram of the documents (B, S)."""

    def __init__(self, encoder_ngram_size: int, encoder_input_ids: Tensor) -> None:
        _check(encoder_no_repeat_ngram_size=encoder_ngram_size)
        ids = encoder_input_ids[None] if encoder_input_ids.ndim == 1 else encoder_input_ids
        self._act = partial(act.ban_ngrams_of_documents, size=encoder_ngram_size, documents=ids)


class SequenceBiasLogitsProcessor(_Acting):
    """Adds to the score of a sequence's last token where a row ends with the others."""

    def __init__(self, sequence_bias: Any) -> None:
        _check(sequence_bias=sequence_bias)
        self._act = partial(act.add_bias, biases=bias_pairs(sequence_bias))


class NoBadWordsLogitsProcessor(_Acting):
    """Bans sequences; the end token alone is never banned."""

    def __init__(self, bad_words_ids: list[list[int]], eos_token_id: TokenIds | None = None) -> None:
        _check(bad_words_ids=bad_words_ids)
        ends = [] if eos_token_id is None else [[end] for end in _ids(eos_token_id)]
        biases = [(tuple(ids), BANNED) for ids in bad_words_ids if ids not in ends]
        self._act = partial(act.add_bias, biases=biases)


class PrefixConstrainedLogitsProcessor(_Acting):
    """Bans all tokens but those that a function of the document's number and a row's tokens returns."""

    def __init__(self, prefix_allowed_tokens_fn: Callable[[int, Tensor], list[int]], num_beams: int) -> None:
        self._act = partial(act.keep_allowed, allowed=prefix_allowed_tokens_fn, beams=num_beams)


class ForcedBOSTokenLogitsProcessor(_Acting):
    """Forces the first token after the start token."""

    def __init__(self, bos_token_id: int) -> None:
        self._act = partial(act.force_at_length, allowed=_ids(bos_token_id), length=1)


class ForcedEOSTokenLogitsProcessor(_Acting):
    """Forces an end token where `max_length` is reached."""

    def __init__(self, max_length: int, eos_token_id: TokenIds, device: str = "cpu") -> None:
        _check(max_length=max_length)
        self._act = partial(act.force_at_length, allowed=_ids(eos_token_id), length=max_length - 1)


class InfNanRemoveLogitsProcessor(_Acting):
    """Puts numbers in place of NaN and infinities."""

    def __init__(self) -> None:
        self._act = act.remove_invalid


class ExponentialDecayLengthPenalty(_Acting):
    """Raises the scores of end tokens more with each token."""

    def __init__(
        self,
        exponential_decay_length_penalty: tuple[int, float],
        eos_token_id: TokenIds,
        input_ids_seq_length: int,
    ) -> None:
        _check(exponential_decay_length_penalty=exponential_decay_length_penalty)
        start, factor = exponential_decay_length_penalty
        start += input_ids_seq_length
        self._act = partial(act.favour_the_end, ends=_ids(eos_token_id), start=start, factor=factor)


class LogitNormalization(_Acting):
    """Makes log probabilities of scores."""

    def __init__(self) -> None:
        self._act = act.normalize


class SuppressTokensLogitsProcessor(_Acting):
    """Bans tokens."""

    def __init__(self, suppress_tokens: TokenIds, device: str = "cpu") -> None:
        self._act = partial(act.ban, banned=_ids(suppress_tokens))


class SuppressTokensAtBeginLogitsProcessor(_Acting):
    """Bans tokens where there are `begin_index` tokens."""

    def __init__(self, begin_suppress_tokens: TokenIds, begin_index: int, device: str = "cpu") -> None:
        self._act = partial(act.ban, banned=_ids(begin_suppress_tokens), length=begin_index)
