"""Keys and values of the source for cross-attention in one decoder layer, once for each document.

Dimensions: B documents, H heads, Q queries of a document (its beams side by side), S source tokens, d head
width.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bigbird_pegasus.kernels.cpu import convolves_float32, multiplies_bfloat16
from bigbird_pegasus.modeling.attention import attention_probabilities, full_attention

ONE = (1, 1)  # stride, dilation and size of the convolutions below
NONE = (0, 0)


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

    Few queries and thousands of keys are bound by memory, and torch's batched product puts its second factor
    into another layout at each call. A convolution of size 1 with a group for each head is the same product,
    and its weights can be packed beforehand: at 4,096 tokens and 5 queries twice the speed, in bfloat16 and
    in float32, where oneDNN has AVX-512. Its kernels for AVX2 take thirty times as long (16 heads, 2 threads:
    104 ms a layer for 3.5), and products by `torch.matmul` as long as torch's attention: dense there.

    `keys` are weights (H·S, d, 1, 1), `values` (H·d, S, 1, 1), opaque to all but the kernel.
    """

    heads: int
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    @property
    def documents(self) -> int:
        """See `CrossKV`."""
        return len(self.keys)

    @staticmethod
    def pack(key: Tensor, value: Tensor) -> "PackedCrossKV":
        """Pack keys and values (B, H, S, d)."""
        heads, _, width = key.shape[1:]
        pack = torch.ops.mkldnn._reorder_convolution_weight
        keys = [pack(k.reshape(-1, width, 1, 1), NONE, ONE, ONE, heads) for k in key]
        values = [pack(_columns(v), NONE, ONE, ONE, heads) for v in value]
        return PackedCrossKV(heads, tuple(keys), tuple(values))

    def attend(self, query: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
        """See `CrossKV`; there is no dropout where nothing is trained."""
        found = []
        for values, weights in zip(self.values, self._weights(query, mask), strict=True):
            found.append(self._product(weights.flatten(1), values))  # (Q, H, d)
        return (found[0][None] if len(found) == 1 else torch.stack(found)).transpose(1, 2)

    def probabilities(self, query: Tensor, mask: Tensor | None) -> Tensor:
        """See `CrossKV`."""
        return torch.stack(self._weights(query, mask)).transpose(1, 2)

    def select(self, documents: Tensor) -> "PackedCrossKV":
        """See `CrossKV`."""
        kept = documents.tolist()
        return PackedCrossKV(
            self.heads, tuple(self.keys[i] for i in kept), tuple(self.values[i] for i in kept)
        )

    def _weights(self, query: Tensor, mask: Tensor | None) -> list[Tensor]:
        """Return each document's weights, (Q, H, S)."""
        query = query.transpose(1, 2).flatten(2) * query.shape[-1] ** -0.5  # (B, Q, H·d)
        weights = []
        for document, keys in enumerate(self.keys):
            scores = self._product(query[document], keys)
            if mask is not None:
                scores = scores.masked_fill_(~mask[document], torch.finfo(scores.dtype).min)
            weights.append(torch.softmax(scores, dim=-1))
        return weights

    def _product(self, x: Tensor, packed: Tensor) -> Tensor:
        """Multiply, head by head, (Q, H·i) by packed weights (H·o, i, 1, 1): (Q, H, o)."""
        image = x.view(1, 1, *x.shape).permute(0, 3, 1, 2)  # (1, H·i, 1, Q): a query is a pixel
        product: Tensor = torch.ops.mkldnn._convolution_pointwise(
            image, packed, None, NONE, ONE, ONE, self.heads, "none", [], ""
        )
        return product.permute(0, 2, 3, 1).reshape(len(x), self.heads, -1)


def fastest_cross_kv(key: Tensor, value: Tensor) -> CrossKV:
    """Store keys and values (B, H, S, d) for a search, in the layout that is read fastest here."""
    has_kernel = {torch.bfloat16: multiplies_bfloat16, torch.float32: convolves_float32}.get(key.dtype)
    if key.device.type == "cpu" and not torch.is_grad_enabled() and has_kernel is not None and has_kernel():
        return PackedCrossKV.pack(key, value)
    return DenseCrossKV(key, value)


def _columns(value: Tensor) -> Tensor:
    """Return values (H, S, d) as weights (H·d, S, 1, 1) of a convolution; packing strided ones is slow."""
    return value.transpose(1, 2).reshape(-1, value.shape[1]).contiguous()[:, :, None, None]


def _for_all(mask: Tensor | None) -> Tensor | None:
    """Broadcast a mask (B, S) over heads and queries: (B, 1, 1, S)."""
    return None if mask is None else mask[:, None, None, :]
