"""What the decoder's layers attend to: the tokens that the cache remembers, and the source.

Dimensions: B documents, N rows (documents x beams), H heads, T tokens, S source tokens, d head width.
"""

from torch import Tensor

from bigbird_pegasus.attention import attention_probabilities, full_attention
from bigbird_pegasus.cache import DecoderCache
from bigbird_pegasus.layers import Attend, AttendToSource, Attention


def cached_attention(
    cache: DecoderCache | None, layer: int, mask: Tensor | None, dropout: float, weights: list[Tensor] | None
) -> Attend:
    """Self-attention of the decoder, over what the cache remembers and the new tokens."""

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if cache is not None:
            key, value = cache.append(layer, key, value)
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
        pair = None if cache is None else cache.cross(layer)
        if pair is None:
            assert source is not None  # for the type checker: checked before this function was made
            pair = attention.keys_and_values(source)
            if cache is not None:
                cache.set_cross(layer, *pair)
        key, value = pair
        rows, heads, tokens, width = query.shape
        documents = key.shape[0]
        # The queries of a document's beams stand side by side, as if they were one longer query.
        query = (
            query.view(documents, -1, heads, tokens, width).transpose(1, 2).flatten(2, 3)
        )  # (B, H, beams*T, d)
        visible = None if mask is None else mask[:, None, None, :]
        if weights is not None:
            dense = attention_probabilities(query, key, visible)
            weights.append(_beams_to_rows(dense, rows, tokens))
        return _beams_to_rows(full_attention(query, key, value, visible, dropout=dropout), rows, tokens)

    return attend


def _beams_to_rows(x: Tensor, rows: int, tokens: int) -> Tensor:
    """Put the queries of beams that stand side by side, (B, H, beams*T, …), back into rows, (N, H, T, …)."""
    documents, heads, _, width = x.shape
    return x.view(documents, heads, -1, tokens, width).transpose(1, 2).reshape(rows, heads, tokens, width)
