"""int8 weights: one scale for each output channel, activations rounded to int8 row by row.

Dimensions: M rows of activations, N output channels, K inputs.

A row of activations is divided by its largest magnitude, so that all rows share one scale in the kernel, and
its result is multiplied by that magnitude again. A row's result then does not depend on the rows beside it
(other beams, other documents), as it would with one scale for all of them, and its error is no larger.

How finely activations may be rounded depends on the kernel. Without VNNI instructions x86 kernels add pairs
of products in 16 bits, which saturate, and which kernel a library takes on which processor is its own affair:
FBGEMM knows AVX512-VNNI but not AVX-VNNI, oneDNN knows both. So each kernel is asked, by one product that
would saturate (`finest_exact_code`). Without AVX512-VNNI, FBGEMM is exact with codes up to 63, because it
takes them plus 64; `_int_mm` with oneDNN's AVX2 kernel with none above 1, because that takes them plus 128
(products of uniform inputs are wrong by 98 % then), so it is not used there.

Of torch's kernels `quantized::linear` with FBGEMM is the fastest here, for few rows and for many. Two
threads, AVX512-VNNI, 4096 x 1024, milliseconds for 5 and 4096 rows: FBGEMM 0.12 and 74 (51 to 73 in pieces of
512 rows), oneDNN 0.20 and 96, `_int_mm` 0.30 and 58 without its scales (80 and more with them),
`_weight_int8pack_mm` 0.87 for 5; bfloat16 0.30 and 89 packed, 0.70 and 95 plain.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.kernels.allocator import large_tensors_on_own_pages

MAX_CODE = 127  # of weights, of each sign
# The largest codes of activations that are tried. An unsigned 8-bit number holds 127 of each sign; of 63, and
# of weights up to 127, it takes two products to fill 16 bits: 2 * 127 * 127 < 2 ** 15.
ACTIVATION_CODES = (127, 63)
FBGEMM_ENGINES = ("x86", "fbgemm")
PROBE_SHAPE = (16, 64, 256)  # M, N, K of the product that kernels are tried with
# Rounded together: copies of a whole table in float32 would be twice the model.
WEIGHTS_AT_ONCE = 1 << 18
WEIGHTS_PACKED_AT_ONCE = 1 << 24  # packing copies them once more; only a table of tokens has more
CHANNELS_AT_ONCE = 512  # dequantized, so that they are still in the cache when they are multiplied
MIN_MAGNITUDE = 1e-12  # a row of zeros has this for its largest magnitude


def round_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Round rows (N, K): int8 codes (N, K), and the float32 scales (N,) that they are multiplied by."""
    rows = rows.float()
    scale = rows.abs().amax(dim=1).clamp_(min=MIN_MAGNITUDE) / MAX_CODE
    return rows.div(scale.unsqueeze(1)).round_().to(torch.int8), scale


