"""Logits processors: penalties, bans, forced tokens and sampling filters, before a token is chosen.

Each processor is a plain function over whole tensors. The semantics and the order are those of transformers
5.23 (`generation/logits_process.py`, `GenerationMixin._get_logits_processor`), because checkpoints are tuned
with them.

Dimensions: N decoder rows (documents x beams), T tokens so far (start token included), V vocabulary.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from bigbird_pegasus.generation.config import GenerationConfig

Processor = Callable[[Tensor, Tensor], Tensor]
"""`(tokens (N, T), scores (N, V)) -> scores (N, V)`; the scores passed in may be changed in place and
returned."""

BANNED = float("-inf")


def processors_for(options: GenerationConfig, min_length: int, max_length: int) -> list[Processor]:
    """Return the processors that `options` ask for, in the order in which they act.

    The two lengths count every decoder token, those given included; those among `options` are not looked at.
    """
    processors: list[Processor] = []
    eos = list(options.eos_token_ids)
    if options.repetition_penalty != 1.0:
        processors.append(partial(penalize_repetition, penalty=options.repetition_penalty))
    if options.no_repeat_ngram_size > 0:
        processors.append(partial(ban_repeated_ngrams, size=options.no_repeat_ngram_size))
    if eos and min_length > 0:
        processors.append(partial(ban_before_length, banned=eos, length=min_length))
    if options.forced_bos_token_id is not None:
        processors.append(partial(force_at_length, allowed=[options.forced_bos_token_id], length=1))
    if options.forced_eos_token_ids:
        last = list(options.forced_eos_token_ids)
        processors.append(partial(force_at_length, allowed=last, length=max_length - 1))
    if options.do_sample:
        # A beam needs a way on beside every end of sequence.
        keep = len(eos) + 1 if options.num_beams > 1 else 1
        if options.temperature != 1.0:
            processors.append(partial(apply_temperature, temperature=options.temperature))
        if options.top_k > 0:
            processors.append(partial(keep_top_k, k=max(options.top_k, keep)))
        if options.top_p < 1.0:
            processors.append(partial(keep_top_p, p=options.top_p, keep=keep))
    return processors


def process(processors: Sequence[Processor], tokens: Tensor, scores: Tensor) -> Tensor:
    """Apply every processor in turn; `scores` (N, V) may be changed in place."""
    for processor in processors:
        scores = processor(tokens, scores)
    return scores


def penalize_repetition(tokens: Tensor, scores: Tensor, penalty: float) -> Tensor:
    """Make tokens that occur in `tokens` less likely: divide positive scores, multiply negative ones (CTRL
    paper)."""
    seen = scores.gather(1, tokens)
    return scores.scatter_(1, tokens, torch.where(seen < 0, seen * penalty, seen / penalty))


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


def apply_temperature(tokens: Tensor, scores: Tensor, temperature: float) -> Tensor:
    """Divide by the temperature: below 1 sharpens the distribution, above 1 flattens it."""
    return scores.div_(temperature)


def keep_top_k(tokens: Tensor, scores: Tensor, k: int) -> Tensor:
    """Ban all but the `k` highest scores (and what equals the k-th)."""
    threshold = scores.topk(min(k, scores.shape[1])).values[:, -1:]
    return scores.masked_fill_(scores < threshold, BANNED)


def keep_top_p(tokens: Tensor, scores: Tensor, p: float, keep: int) -> Tensor:
    """Keep the smallest set of most probable tokens that holds probability `p`, and at least `keep`
    tokens."""
    ascending, order = scores.sort()
    tail = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - p  # (N, V): the tail that the set can do without
    tail[:, -keep:] = False
    return scores.masked_fill_(tail.scatter(1, order, tail), BANNED)
