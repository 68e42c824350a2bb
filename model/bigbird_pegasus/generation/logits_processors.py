"""Logits processors: penalties, bans, forced tokens and sampling filters, before a token is chosen.

Each processor is a plain function over whole tensors. The semantics and the order are those of transformers
5.23 (`generation/logits_process.py`, `GenerationMixin._get_logits_processor`), because checkpoints are tuned
with them.

Dimensions: N decoder rows (documents x beams), T tokens so far (start token included), V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.generation import sampling_filters as filters
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.config_checks import as_tuple, bias_pairs

Processor = Callable[[Tensor, Tensor], Tensor]
"""`(tokens (N, T), scores (N, V)) -> scores (N, V)`; the scores passed in may be changed in place and
returned."""

BANNED = filters.BANNED


class LogitsProcessor:
    """Base of processors that callers hand in: overwrite `__call__`. Any function of the same arguments
    does."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return other scores (N, V) for the next token after the ids (N, T)."""
        raise NotImplementedError("a logits processor overwrites __call__")


class LogitsProcessorList(list[Callable[..., Tensor]]):
    """Processors that act one after the other."""

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        """Return the scores (N, V) after all of them."""
        for processor in self:
            scores = processor(input_ids, scores, **kwargs)
        return scores


@dataclass(frozen=True)
class Surroundings:
    """What processors know beside the options."""

    min_length: int  # in decoder tokens, those given included, as the next two
    max_length: int
    prompt_length: int = 1
    documents: Tensor | None = None  # (B, S) ids; None where there are none
    prompt_mask: Tensor | None = None  # (B, P), 0 at the padding of prompts
    allowed_tokens: Callable[[int, Tensor], list[int]] | None = (
        None  # of a document's number and a row's tokens
    )
    custom: Sequence[Processor] = ()


def processors_for(options: GenerationConfig, around: Surroundings) -> list[Processor]:
    """Return the processors that `options` ask for, in the order in which they act.

    Raises:
        ConfigError: an option is about documents' ids, and there are none.
    """
    processors = [
        *_penalties(options, around),
        *_bans(options, around),
        *_forced(options, around),
        *around.custom,
        *(_filters(options) if options.do_sample else ()),
    ]
    if options.renormalize_logits:
        processors.append(normalize)
    return processors


def depend_on_rows(options: GenerationConfig, around: Surroundings) -> bool:
    """Return whether a processor knows which row is of which document: then none may leave the batch."""
    return (
        bool(around.custom)
        or around.allowed_tokens is not None
        or (around.prompt_mask is not None and options.repetition_penalty != 1.0)
        or options.encoder_repetition_penalty != 1.0
        or options.encoder_no_repeat_ngram_size > 0
    )


def _penalties(options: GenerationConfig, around: Surroundings) -> Iterator[Processor]:
    biases = bias_pairs(options.sequence_bias)
    if biases:
        yield partial(add_bias, biases=biases)
    if options.encoder_repetition_penalty != 1.0:
        ids = _documents(around, "encoder_repetition_penalty")
        yield partial(favour_documents, penalty=options.encoder_repetition_penalty, documents=ids)
    if options.repetition_penalty != 1.0:
        skipped = None if around.prompt_mask is None else (around.prompt_mask != 0).int().argmax(dim=1)
        yield partial(penalize_repetition, penalty=options.repetition_penalty, skipped=skipped)


def _bans(options: GenerationConfig, around: Surroundings) -> Iterator[Processor]:
    eos = list(options.eos_token_ids)
    if options.no_repeat_ngram_size > 0:
        yield partial(ban_repeated_ngrams, size=options.no_repeat_ngram_size)
    if options.encoder_no_repeat_ngram_size > 0:
        ids = _documents(around, "encoder_no_repeat_ngram_size")
        yield partial(ban_ngrams_of_documents, size=options.encoder_no_repeat_ngram_size, documents=ids)
    banned = [
        (tuple(ids), BANNED) for ids in options.bad_words_ids or () if ids not in [[end] for end in eos]
    ]
    if banned:
        yield partial(add_bias, biases=banned)
    if eos and around.min_length > 0:
        yield partial(ban_before_length, banned=eos, length=around.min_length)
    if around.allowed_tokens is not None:
        yield partial(keep_allowed, allowed=around.allowed_tokens, beams=options.num_beams)


