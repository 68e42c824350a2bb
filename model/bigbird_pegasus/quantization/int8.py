"""int8 weights: one scale for each output channel, activations rounded to int8 row by row.

Dimensions: M rows of activations, N output channels, K inputs.

A row of activations is divided by its largest magnitude, so that all rows share one scale in the kernel, and
its result is multiplied by that magnitude again. A row's result then does not depend on the rows beside it
(other beams, other documents), as it would with one scale for all of them, and its error is no larger.

Of torch's kernels `quantized::linear` with FBGEMM is the fastest here, for few rows and for many. Two
threads, AVX512-VNNI, 4096 x 1024, milliseconds for 5 and 4096 rows: FBGEMM 0.12 and 74 (51 to 73 in pieces of
512 rows), oneDNN 0.20 and 96, `_int_mm` 0.30 and 58 without its scales (80 and more with them),
`_weight_int8pack_mm` 0.87 for 5; bfloat16 0.30 and 89 packed, 0.70 and 95 plain.
"""

import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.kernels.allocator import large_tensors_on_own_pages

MAX_CODE = 127  # of each sign
ENGINES = ("x86", "fbgemm")
# Rounded together: copies of a whole table in float32 would be twice the model.
WEIGHTS_AT_ONCE = 1 << 18
WEIGHTS_PACKED_AT_ONCE = 1 << 24  # packing copies them once more; only a table of tokens has more
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
        """What is stored of a weight (N, K): shape and type by what follows the weight's name."""
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
        """Whether the kernel's layout has taken the place of the codes."""
        return self._codes is None

    def stored(self) -> dict[str, Tensor]:
        """What `load` takes."""
        codes = self._codes
        if codes is None:
            parts = [torch.ops.quantized.linear_unpack(packed)[0].int_repr() for packed in self._packed]
            codes = torch.cat(parts)
        return {"": codes.unsqueeze(0), "_scale": self._scale}

    def dequantize(self) -> Tensor:
        """The weight (N, K) in float32."""
        stored = self.stored()
        return stored[""].squeeze(0).float() * stored["_scale"].unsqueeze(1)

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows (M, K) to (M, N), float32 where the kernel is used."""
        if x.device.type != "cpu" or not _has_kernel():
            return F.linear(x, self.dequantize().to(x.dtype), None if bias is None else bias.to(x.dtype))
        if self._codes is not None:
            self.pack()
        levels = _activation_levels()
        x = x.float()
        largest = x.abs().amax(dim=-1, keepdim=True).clamp_(min=MIN_MAGNITUDE)
        scaled = x / largest
        kernel = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
        found = [kernel(scaled, 1 / levels, levels + 1, packed) for packed in self._packed]
        y: Tensor = found[0] if len(found) == 1 else torch.cat(found, dim=1)
        return y.mul_(largest) if bias is None else torch.addcmul(bias, y, largest)

    @large_tensors_on_own_pages()
    def pack(self) -> None:
        """Put the weight into the kernel's layout, where that is not done and there is a kernel."""
        codes = self._codes
        if codes is None or codes.device.type != "cpu" or not _has_kernel():
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
        """What `load` takes."""
        return {"": self._codes.unsqueeze(0), "_scale": self._scale}

    def dequantize(self) -> Tensor:
        """The weight (N, K) in float32."""
        return self._codes.float() * self._scale.unsqueeze(1)

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows (M, K) to (M, N), float32 where the kernel is used."""
        # Torch 2.13 leaves the products of a single input undefined.
        if x.device.type != "cpu" or not _has_kernel() or self.shape[1] == 1:
            return F.linear(x, self.dequantize().to(x.dtype), None if bias is None else bias.to(x.dtype))
        levels = _activation_levels()
        step = x.abs().amax(dim=-1, keepdim=True).float().clamp_(min=MIN_MAGNITUDE) / levels
        codes = (x / step).round_().to(torch.int8)
        y = torch._int_mm(codes, self._codes.t()).float().mul_(self._scale).mul_(step)
        return y if bias is None else y.add_(bias)


@cache
def _activation_levels() -> int:
    """How finely activations are rounded.

    Before VNNI, x86 processors add pairs of products in 16 bits, for which 2 * 255 * 127 is too much.
    """
    capabilities = torch.cpu.get_capabilities()
    return MAX_CODE if capabilities.get("avx512_vnni") or capabilities.get("avx_vnni") else MAX_CODE // 2


@cache
def _has_kernel() -> bool:
    """Whether torch has its int8 kernel for this processor."""
    if torch.backends.quantized.engine not in ENGINES:
        return False
    with warnings.catch_warnings():
        # Torch warns, once, that these types are deprecated; no other kernel it has is as fast.
        warnings.simplefilter("ignore", UserWarning)
        _per_channel(torch.zeros(1, 1, dtype=torch.int8), torch.ones(1))
    return True


def _per_channel(codes: Tensor, scale: Tensor) -> Tensor:
    zeros = torch.zeros(len(codes), dtype=torch.long)
    quantized: Tensor = torch._make_per_channel_quantized_tensor(codes, scale.double(), zeros, 0)
    return quantized
