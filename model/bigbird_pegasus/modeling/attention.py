"""Attention as pure functions of queries, keys and values: full and block-sparse.

Dimensions: B documents, H heads, T tokens (queries), S source tokens (keys), d head width,
n blocks of b tokens (`n * b == T`), r random blocks for each block of queries.

Source: Zaheer et al., "Big Bird: Transformers for Longer Sequences" (NeurIPS 2020), section 2 and
appendix D; the plans follow google-research/bigbird, `bigbird/core/attention.py`.
"""

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.kernels.cpu import multiplies_bfloat16

# Keys and values that are gathered at once on a CPU: they should stay in its last cache.
GATHERED_BYTES = 16 * 2**20
SCORES_BYTES = 4 * 2**20  # likewise, of the scores of one step


def padding_mask_of(attention_mask: Tensor | None) -> Tensor | None:
    """Return the mask as bool (B, S), or None where it masks nothing: then no mask is ever folded in."""
    if attention_mask is None:
        return None
    mask = attention_mask.bool()
    if torch.compiler.is_compiling():  # a program that is compiled or exported does not depend on values
        return mask
    return None if bool(mask.all()) else mask


def causal_mask(attention_mask: Tensor | None, past: int, tokens: int, device: torch.device) -> Tensor | None:
    """Return bool, broadcastable to (N, 1, T, past + T): no token sees a later one, or padding."""
    padding = padding_mask_of(attention_mask)
    if tokens == 1 and padding is None:
        return None
    seen = torch.ones(tokens, past + tokens, dtype=torch.bool, device=device).tril(past)
    return seen if padding is None else seen & padding[:, None, None, :]


def full_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, dropout: float = 0.0
) -> Tensor:
    """Attend from every query to every key.

    Args:
        query: (B, H, T, d).
        key: (B, H, S, d).
        value: (B, H, S, d).
        mask: bool, broadcastable to (B, H, T, S); True where a query may look.
        dropout: probability of dropping an attention weight.

    Returns:
        (B, H, T, d).
    """
    if not dropout and _parts_are_faster(query, key):
        return _attend_in_parts(query, key, value, mask)
    found: Tensor = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
    return found


def _parts_are_faster(query: Tensor, key: Tensor) -> bool:
    """Return whether batched products beat torch's fused attention (windows of a layer: 37 ms against 68)."""
    return (
        query.device.type == "cpu"
        and query.dtype == torch.bfloat16
        and query.shape[2] * key.shape[2] * query.element_size() <= SCORES_BYTES
        and not torch.is_grad_enabled()
        and multiplies_bfloat16()
    )