class Int8Weight:
    """A weight (N, K), plain until it is packed or first used, then as the kernel wants it; once in memory.

    Packing takes 11 ms for 4096 x 1024, most of the time that loading takes; `prepack` does it for all.
    Until then the codes stay mapped to their file.
    """

    max_kernel_rows: ClassVar[int | None] = (
        512  # more are done in pieces, whose float32 copies stay in the cache
    )

    def __init__(self, codes: Tensor, scale: Tensor) -> None:
        """Take codes, int8 (N, K), and scales, float32 (N,)."""
        self.shape = (codes.shape[0], codes.shape[1])
        self._codes: Tensor | None = codes
        self._scale = scale
        self._packed: list[Any] = []

    @staticmethod
    def quantize(weight: Tensor) -> dict[str, Tensor]:
        """Round a weight (N, K) to what is stored."""
        with large_tensors_on_own_pages():
            codes = torch.empty(weight.shape, dtype=torch.int8, device=weight.device)
            scale = torch.empty(len(weight), device=weight.device)
        step = max(1, WEIGHTS_AT_ONCE // weight.shape[1])
        for start in range(0, len(weight), step):
            piece = slice(start, start + step)
            codes[piece], scale[piece] = round_rows(weight[piece])
        return {"": codes.unsqueeze(0), "_scale": scale}

    @staticmethod
    def layout(shape: tuple[int, int]) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """Return shape and type of what is stored of a weight (N, K), by the suffix of its name."""
        # One dimension more than a weight has: other programs stop there, and read no codes as weights.
        return {"": ((1, *shape), torch.int8), "_scale": (shape[:1], torch.float32)}

    @classmethod
    def load(cls, stored: Mapping[str, Tensor], shape: tuple[int, int]) -> Self:
        """Make a weight of what is stored."""
        # The scales are copied, so that nothing keeps the mapped codes when they have been packed.
        return cls(stored[""].squeeze(0), stored["_scale"].clone())

    @classmethod
    def joined(cls, weights: Sequence["Int8Weight"]) -> Self:
        """Put weights (N, K) of the same inputs below each other."""
        stored = [weight.stored() for weight in weights]
        codes = torch.cat([parts[""].squeeze(0) for parts in stored])
        return cls(codes, torch.cat([parts["_scale"] for parts in stored]))

    @property
    def is_packed(self) -> bool:
        """Return whether only the kernel's layout of the codes is left."""
        return self._codes is None

    def stored(self) -> dict[str, Tensor]:
        """Return what `load` takes."""
        codes = self._codes
        if codes is None:
            parts = [torch.ops.quantized.linear_unpack(packed)[0].int_repr() for packed in self._packed]
            codes = torch.cat(parts)
        return {"": codes.unsqueeze(0), "_scale": self._scale}

    def dequantize(self) -> Tensor:
        """Return the weight (N, K) in float32."""
        stored = self.stored()
        return stored[""].squeeze(0).float() * stored["_scale"].unsqueeze(1)

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows (M, K) to (M, N), float32 where the kernel is used."""
        if x.device.type != "cpu":
            return _by_codes(x, cast(Tensor, self._codes), self._scale, bias)
        code = fbgemm_code()
        if code is None:
            return F.linear(x, self.dequantize().to(x.dtype), None if bias is None else bias.to(x.dtype))
        if self._codes is not None:
            self.pack()
        x = x.float()
        largest = x.abs().amax(dim=1, keepdim=True).clamp_(min=MIN_MAGNITUDE)
        y = _fbgemm_products(x / largest, self._packed, code)
        return y.mul_(largest) if bias is None else torch.addcmul(bias, y, largest)

    @large_tensors_on_own_pages()
    def pack(self) -> None:
        """Put the weight into the kernel's layout, where that is not done and there is a kernel."""
        codes = self._codes
        if codes is None or codes.device.type != "cpu" or fbgemm_code() is None:
            return
        rows = max(1, WEIGHTS_PACKED_AT_ONCE // codes.shape[1])
        self._packed = [
            torch.ops.quantized.linear_prepack(_per_channel(part, scale), None)
            for part, scale in zip(torch.split(codes, rows), torch.split(self._scale, rows), strict=True)
        ]
        self._codes = None


class Int8Table:
    """A weight (N, K) that is multiplied by as it is stored: one in memory for a table and an output head.

    It takes three times as long as a packed one. 96,103 x 1024, 5 rows, two threads: 10 ms against 4.
    """

    max_kernel_rows: ClassVar[int | None] = 512

    def __init__(self, codes: Tensor, scale: Tensor) -> None:
        """Take codes, int8 (N, K), and scales, float32 (N,)."""
        self.shape = (codes.shape[0], codes.shape[1])
        self._codes = codes
        self._scale = scale

    @classmethod
    def load(cls, stored: Mapping[str, Tensor], shape: tuple[int, int]) -> Self:
        """Make a weight of what is stored."""
        return cls(stored[""].squeeze(0), stored["_scale"])

    def stored(self) -> dict[str, Tensor]:
        """Return what `load` takes."""
        return {"": self._codes.unsqueeze(0), "_scale": self._scale}

    def dequantize(self) -> Tensor:
        """Return the weight (N, K) in float32."""
        return self._codes.float() * self._scale.unsqueeze(1)

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows (M, K) to (M, N), float32 where the kernel is used."""
        if x.device.type != "cpu":
            return _by_codes(x, self._codes, self._scale, bias)
        code = int_mm_code()
        if code is None or self.shape[1] == 1:  # torch 2.13 leaves the products of a single input undefined
            x = x.float()
            y = torch.cat(
                [F.linear(x, part.float()) for part in torch.split(self._codes, CHANNELS_AT_ONCE)], dim=1
            )
            y.mul_(self._scale)
        else:
            step = x.abs().amax(dim=-1, keepdim=True).float().clamp_(min=MIN_MAGNITUDE) / code
            codes = (x / step).round_().to(torch.int8)
            y = torch._int_mm(codes, self._codes.t()).float().mul_(self._scale).mul_(step)
        return y if bias is None else y.add_(bias)


def _by_codes(x: Tensor, codes: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    """Map rows (M, K) by codes (N, K), and scale what comes out: no float32 copy of the weight is made."""
    y = F.linear(x, codes.to(x.dtype)).float().mul_(scale)
    return y if bias is None else y.add_(bias)


@cache
def fbgemm_code() -> int | None:
    """Return the largest code of activations with which FBGEMM is exact; None where it cannot be used."""
    if torch.backends.quantized.engine not in FBGEMM_ENGINES:
        return None

    def multiply(activations: Tensor, weights: Tensor, code: int) -> Tensor:
        packed = torch.ops.quantized.linear_prepack(_per_channel(weights, torch.ones(len(weights))), None)
        return _fbgemm_products(activations.float() / code, [packed], code) * code

    with warnings.catch_warnings():
        # Torch warns, once, that these types are deprecated; no other kernel it has is as fast.
        warnings.simplefilter("ignore", UserWarning)
        return finest_exact_code(multiply)


@cache
def int_mm_code() -> int | None:
    """Return the largest code of activations with which `_int_mm` is exact; None where it is not used."""
    if torch.backends.quantized.engine not in FBGEMM_ENGINES:  # other processors have no fast kernel for it
        return None
    return finest_exact_code(lambda activations, weights, _: torch._int_mm(activations, weights.t()))


def finest_exact_code(multiply: Callable[[Tensor, Tensor, int], Tensor]) -> int | None:
    """Return the largest code of activations with which a kernel's sums do not saturate; None if all do.

    Args:
        multiply: takes codes of activations, int8 (M, K), codes of weights, int8 (N, K), and the largest code
            that activations may have; returns the products (M, N).
    """
    rows, channels, inputs = PROBE_SHAPE
    # All the products of a sum have one sign and are as large as they can be: no other sum is farther off.
    weights = torch.full((channels, inputs), MAX_CODE, dtype=torch.int8)
    weights[::2] *= -1
    for code in ACTIVATION_CODES:
        activations = torch.full((rows, inputs), code, dtype=torch.int8)
        activations[::2] *= -1
        exact = activations.float() @ weights.float().t()
        if torch.allclose(multiply(activations, weights, code).float(), exact):
            return code
    return None


def _fbgemm_products(x: Tensor, packed: Sequence[Any], code: int) -> Tensor:
    """Multiply float32 x (M, K), of at most 1 in magnitude, by packed weights: (M, N).

    The kernel rounds x to unsigned numbers: codes of -code to code, plus code + 1.
    """
    kernel = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
    products = [kernel(x, 1 / code, code + 1, part) for part in packed]
    return products[0] if len(products) == 1 else torch.cat(products, dim=1)


def _per_channel(codes: Tensor, scale: Tensor) -> Tensor:
    zeros = torch.zeros(len(codes), dtype=torch.long)
    quantized: Tensor = torch._make_per_channel_quantized_tensor(codes, scale.double(), zeros, 0)
    return quantized
