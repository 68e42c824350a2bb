"""What the decoder's layers attend to: the tokens that the cache remembers, and the source.

Dimensions: B documents, N rows (documents x beams), H heads, T tokens, S source tokens, d head width.
"""

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
            cache.append(layer, key, value)
            if query.shape[2] == 1 and weights is None and not dropout:
                return cache.attend(layer, query, mask)
            if cache.length:
                key, value = cache.keys_and_values(layer)
        if weights is not None:
            weights.append(attention_probabilities(query, key, mask))
        return full_attention(query, key, value, mask, dropout=dropout)

    return attend


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
