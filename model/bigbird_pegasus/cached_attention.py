"""What the decoder's layers attend to: the tokens that the cache remembers, and the source.

Dimensions: B documents, N rows (documents x beams), H heads, T tokens, S source tokens, d head width.
"""

import torch
from torch import Tensor

from bigbird_pegasus.attention import attention_probabilities, full_attention
from bigbird_pegasus.cache import DecoderCache
from bigbird_pegasus.layers import Attend, AttendToSource, Attention
from bigbird_pegasus.source import PlainSource


def cached_attention(
    cache: DecoderCache | None, layer: int, mask: Tensor | None, dropout: float, weights: list[Tensor] | None
) -> Attend:
    """Self-attention of the decoder, over what the cache remembers and the new tokens."""

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if cache is not None:
            key, value = cache.append(layer, key, value)
        if weights is not None:
            weights.append(attention_probabilities(query, key, mask))
        if cache is not None and query.shape[2] == 1 and not dropout:
            return one_token_attention(query, *cache.buffers(layer), key.shape[2], mask)
        return full_attention(query, key, value, mask, dropout=dropout)

    return attend


def one_token_attention(
    query: Tensor, keys: Tensor, values: Tensor, length: int, mask: Tensor | None
) -> Tensor:
    """Attend from one new token of each row, (N, H, 1, d), to the first `length` of what buffers hold.

    The buffers (N, H, capacity, d) are read whole, and what is past the end masked: batched products copy a
    factor that is a part of a buffer. `mask` is bool, broadcastable to (N, H, 1, length).
    """
    scores = query * query.shape[-1] ** -0.5 @ keys.transpose(-1, -2)  # (N, H, 1, capacity)
    lowest = torch.finfo(scores.dtype).min
    scores[..., length:] = -torch.inf
    if mask is not None:
        scores[..., :length].masked_fill_(~mask, lowest)
    return torch.softmax(scores, dim=-1) @ values


def source_attention(
    cache: DecoderCache | None,
    layer: int,
    source: Tensor | None,
    mask: Tensor | None,
    dropout: float,
    weights: list[Tensor] | None,
) -> AttendToSource | None:
    """Cross-attention: all beams of a document read the same keys and values. None without a source."""
    if source is None and (cache is None or cache.cross(layer) is None):
        return None

    def attend(query: Tensor, attention: Attention) -> Tensor:
        known = None if cache is None else cache.cross(layer)
        if known is None:
            assert source is not None  # for the type checker: checked before this function was made
            known = PlainSource(*attention.keys_and_values(source))
            if cache is not None:
                cache.set_cross(layer, known)
        rows, heads, tokens, width = query.shape
        # The queries of a document's beams stand side by side, as if they were one longer query.
        query = (
            query.view(known.documents, -1, heads, tokens, width).transpose(1, 2).flatten(2, 3)
        )  # (B, H, Q, d)
        if weights is not None:
            weights.append(_beams_to_rows(known.probabilities(query, mask), rows, tokens))
        return _beams_to_rows(known.attend(query, mask, dropout), rows, tokens)

    return attend


def _beams_to_rows(x: Tensor, rows: int, tokens: int) -> Tensor:
    """Put the queries of beams that stand side by side, (B, H, beams*T, …), back into rows, (N, H, T, …)."""
    documents, heads, _, width = x.shape
    return x.view(documents, heads, -1, tokens, width).transpose(1, 2).reshape(rows, heads, tokens, width)