def _attend_in_parts(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attend as `full_attention`, with the scores of so many heads at a time as the cache holds.

    A query that may look at no key finds the mean of all values: only padding is masked so.
    """
    batch, heads, length, width = query.shape
    queries = (query * width**-0.5).reshape(-1, length, width)  # (B * H, T, d)
    keys, values = key.reshape(-1, *key.shape[2:]), value.reshape(-1, *value.shape[2:])  # (B * H, S, d)
    if mask is not None:
        mask = (~mask).expand(batch, heads, -1, -1).flatten(0, 1)  # not copied where it is one for all
    found = torch.empty_like(queries)
    at_once = SCORES_BYTES // (length * key.shape[2] * query.element_size())
    for first in range(0, len(queries), at_once):
        some = slice(first, first + at_once)
        scores = torch.bmm(queries[some], keys[some].transpose(1, 2))
        if mask is not None:
            scores.masked_fill_(mask[some], torch.finfo(scores.dtype).min)
        torch.bmm(torch.softmax(scores, dim=-1), values[some], out=found[some])
    return found.view(batch, heads, length, width)


def attention_probabilities(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    """Return the weights (B, H, T, S) that `full_attention` uses, for `output_attentions`.

    A query that may look at no key gets equal weights here; `full_attention` gives it zeros, or in bfloat16
    the mean of all values. Only padding is masked so, and the weights of padding mean nothing.
    """
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, dim=-1)


def block_sparse_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    plan: Tensor,
    block_size: int,
    padding_mask: Tensor | None = None,
) -> Tensor:
    """Attend by blocks: the first and last block, a window of three, and the random blocks of `plan`.

    The first and last block of queries see every key. Rows 1 and n-2 have a window that touches a global
    block, so they see 4 + r blocks; the rows between see 5 + r. No (T, T) tensor is made.

    Args:
        query: (B, H, T, d) with T a multiple of `block_size` and at least 6 blocks.
        key: (B, H, T, d).
        value: (B, H, T, d).
        plan: (H, n - 2, r) block numbers, for the query blocks 1 … n-2.
        block_size: b.
        padding_mask: bool (B, T), True at real tokens; None where there is no padding. Queries at padding
            get zeros.

    Returns:
        (B, H, T, d).
    """
    batch, heads, length, width = query.shape
    blocks = length // block_size
    plan, key, value = plan.to(query.device), key.contiguous(), value.contiguous()
    edges = torch.cat([query[:, :, :block_size], query[:, :, -block_size:]], dim=2)  # (B, H, 2b, d)
    everything = None if padding_mask is None else padding_mask[:, None, None, :]
    edges = full_attention(edges, key, value, everything)

    rows = query.reshape(batch, heads, blocks, block_size, width)  # (B, H, n, b, d)
    see = partial(_see_blocks, key=key, value=value, padding_mask=padding_mask)
    second = see(rows[:, :, [1, -2]], seen=_seen_by_second_rows(plan, blocks))  # (B, H, 2, b, d)
    middle = see(rows[:, :, 2:-2], seen=_seen_by_middle_rows(plan, blocks))  # (B, H, n-4, b, d)
    context = torch.cat(
        [
            edges[:, :, :block_size],
            second[:, :, 0],
            middle.flatten(2, 3),
            second[:, :, 1],
            edges[:, :, block_size:],
        ],
        dim=2,
    )  # (B, H, T, d)
    if padding_mask is not None:
        context = context.masked_fill(~padding_mask[:, None, :, None], 0.0)
    return context


def _see_blocks(
    query: Tensor, seen: Tensor, key: Tensor, value: Tensor, padding_mask: Tensor | None
) -> Tensor:
    """Attend from some rows of query blocks (B, H, rows, b, d) to the blocks `seen` (H, rows, c) by each.

    The blocks are copied side by side, for so many heads at once as the processor's cache holds: copying all
    of them to memory and reading them back takes longer than attending.
    """
    batch, heads, rows, block_size, width = query.shape
    total = key.shape[2] // block_size
    # Heads of all documents have blocks of their own, so they are numbered through: (B * H, rows, c).
    numbers = (
        seen.repeat(batch, 1, 1) + torch.arange(batch * heads, device=seen.device)[:, None, None] * total
    )
    key_blocks = key.reshape(batch * heads * total, block_size * width)
    value_blocks = value.reshape(batch * heads * total, block_size * width)
    query = query.flatten(0, 1)  # (B*H, rows, b, d)
    mask_blocks = None
    if padding_mask is not None:
        mask_blocks = padding_mask.repeat_interleave(heads, dim=0).view(-1, block_size)

    found = []
    at_once = _heads_at_once(numbers, block_size * width, key)
    for first in range(0, batch * heads, at_once):
        some = slice(first, first + at_once)
        chosen = numbers[some].flatten()
        shape = (*numbers[some].shape[:2], -1, width)  # (heads, rows, c·b, d)
        mask = None
        if mask_blocks is not None:
            mask = mask_blocks.index_select(0, chosen).view(*shape[:2], 1, -1)
        keys = key_blocks.index_select(0, chosen).view(shape)
        values = value_blocks.index_select(0, chosen).view(shape)
        found.append(full_attention(query[some], keys, values, mask))
    return torch.cat(found).view(batch, heads, rows, block_size, width)


def block_sparse_probabilities(
    query: Tensor, key: Tensor, plan: Tensor, block_size: int, padding_mask: Tensor | None
) -> Tensor:
    """Return the weights of `block_sparse_attention` as one dense (B, H, T, T), for `output_attentions`.

    A block that a row sees more than once (as the random blocks of `transformers` plans) counts as often.
    """
    heads, length = query.shape[1], query.shape[2]
    blocks = length // block_size
    times_seen = torch.zeros(heads, blocks, blocks, device=query.device)
    times_seen[:, [0, -1], :] = 1
    times_seen[:, :, [0, -1]] = 1
    for row in range(1, blocks - 1):
        times_seen[:, row, row - 1 : row + 2] = 1
    plan = plan.to(query.device)
    times_seen[:, 1:-1].scatter_add_(2, plan, torch.ones_like(plan, dtype=times_seen.dtype))
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    extra = times_seen.log().repeat_interleave(block_size, 1).repeat_interleave(block_size, 2)
    scores = scores + extra.to(scores.dtype)
    if padding_mask is not None:
        scores = scores.masked_fill(~padding_mask[:, None, None, :], torch.finfo(scores.dtype).min)
    return torch.softmax(scores, dim=-1)


def _seen_by_middle_rows(plan: Tensor, blocks: int) -> Tensor:
    """Return the blocks that the query blocks 2 … n-3 see, of `plan` (H, n-2, r): int64 (H, n-4, 5+r)."""
    row = torch.arange(2, blocks - 2, device=plan.device)
    first, last = torch.zeros_like(row), torch.full_like(row, blocks - 1)
    fixed = torch.stack([first, row - 1, row, row + 1, last], dim=1)  # (n-4, 5)
    return torch.cat([fixed.expand(len(plan), -1, -1), plan[:, 1:-1]], dim=2)


def _seen_by_second_rows(plan: Tensor, blocks: int) -> Tensor:
    """Return the blocks that the query blocks 1 and n-2 see, of `plan` (H, n-2, r): int64 (H, 2, 4+r)."""
    last = blocks - 1
    fixed = torch.tensor([[0, 1, 2, last], [0, last - 2, last - 1, last]], device=plan.device)
    return torch.cat([fixed.expand(len(plan), -1, -1), plan[:, [0, -1]]], dim=2)


def _heads_at_once(numbers: Tensor, block: int, key: Tensor) -> int:
    """Return how many heads' gathered keys and values a CPU's cache holds; on other devices, all."""
    heads, *counts = numbers.shape
    if key.device.type != "cpu":
        return heads
    bytes_a_head = 2 * math.prod(counts) * block * key.element_size()
    return max(1, min(heads, GATHERED_BYTES // bytes_a_head))