def _forced(options: GenerationConfig, around: Surroundings) -> Iterator[Processor]:
    """Yield what forces tokens, and the others that follow these."""
    if options.forced_bos_token_id is not None:
        yield partial(force_at_length, allowed=[options.forced_bos_token_id], length=1)
    if options.forced_eos_token_ids:
        last = list(options.forced_eos_token_ids)
        yield partial(force_at_length, allowed=last, length=around.max_length - 1)
    if options.remove_invalid_values:
        yield remove_invalid
    if options.exponential_decay_length_penalty is not None and options.eos_token_ids:
        start, factor = options.exponential_decay_length_penalty
        ends = list(options.eos_token_ids)
        yield partial(favour_the_end, ends=ends, start=start + around.prompt_length, factor=factor)
    if banned := as_tuple(options.suppress_tokens):
        yield partial(ban, banned=list(banned))
    if banned := as_tuple(options.begin_suppress_tokens):
        begin = around.prompt_length
        if begin == 1 and options.forced_bos_token_id is not None:
            begin += 1
        yield partial(ban, banned=list(banned), length=begin)


def _filters(options: GenerationConfig) -> Iterator[Processor]:
    # A beam needs a way on beside every end of sequence.
    keep = max(1, len(options.eos_token_ids) + 1) if options.num_beams > 1 else 1
    if options.temperature != 1.0:
        yield partial(filters.apply_temperature, temperature=options.temperature)
    if options.top_h is not None:
        yield partial(filters.keep_top_h, h=options.top_h)
    if options.top_k > 0:
        yield partial(filters.keep_top_k, k=max(options.top_k, keep))
    if options.top_p < 1.0:
        yield partial(filters.keep_top_p, p=options.top_p, keep=keep)
    if options.min_p is not None:
        yield partial(filters.keep_min_p, p=options.min_p, keep=keep)
    if options.typical_p < 1.0:
        yield partial(filters.keep_typical, mass=options.typical_p, keep=keep)
    if 0 < options.epsilon_cutoff < 1:
        yield partial(filters.keep_above_epsilon, epsilon=options.epsilon_cutoff, keep=keep)
    if 0 < options.eta_cutoff < 1:
        yield partial(filters.keep_above_eta, epsilon=options.eta_cutoff, keep=keep)


def _documents(around: Surroundings, option: str) -> Tensor:
    if around.documents is None:
        raise ConfigError(f"{option} is about the documents' tokens: give input_ids")
    return around.documents


def process(processors: Sequence[Processor], tokens: Tensor, scores: Tensor) -> Tensor:
    """Apply every processor in turn; `scores` (N, V) may be changed in place."""
    for processor in processors:
        scores = processor(tokens, scores)
    return scores


