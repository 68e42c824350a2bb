"""Products of few rows by a matrix for each attention head, in the layouts that are read fastest.

Dimensions: Q rows, H heads, K inputs and N outputs of a head.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from bigbird_pegasus.kernels.few_rows import FewRowsWeight, shared_attention

ONE = (1, 1)  # stride, dilation and size of the convolutions below
NONE = (0, 0)
MAX_CODE = 127
MIN_MAGNITUDE = 1e-12  # an input of zeros has this for its largest magnitude


class HeadProduct(Protocol):
    """A matrix (N, K) for each of H heads, opaque to all but its kernel."""

    @classmethod
    def pack(cls, matrices: Tensor) -> Self:
        """Pack matrices (H, N, K)."""

    def multiply(self, x: Tensor) -> Tensor:
        """Multiply, head by head, (Q, H, K) by the matrices: (Q, H, N), of the same type or float32."""

    def attend(self, query: Tensor, values: Self, seen: Tensor | None) -> Tensor:
        """Multiply values by the softened products of queries and these keys.

        Args:
            query: (Q, H, d), divided by the root of d.
            values: matrices (d, N) for the keys' (N, d).
            seen: bool (N,), False at padding; None where there is none.

        Returns:
            (Q, H, d), of the same type or float32.
        """


def softened(scores: Tensor, seen: Tensor | None) -> Tensor:
    """Return the weights (Q, H, N) that scores (Q, H, N) stand for; see `HeadProduct.attend`."""
    if seen is not None:
        scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, dim=-1)


@dataclass(frozen=True)
class ConvolutionProduct:
    """oneDNN's: a convolution of size 1 with a group for each head is the same product.

    torch's batched product puts its second factor into another layout at each call; the weights of a
    convolution can be packed beforehand. At 4,096 tokens and 5 queries twice the speed, in bfloat16 and in
    float32, where oneDNN has AVX-512. Its kernels for AVX2 take thirty times as long.
    """

    heads: int
    weight: Tensor  # (H·N, K, 1, 1)

    @classmethod
    def pack(cls, matrices: Tensor) -> Self:
        """See `HeadProduct`."""
        heads, outputs, inputs = matrices.shape
        images = matrices.contiguous().view(heads * outputs, inputs, 1, 1)  # packing strided ones is slow
        return cls(heads, torch.ops.mkldnn._reorder_convolution_weight(images, NONE, ONE, ONE, heads))

    def multiply(self, x: Tensor) -> Tensor:
        """See `HeadProduct`."""
        image = x.flatten(1).view(1, 1, len(x), -1).permute(0, 3, 1, 2)  # (1, H·K, 1, Q): a row is a pixel
        product: Tensor = torch.ops.mkldnn._convolution_pointwise(
            image, self.weight, None, NONE, ONE, ONE, self.heads, "none", [], ""
        )
        return product.permute(0, 2, 3, 1).reshape(len(x), self.heads, -1)

    def attend(self, query: Tensor, values: Self, seen: Tensor | None) -> Tensor:
        """See `HeadProduct`."""
        return values.multiply(softened(self.multiply(query), seen))


@dataclass(frozen=True)
class Float32Product:
    """That of `few_rows`."""

    weight: FewRowsWeight

    @classmethod
    def pack(cls, matrices: Tensor) -> Self:
        """See `HeadProduct`."""
        return cls(FewRowsWeight(matrices))

    def multiply(self, x: Tensor) -> Tensor:
        """See `HeadProduct`."""
        return self.weight.multiply(x)

    def attend(self, query: Tensor, values: Self, seen: Tensor | None) -> Tensor:
        """See `HeadProduct`."""
        return shared_attention(query, self.weight, values.weight, seen)


@dataclass(frozen=True)
class Int8Product:
    """That of `few_rows` over codes of 8 bits, with a scale for each head and input.

    The inputs of keys are the channels of a head, those of values the tokens: keys have channels that are
    large in all tokens (Liu et al., KIVI, 2024).
    """

    weight: FewRowsWeight

    @classmethod
    def pack(cls, matrices: Tensor) -> Self:
        """See `HeadProduct`."""
        matrices = matrices.float()
        scale = matrices.abs().amax(dim=1).clamp_(min=MIN_MAGNITUDE).div_(MAX_CODE)
        codes = (matrices / scale.unsqueeze(1)).round_().to(torch.int8)
        return cls(FewRowsWeight(codes, x_scale=scale))

    def multiply(self, x: Tensor) -> Tensor:
        """See `HeadProduct`."""
        return self.weight.multiply(x)

    def attend(self, query: Tensor, values: Self, seen: Tensor | None) -> Tensor:
        """See `HeadProduct`."""
        return shared_attention(query, self.weight, values.weight, seen)
