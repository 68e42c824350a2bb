"""int8 weights: one scale for each output channel, activations rounded to int8 row by row.

Dimensions: M rows of activations, N output channels, K inputs.

A row of activations is divided by its largest magnitude, so all rows share one scale, 1/127, in the kernel,
and its result is multiplied by that magnitude again. So a row's result does not depend on the rows beside it
(beams, other documents), which a scale for the whole tensor would bring, and its error is no larger.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

LEVELS = 127  # of each sign
ENGINES = ("x86", "fbgemm")
TINY = 1e-12  # a row of zeros has this for its largest magnitude


@dataclass(frozen=True)
class Int8Weight:
    """A weight (N, K), as the processor's kernel wants it or plain.

    `packed` is the kernel's own copy and then the only one; `codes` int8 (N, K) are kept where there is no
    kernel. `scale` is float32 (N,).
    """

    shape: tuple[int, int]
    scale: Tensor
    packed: Any = None
    codes: Tensor | None = None

    @staticmethod
    def quantize(weight: Tensor) -> dict[str, Tensor]:
        """Round a weight (N, K): int8 codes, and the scales that they are multiplied by."""
        weight = weight.float()
        scale = weight.abs().amax(dim=1).clamp_(min=TINY) / LEVELS
        return {"": weight.div(scale.unsqueeze(1)).round_().to(torch.int8), "_scale": scale}

    @classmethod
    def load(cls, stored: Mapping[str, Tensor]) -> "Int8Weight":
        """Make a weight of what `quantize` or `stored` gave, in the layout that is fastest here."""
        codes, scale = stored[""], stored["_scale"]
        rows, columns = codes.shape
        if codes.device.type != "cpu" or not _has_kernel():
            return cls((rows, columns), scale, codes=codes)
        packed = torch.ops.quantized.linear_prepack(_per_channel(codes, scale), None)
        return cls((rows, columns), scale, packed)

    def stored(self) -> dict[str, Tensor]:
        """The codes and scales again, for a file."""
        codes = self.codes
        if codes is None:
            codes = torch.ops.quantized.linear_unpack(self.packed)[0].int_repr()
        return {"": codes, "_scale": self.scale}

    def dequantize(self) -> Tensor:
        """The weight (N, K) in float32."""
        stored = self.stored()
        return stored[""].float() * stored["_scale"].unsqueeze(1)

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows (M, K) to (M, N)."""
        if self.packed is None:
            weight = self.dequantize().to(x.dtype)
            return torch.nn.functional.linear(x, weight, None if bias is None else bias.to(x.dtype))
        levels = _activation_levels()
        largest = x.abs().amax(dim=-1, keepdim=True).float().clamp_(min=TINY)
        y = _linear(x / largest, 1 / levels, levels + 1, self.packed)
        y = y.mul_(largest) if bias is None else torch.addcmul(bias, y, largest)
        return y.to(x.dtype)


def _linear(x: Tensor, scale: float, zero: int, packed: Any) -> Tensor:
    y: Tensor = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default(
        x, scale, zero, packed
    )
    return y


@cache
def _activation_levels() -> int:
    """How finely activations are rounded.

    Before VNNI, x86 processors add pairs of products in 16 bits, for which 2 * 255 * 127 is too much.
    """
    capabilities = torch.cpu.get_capabilities()
    return LEVELS if capabilities.get("avx512_vnni") or capabilities.get("avx_vnni") else LEVELS // 2


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