def penalize_repetition(
    tokens: Tensor, scores: Tensor, penalty: float, skipped: Tensor | None = None
) -> Tensor:
    """Make tokens that occur in `tokens` less likely: divide positive scores, multiply negative ones (CTRL
    paper). The first tokens of a prompt are left out, `skipped` (B,) of them, where they are its padding."""
    seen = scores.gather(1, tokens)
    penalized = torch.where(seen < 0, seen * penalty, seen / penalty)
    if skipped is None:
        return scores.scatter_(1, tokens, penalized)
    counts = skipped.repeat_interleave(len(tokens) // len(skipped))[:, None]
    counted = torch.arange(tokens.shape[1], device=tokens.device) >= counts
    there = torch.zeros_like(scores, dtype=torch.bool)
    there.scatter_reduce_(1, tokens, counted, "amax")
    everywhere = torch.where(scores < 0, scores * penalty, scores / penalty)
    return torch.where(there, everywhere, scores)


def favour_documents(tokens: Tensor, scores: Tensor, penalty: float, documents: Tensor) -> Tensor:
    """Make tokens of the row's document, of (B, S), more likely; below 1 less."""
    ids = documents.repeat_interleave(len(scores) // len(documents), dim=0)
    seen = scores.gather(1, ids)
    return scores.scatter_(1, ids, torch.where(seen < 0, seen * (1 / penalty), seen / (1 / penalty)))


def add_bias(tokens: Tensor, scores: Tensor, biases: Sequence[tuple[tuple[int, ...], float]]) -> Tensor:
    """Add to the score of a sequence's last token where the row ends with the others; -inf bans it."""
    found = torch.zeros_like(scores)
    for (*before, last), bias in biases:
        if last >= scores.shape[1]:
            raise ConfigError(f"token {last} has a bias or is banned: the vocabulary has {scores.shape[1]}")
        if not before:
            found[:, last] += bias
        elif len(before) <= tokens.shape[1]:
            matches = (tokens[:, -len(before) :] == torch.tensor(before, device=tokens.device)).all(dim=1)
            found[matches, last] += bias
    return scores.add_(found)


def ban(tokens: Tensor, scores: Tensor, banned: Sequence[int], length: int | None = None) -> Tensor:
    """Ban ids, always or when there are exactly `length` tokens."""
    if length is None or tokens.shape[1] == length:
        scores[:, [token for token in banned if token < scores.shape[1]]] = BANNED
    return scores


def ban_ngrams_of_documents(tokens: Tensor, scores: Tensor, size: int, documents: Tensor) -> Tensor:
    """Ban every token that would end an n-gram of `size` tokens that the row's document, of (B, S), holds."""
    length = tokens.shape[1]
    if length < size - 1 or documents.shape[1] < size:
        return scores
    ngrams = documents.unfold(1, size, 1).repeat_interleave(len(tokens) // len(documents), dim=0)
    open_ngram = tokens[:, None, length - size + 1 :]
    rows, starts = (ngrams[..., :-1] == open_ngram).all(dim=-1).nonzero(as_tuple=True)
    scores[rows, ngrams[rows, starts, -1]] = BANNED
    return scores


def keep_allowed(
    tokens: Tensor, scores: Tensor, allowed: Callable[[int, Tensor], list[int]], beams: int
) -> Tensor:
    """Ban all tokens but those that `allowed` returns for a document's number and a row's tokens.

    Raises:
        ConfigError: it returns none.
    """
    mask = torch.full_like(scores, BANNED)
    for row, text in enumerate(tokens):
        ids = allowed(row // beams, text)
        if len(ids) == 0:
            raise ConfigError(f"prefix_allowed_tokens_fn allows no token for document {row // beams}")
        mask[row, ids] = 0
    kept = scores + mask
    # Where nothing that is allowed is left by what came before, all that is allowed is.
    hopeless = kept.amax(dim=-1).isneginf().view(-1, beams).all(dim=-1).repeat_interleave(beams)
    return torch.where(hopeless[:, None], mask, kept)


def remove_invalid(tokens: Tensor, scores: Tensor) -> Tensor:
    """Put 0 in place of what is no number, and the greatest and least numbers in place of infinities."""
    return scores.nan_to_num_(nan=0.0)


def favour_the_end(tokens: Tensor, scores: Tensor, ends: Sequence[int], start: int, factor: float) -> Tensor:
    """Raise the scores of end tokens with each token after `start`, by a factor to the power of their
    number."""
    after = tokens.shape[1] - start
    if after > 0:
        found = scores[:, ends]
        more = (found.abs() * (factor**after - 1)).masked_fill(~found.isfinite(), 0.0)
        scores[:, ends] = found + more
    return scores


def normalize(tokens: Tensor, scores: Tensor) -> Tensor:
    """Make log probabilities of scores."""
    return scores.log_softmax(dim=-1)


def ban_repeated_ngrams(tokens: Tensor, scores: Tensor, size: int) -> Tensor:
    """Ban every token that would end an n-gram of `size` tokens that the row already holds."""
    length = tokens.shape[1]
    if length < size:
        return scores
    ngrams = tokens.unfold(1, size, 1)  # (N, T - size + 1, size)
    open_ngram = tokens[:, None, length - size + 1 :]  # (N, 1, size - 1): what the next token would complete
    rows, starts = (ngrams[..., :-1] == open_ngram).all(dim=-1).nonzero(as_tuple=True)
    scores[rows, ngrams[rows, starts, -1]] = BANNED
    return scores


def ban_before_length(tokens: Tensor, scores: Tensor, banned: Sequence[int], length: int) -> Tensor:
    """Ban the ids `banned` while there are fewer than `length` tokens."""
    if tokens.shape[1] < length:
        scores[:, banned] = BANNED
    return scores


def force_at_length(tokens: Tensor, scores: Tensor, allowed: Sequence[int], length: int) -> Tensor:
    """Leave only the ids `allowed`, with score 0, when there are exactly `length` tokens."""
    if tokens.shape[1] == length:
        scores.fill_(BANNED)
        scores[:, allowed] = 0.0
    return scores
