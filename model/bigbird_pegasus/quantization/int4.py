"""int4 weights: groups of 64 inputs share a scale and a zero point in bfloat16; 4.5 bits a weight.

Dimensions: M rows of activations, N output channels, K inputs, G groups of inputs, P pairs of codes.

A weight is (code - 8) * scale + zero, codes 0 to 15. They are stored as torch's kernel for AVX512 reads
them, so that nothing is packed when a file is loaded: output channels in blocks of 64, (N / 64, K, 32) bytes,
the low half of a byte for channel i of the block and the high half for channel i + 32. Channels and inputs
are padded to whole blocks and groups.

The kernel wins up to about 32 rows: two threads, 4096 x 1024, 0.11 ms for one row, 0.39 for 5, 1.5 for 32.
Beyond them weights are dequantized block by block for the bfloat16 matmul, 1.9 ms more than that takes.
"""

from collections.abc import Mapping
from functools import cache
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.kernels.allocator import large_tensors_on_own_pages

GROUP = 64
BLOCK = 64  # output channels that are stored together
MIDDLE_CODE = 8
MAX_CODE = 15
MAX_KERNEL_ROWS = 32
WEIGHTS_AT_ONCE = 1 << 18  # rounded together, see `int8`
REFITS = 2  # of scale and zero point to the codes; a third lowers the error by less than 1 %
CHANNELS_AT_ONCE = 512  # dequantized, so that they are still in the cache when they are multiplied


