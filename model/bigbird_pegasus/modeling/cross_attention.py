"""Keys and values of the source for cross-attention in one decoder layer, once for each document.

Dimensions: B documents, H heads, Q queries of a document (its beams side by side), S source tokens, d head
width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bigbird_pegasus.kernels.cpu import convolves_float32, multiplies_bfloat16
from bigbird_pegasus.kernels.few_rows import has_few_rows
from bigbird_pegasus.kernels.head_products import (
    ConvolutionProduct,
    Float32Product,
    HeadProduct,
    Int8Product,
    softened,
)
from bigbird_pegasus.modeling.attention import attention_probabilities, full_attention


class CrossKV(Protocol):
    """Keys and values of the source of B documents, which queries attend to."""

    @property
    def documents(self) -> int:
        """B."""

    def attend(self, query: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
        """Attend from (B, H, Q, d) to (B, H, Q, d); `mask` is bool (B, S), True where a query may look."""

    def probabilities(self, query: Tensor, mask: Tensor | None) -> Tensor:
        """Return the weights (B, H, Q, S) of the same."""

    def select(self, documents: Tensor) -> "CrossKV":
        """Return the keys and values of some documents, int64 (B',)."""


@dataclass(frozen=True)
class DenseCrossKV:
    """Keys and values (B, H, S, d), on any device, in any type, with gradients."""

    key: Tensor
    value: Tensor

    @property
    def documents(self) -> int:
        """See `CrossKV`."""
        return len(self.key)

    def attend(self, query: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
        """See `CrossKV`."""
        return full_attention(query, self.key, self.value, _for_all(mask), dropout=dropout)

    def probabilities(self, query: Tensor, mask: Tensor | None) -> Tensor:
        """See `CrossKV`."""
        return attention_probabilities(query, self.key, _for_all(mask))

    def select(self, documents: Tensor) -> "DenseCrossKV":
        """See `CrossKV`."""
        return DenseCrossKV(self.key.index_select(0, documents), self.value.index_select(0, documents))


@dataclass(frozen=True)
class PackedCrossKV:
    """Keys and values as the processor reads them fastest, each document by itself; for inference only.

    Few queries and thousands of keys are bound by memory: `kernels.head_products` has the layouts.
    `keys` are matrices (S, d) for each head, `values` (d, S).
    """

    keys: tuple[HeadProduct, ...]
    values: tuple[HeadProduct, ...]

    @property
    def documents(self) -> int:
        """See `CrossKV`."""
        return len(self.keys)

    @staticmethod
    def pack(key: Tensor, value: Tensor, layout: type[HeadProduct]) -> "PackedCrossKV":
        """Pack keys and values (B, H, S, d)."""
        keys = [layout.pack(k) for k in key]
        return PackedCrossKV(tuple(keys), tuple(layout.pack(v.transpose(1, 2)) for v in value))

    def attend(self, query: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
        """See `CrossKV`; there is no dropout where nothing is trained."""
        found = [  # (Q, H, d) of each document
            keys.attend(query, values, seen)
            for query, keys, values, seen in zip(
                self._scaled(query), self.keys, self.values, self._masks(mask), strict=True
            )
        ]
        return (found[0][None] if len(found) == 1 else torch.stack(found)).transpose(1, 2).to(query.dtype)

    def probabilities(self, query: Tensor, mask: Tensor | None) -> Tensor:
        """See `CrossKV`."""
        parts = zip(self._scaled(query), self.keys, self._masks(mask), strict=True)
        weights = [softened(keys.multiply(query), seen) for query, keys, seen in parts]  # (Q, H, S) of each
        return torch.stack(weights).transpose(1, 2).to(query.dtype)

    def select(self, documents: Tensor) -> "PackedCrossKV":
        """See `CrossKV`."""
        kept = documents.tolist()
        return PackedCrossKV(tuple(self.keys[i] for i in kept), tuple(self.values[i] for i in kept))

    def _scaled(self, query: Tensor) -> Tensor:
        """Return queries (B, H, Q, d) as (B, Q, H, d), divided by the root of d."""
        scaled: Tensor = query.transpose(1, 2) * query.shape[-1] ** -0.5
        return scaled

    def _masks(self, mask: Tensor | None) -> Sequence[Tensor | None]:
        """Return the mask (S,) of each document."""
        return [None] * self.documents if mask is None else mask.unbind()


def fastest_cross_kv(key: Tensor, value: Tensor, in_8_bits: bool = False) -> CrossKV:
    """Store keys and values (B, H, S, d) for a search, in the layout that is read fastest here.

    Args:
        key: keys.
        value: values.
        in_8_bits: they may be rounded to 8 bits, where a kernel reads these.
    """
    layout = None
    if key.device.type == "cpu" and not torch.is_grad_enabled():
        layout = _fastest_layout(key.dtype, in_8_bits)
    return DenseCrossKV(key, value) if layout is None else PackedCrossKV.pack(key, value, layout)


def _fastest_layout(dtype: torch.dtype, in_8_bits: bool) -> type[HeadProduct] | None:
    """Return that of this processor; None where nothing is faster than torch's attention."""
    if in_8_bits and dtype in (torch.float32, torch.bfloat16) and has_few_rows():
        return Int8Product
    if dtype == torch.float32 and has_few_rows():
        return Float32Product
    has_kernel = {torch.bfloat16: multiplies_bfloat16, torch.float32: convolves_float32}.get(dtype)
    return ConvolutionProduct if has_kernel is not None and has_kernel() else None


def _for_all(mask: Tensor | None) -> Tensor | None:
    """Broadcast a mask (B, S) over heads and queries: (B, 1, 1, S)."""
    return None if mask is None else mask[:, None, None, :]
