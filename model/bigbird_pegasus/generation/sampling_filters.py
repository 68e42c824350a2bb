"""Sampling filters: which tokens a draw leaves out.

Each is a plain function over whole tensors, as `logits_processors` describes it, and keeps at least `keep`
tokens; what it leaves out gets the score `fill`.

Dimensions: N decoder rows (documents x beams), V vocabulary.
"""

import torch
from torch import Tensor

BANNED = float("-inf")
TOP_H_TOKENS = 100  # that top-h looks at, as its reference implementation does


def apply_temperature(tokens: Tensor, scores: Tensor, temperature: float) -> Tensor:
    """Divide by the temperature: below 1 sharpens the distribution, above 1 flattens it."""
    return scores.div_(temperature)


def keep_top_h(tokens: Tensor, scores: Tensor, h: float, fill: float = BANNED) -> Tensor:
    """Keep the most probable tokens that make up the share `h` of the entropy (Potraghloo et al., 2025)."""
    best = scores.topk(min(TOP_H_TOKENS, scores.shape[1]))
    distribution = torch.distributions.Categorical(logits=best.values)
    probabilities: Tensor = distribution.probs
    parts = (-probabilities * probabilities.log()).cumsum(dim=-1)
    kept = parts <= (distribution.entropy() * h)[:, None]
    kept[:, 0] = True
    return scores.masked_fill_(
        ~torch.zeros_like(scores, dtype=torch.bool).scatter(1, best.indices, kept), fill
    )


def keep_top_k(tokens: Tensor, scores: Tensor, k: int, fill: float = BANNED) -> Tensor:
    """Ban all but the `k` highest scores (and what equals the k-th)."""
    threshold = scores.topk(min(k, scores.shape[1])).values[:, -1:]
    return scores.masked_fill_(scores < threshold, fill)


def keep_top_p(tokens: Tensor, scores: Tensor, p: float, keep: int, fill: float = BANNED) -> Tensor:
    """Keep the smallest set of most probable tokens that holds probability `p`, and at least `keep`
    tokens."""
    ascending, order = scores.sort()
    tail = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - p  # (N, V): the tail that the set can do without
    tail[:, -keep:] = False
    return scores.masked_fill_(tail.scatter(1, order, tail), fill)


def keep_min_p(tokens: Tensor, scores: Tensor, p: float, keep: int, fill: float = BANNED) -> Tensor:
    """Keep tokens of at least `p` times the greatest probability (Nguyen et al., min-p, 2024)."""
    probabilities = scores.softmax(dim=-1)
    out = probabilities < p * probabilities.amax(dim=-1, keepdim=True)
    return scores.masked_fill_(out.scatter(1, _best(probabilities, keep), False), fill)


def keep_typical(tokens: Tensor, scores: Tensor, mass: float, keep: int, fill: float = BANNED) -> Tensor:
    """Keep the tokens that surprise most nearly as much as is usual, up to the probability `mass`.

    Source: Meister et al., "Locally Typical Sampling", 2022.
    """
    logs = scores.log_softmax(dim=-1)
    entropy = -(logs * logs.exp()).nansum(dim=-1, keepdim=True)
    distance, order = (-logs - entropy).abs().sort()
    before = (scores.gather(1, order).softmax(dim=-1).cumsum(dim=-1) < mass).sum(dim=1)
    last = before.clamp(max=scores.shape[1] - 1)[:, None]
    out = distance > distance.gather(1, last)
    out[:, :keep] = False
    return scores.masked_fill_(out.scatter(1, order, out), fill)


def keep_above_epsilon(
    tokens: Tensor, scores: Tensor, epsilon: float, keep: int, fill: float = BANNED
) -> Tensor:
    """Keep tokens of at least the probability `epsilon` (Hewitt et al., "Truncation Sampling", 2022)."""
    return _keep_above(scores, torch.full_like(scores[:, :1], epsilon), keep, fill)


def keep_above_eta(tokens: Tensor, scores: Tensor, epsilon: float, keep: int, fill: float = BANNED) -> Tensor:
    """Keep tokens of at least the probability `epsilon`, or less where the entropy is high (ibidem)."""
    entropy = torch.distributions.Categorical(logits=scores).entropy()
    least = torch.tensor(epsilon, dtype=scores.dtype, device=scores.device)
    return _keep_above(scores, torch.minimum(least, least.sqrt() * (-entropy).exp())[:, None], keep, fill)


def _keep_above(scores: Tensor, least: Tensor, keep: int, fill: float) -> Tensor:
    threshold = scores.topk(min(keep, scores.shape[1])).values[:, -1:]
    return scores.masked_fill_((scores.softmax(dim=-1) < least) & (scores < threshold), fill)


def _best(probabilities: Tensor, count: int) -> Tensor:
    return probabilities.topk(min(count, probabilities.shape[1])).indices