class Int4Weight:
    """A weight (N, K) in groups of 4 bits."""

    max_kernel_rows: ClassVar[int | None] = None

    def __init__(self, codes: Tensor, scale_and_zero: Tensor, shape: tuple[int, int]) -> None:
        """Take codes, uint8 (N / 64, K, 32), and bfloat16 (G, N, 2); N and K filled up."""
        self.shape = shape
        self._codes = codes
        self._scale_and_zero = scale_and_zero

    @staticmethod
    def quantize(weight: Tensor) -> dict[str, Tensor]:
        """Round a weight (N, K) to what is stored: least squares, starting at each group's range."""
        layout = Int4Weight.layout((weight.shape[0], weight.shape[1]))
        with large_tensors_on_own_pages():
            stored = {
                suffix: torch.empty(shape, dtype=dtype, device=weight.device)
                for suffix, (shape, dtype) in layout.items()
            }
        blocks = max(1, WEIGHTS_AT_ONCE // weight.shape[1] // BLOCK)
        for start in range(0, len(stored[""]), blocks):
            rows = slice(start * BLOCK, (start + blocks) * BLOCK)
            codes, both = _round(weight[rows])
            stored[""][start : start + blocks] = codes
            stored["_scale_and_zero"][:, rows] = both
        return stored

    @staticmethod
    def layout(shape: tuple[int, int]) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """Return shape and type of what is stored of a weight (N, K), by the suffix of its name."""
        rows, columns = shape[0] + -shape[0] % BLOCK, shape[1] + -shape[1] % GROUP
        return {
            "": ((rows // BLOCK, columns, BLOCK // 2), torch.uint8),
            "_scale_and_zero": ((columns // GROUP, rows, 2), torch.bfloat16),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Tensor], shape: tuple[int, int]) -> Self:
        """Make a weight of what is stored."""
        return cls(stored[""], stored["_scale_and_zero"], shape)

    def stored(self) -> dict[str, Tensor]:
        """Return what `load` takes."""
        return {"": self._codes, "_scale_and_zero": self._scale_and_zero}

    def dequantize(self) -> Tensor:
        """Return the weight (N, K) in float32."""
        rows, columns = self.shape
        return self._transposed(slice(None), torch.float32)[:columns, :rows].t()

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows (M, K) to (M, N) of their type."""
        rows, columns = self.shape
        few = len(x) <= MAX_KERNEL_ROWS and x.dtype == torch.bfloat16 and columns % GROUP == 0
        if few and x.device.type == "cpu" and _kernel_reads_our_layout():
            kernel = torch.ops.aten._weight_int4pack_mm_for_cpu
            y: Tensor = kernel(x, self._codes.view(-1, columns // 2), GROUP, self._scale_and_zero)[:, :rows]
        else:
            x = F.pad(x, (0, -columns % GROUP))
            # Pieces are for a processor's cache; on a GPU they are more kernels to start.
            step = CHANNELS_AT_ONCE // BLOCK if x.device.type == "cpu" else len(self._codes)
            y = torch.cat(
                [
                    x @ self._transposed(slice(start, start + step), x.dtype)
                    for start in range(0, len(self._codes), step)
                ],
                dim=1,
            )[:, :rows]
        return y if bias is None else y + bias.to(y.dtype)

    def _transposed(self, blocks: slice, dtype: torch.dtype) -> Tensor:
        """Dequantize some blocks of output channels: (K, channels), both filled up."""
        pairs = self._codes[blocks].transpose(0, 1)  # (K, blocks, 32)
        codes = torch.cat([pairs & MAX_CODE, pairs >> 4], dim=-1).to(dtype).flatten(1)  # (K, channels)
        first = (blocks.start or 0) * BLOCK
        both = self._scale_and_zero[:, first : first + codes.shape[1]].to(dtype)  # (G, channels, 2)
        groups = codes.view(-1, GROUP, codes.shape[1]).sub_(MIDDLE_CODE)
        return groups.mul_(both[..., 0].unsqueeze(1)).add_(both[..., 1].unsqueeze(1)).view_as(codes)


def _round(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round some output channels (n, K): packed codes, and (G, n, 2) scales and zero points."""
    rows, columns = weight.shape
    filled = F.pad(weight.float(), (0, -columns % GROUP))
    groups = filled.view(rows, -1, GROUP)  # (N, G, 64)
    low, high = groups.aminmax(dim=-1, keepdim=True)
    scale = (high - low) / MAX_CODE
    scale, zero = _rounded(scale, low + MIDDLE_CODE * scale)
    codes = _codes(groups, scale, zero)
    error = _error(groups, codes, scale, zero)
    for _ in range(REFITS):
        new_scale, new_zero = _rounded(*_fit(groups, codes))
        new_codes = _codes(groups, new_scale, new_zero)
        new_error = _error(groups, new_codes, new_scale, new_zero)
        better = new_error < error
        scale, zero = torch.where(better, new_scale, scale), torch.where(better, new_zero, zero)
        codes, error = torch.where(better, new_codes, codes), torch.where(better, new_error, error)
    both = torch.cat([scale, zero], dim=-1).bfloat16()  # (N, G, 2)
    both = F.pad(both, (0, 0, 0, 0, 0, -rows % BLOCK))
    return _pack(F.pad(codes.to(torch.uint8).flatten(1), (0, 0, 0, -rows % BLOCK))), both.transpose(0, 1)


def _codes(groups: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """Return the nearest codes; in a group of equal weights all are the middle one."""
    steps = (groups - zero) / scale.where(scale != 0, 1)
    return steps.add_(MIDDLE_CODE).round_().clamp_(0, MAX_CODE)


def _error(groups: Tensor, codes: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    return (codes - MIDDLE_CODE).mul_(scale).add_(zero).sub_(groups).square_().sum(dim=-1, keepdim=True)


def _fit(groups: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scales and zero points of least squares, given the codes."""
    centred = codes - codes.mean(dim=-1, keepdim=True)
    spread = centred.square().sum(dim=-1, keepdim=True)
    scale = (centred * groups).sum(dim=-1, keepdim=True) / spread.clamp(min=1e-6)
    return scale, (groups - (codes - MIDDLE_CODE) * scale).mean(dim=-1, keepdim=True)


def _rounded(scale: Tensor, zero: Tensor) -> tuple[Tensor, Tensor]:
    return scale.bfloat16().float(), zero.bfloat16().float()


def _pack(codes: Tensor) -> Tensor:
    """Codes (N, K) to (N / 64, K, 32) bytes."""
    blocks = codes.view(-1, 2, BLOCK // 2, codes.shape[1])  # (N / 64, 2, 32, K)
    return (blocks[:, 0] | blocks[:, 1] << 4).transpose(1, 2).contiguous()


@cache
def _kernel_reads_our_layout() -> bool:
    """Return whether torch packs codes for this processor as they are stored."""
    codes = torch.randint(0, MAX_CODE + 1, (2 * BLOCK, GROUP), generator=torch.Generator().manual_seed(0))
    try:
        packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.int(), 1)
    except (RuntimeError, NotImplementedError):  # torch is built without it
        return False
    return torch.equal(packed.flatten(), _pack(codes.to(torch.uint8)).flatten())
