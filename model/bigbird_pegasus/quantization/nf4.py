"""nf4 weights: 4-bit NormalFloat in blocks of 64, as QLoRA published it; 4.5 bits a weight, or 4.13.

Source: Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", 2023, sections 3 and E; the codes
and scales are bit for bit those of bitsandbytes 0.50.

Dimensions: M rows of activations, N output channels, K inputs, L blocks.

A weight is level[code] * (largest magnitude of its block); blocks run through the weight row after row. With
double quantization the magnitudes are stored in 8 bits too, less their mean, in blocks of 256. There is no
kernel for a table of levels: weights are looked up four at a time, in pieces that fit the cache, and
multiplied in the type of the activations. Two threads, 4096 x 1024: 1.2 ms more than the matmul.
"""

from collections.abc import Mapping
from functools import cache
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.kernels.allocator import large_tensors_on_own_pages
from bigbird_pegasus.quantization import bitsandbytes

BLOCK = 64
NESTED_BLOCK = 256
MIN_MAGNITUDE = 1e-38
WEIGHTS_AT_ONCE = 1 << 19  # weights rounded, and weights dequantized, at once
# The published levels: quantiles of the normal distribution, zero among them (QLoRA, section E).
LEVELS = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)


class Nf4Weight:
    """A weight (N, K) in NormalFloat of 4 bits."""

    max_kernel_rows: ClassVar[int | None] = None

    def __init__(self, stored: Mapping[str, Tensor], shape: tuple[int, int]) -> None:
        self.shape = shape
        self._stored = dict(stored)
        self._codes = stored[""]
        self._largest = _largest(stored)

    @staticmethod
    def quantize(weight: Tensor, double: bool = False) -> dict[str, Tensor]:
        """Round a weight (N, K) to what is stored; `double` rounds the magnitudes of blocks too."""
        flat = weight.reshape(-1)
        layout = Nf4Weight.layout((weight.shape[0], weight.shape[1]))
        with large_tensors_on_own_pages():
            codes, largest = (
                torch.empty(shape, dtype=dtype, device=weight.device) for shape, dtype in layout.values()
            )
        for start in range(0, len(flat), WEIGHTS_AT_ONCE):
            piece, piece_largest = _round(flat[start : start + WEIGHTS_AT_ONCE].float())
            codes[start // 2 : (start + WEIGHTS_AT_ONCE) // 2] = piece
            largest[start // BLOCK : (start + WEIGHTS_AT_ONCE) // BLOCK] = piece_largest
        stored = {"": codes}
        if not double:
            return stored | {"_absmax": largest}
        offset = largest.mean()
        nested, nested_largest = _round_in_blocks(largest - offset)
        return stored | {
            "_absmax": nested,
            "_nested_absmax": nested_largest,
            "_nested_offset": offset.reshape(1),
        }

    @staticmethod
    def layout(
        shape: tuple[int, int], double: bool = False
    ) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """Return shape and type of what is stored of a weight (N, K), by the suffix of its name."""
        weights = shape[0] * shape[1]
        blocks = -(-weights // BLOCK)
        stored: dict[str, tuple[tuple[int, ...], torch.dtype]] = {
            "": ((-(-weights // 2),), torch.uint8),
            "_absmax": ((blocks,), torch.uint8 if double else torch.float32),
        }
        if double:
            stored["_nested_absmax"] = ((-(-blocks // NESTED_BLOCK),), torch.float32)
            stored["_nested_offset"] = ((1,), torch.float32)
        return stored

    @classmethod
    def load(cls, stored: Mapping[str, Tensor], shape: tuple[int, int]) -> Self:
        """Make a weight of what is stored."""
        return cls(stored, shape)

    def stored(self) -> dict[str, Tensor]:
        """Return what `load` takes."""
        return self._stored

    def dequantize(self) -> Tensor:
        """Return the weight (N, K) in float32."""
        return self._rows(0, self.shape[0], torch.float32)

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows (M, K) to (M, N) of their type."""
        rows, columns = self.shape
        if x.device.type == "cuda" and columns % BLOCK == 0 and bitsandbytes.is_installed():
            return self._by_bitsandbytes(x, bias)
        # Pieces begin at a block and at a whole look-up: where rows are no whole blocks, all is one piece.
        in_pieces = columns % BLOCK == 0 and x.device.type == "cpu"  # on a GPU they are more kernels to start
        step = max(1, WEIGHTS_AT_ONCE // columns) if in_pieces else rows
        pieces = [
            F.linear(x, self._rows(start, min(start + step, rows), x.dtype)) for start in range(0, rows, step)
        ]
        y = pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1)
        return y if bias is None else y + bias.to(y.dtype)

    def _by_bitsandbytes(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows as `linear` does; K is a multiple of a block."""
        state = bitsandbytes.quant_state(self._largest, _levels_on(x.device), BLOCK, self.shape, x.dtype)
        return bitsandbytes.linear(x, self._codes, state, bias)

    def _rows(self, start: int, end: int, dtype: torch.dtype) -> Tensor:
        """Dequantize some output channels, (end - start, K); `start` is where a block begins."""
        columns = self.shape[1]
        first, count = start * columns, (end - start) * columns
        codes = self._codes[first // 2 : -(-(first + count) // 2)]
        aligned = count % BLOCK == 0 and codes.storage_offset() % 2 == 0
        if dtype == torch.bfloat16 and codes.device.type == "cpu" and aligned:
            pairs = codes.view(torch.uint16).int()
            levels = _four_levels().index_select(0, pairs).view(torch.bfloat16)
        else:
            table = _levels_on(codes.device)
            levels = table[torch.stack([codes >> 4, codes & 15], dim=-1).int()].flatten()[:count]
            levels = F.pad(levels, (0, -count % BLOCK))
        largest = self._largest[first // BLOCK : -(-(first + count) // BLOCK)].to(levels.dtype)
        weights = levels.view(-1, BLOCK).mul_(largest.unsqueeze(1)).flatten()[:count]
        return weights.view(end - start, columns).to(dtype)


@cache
def _four_levels() -> Tensor:
    """Return the four bfloat16 levels that two bytes of codes stand for, as one int64 each, (65536,)."""
    pairs = torch.arange(1 << 16, dtype=torch.int32)
    first, second = (pairs & 255, pairs >> 8) if _little_endian() else (pairs >> 8, pairs & 255)
    codes = torch.stack([first >> 4, first & 15, second >> 4, second & 15], dim=-1)
    return torch.tensor(LEVELS)[codes].bfloat16().view(torch.int64).flatten()


def _little_endian() -> bool:
    return int(torch.tensor([1, 0], dtype=torch.uint8).view(torch.uint16).int()) == 1


def _round(flat: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights (n,): codes in pairs, and the largest magnitude of each block."""
    blocks = F.pad(flat, (0, -len(flat) % BLOCK)).view(-1, BLOCK)
    largest = blocks.abs().amax(dim=1)
    # The reciprocal, as in bitsandbytes: dividing rounds some weights between two levels differently.
    scaled = blocks * (1.0 / largest.clamp(min=MIN_MAGNITUDE)).unsqueeze(1)
    if len(flat) % BLOCK:
        scaled[-1] = blocks[-1] / largest[-1].clamp(
            min=MIN_MAGNITUDE
        )  # and it divides the last block, if short
    table = torch.tensor(LEVELS, device=flat.device)
    codes = torch.bucketize(scaled, (table[:-1] + table[1:]) / 2, out_int32=True).to(torch.uint8)
    codes = codes.flatten()[: len(flat) + len(flat) % 2]
    return codes[::2] << 4 | codes[1::2], largest


def _largest(stored: Mapping[str, Tensor]) -> Tensor:
    """Return the largest magnitude of each block, float32 (L,)."""
    if "_nested_absmax" not in stored:
        return stored["_absmax"]
    codes = stored["_absmax"].int()
    nested = stored["_nested_absmax"].repeat_interleave(NESTED_BLOCK)[: len(codes)]
    return dynamic_levels().to(codes.device)[codes] * nested + stored["_nested_offset"]


def _round_in_blocks(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Round numbers (L,) to 8-bit codes, and the largest magnitude of each block of 256."""
    blocks = F.pad(numbers, (0, -len(numbers) % NESTED_BLOCK)).view(-1, NESTED_BLOCK)
    largest = blocks.abs().amax(dim=1)
    scaled = blocks * (1.0 / largest.clamp(min=MIN_MAGNITUDE)).unsqueeze(1)
    # bitsandbytes looks codes up in a table of 65536 points, so it rounds to the nearest of those first.
    scaled = ((scaled + 1) * 0.5 * 65535 + 0.5).floor() * (2 / 65535) - 1
    levels = dynamic_levels().to(numbers.device)
    codes = torch.bucketize(scaled, (levels[:-1] + levels[1:]) / 2, out_int32=True)
    codes *= (largest > 0).unsqueeze(1)  # of a block of zeros bitsandbytes takes the first code
    return codes.to(torch.uint8).flatten()[: len(numbers)], largest


@cache
def _levels_on(device: torch.device) -> Tensor:
    """LEVELS, copied to a device once: a copy at each product would have the host wait for a GPU."""
    return torch.tensor(LEVELS, device=device)


@cache
def dynamic_levels() -> Tensor:
    """Return the 256 levels of dynamic 8-bit numbers, in order: a sign, a unary exponent, a linear fraction.

    Source: Dettmers, "8-Bit Approximations for Parallelism in Deep Learning", 2016.
    """
    levels = [0.0, 1.0]
    for exponent in range(7):
        edges = torch.linspace(0.1, 1, 2**exponent + 1)
        means = (edges[:-1] + edges[1:]) / 2
        levels += (10.0 ** (exponent - 6) * means).tolist()
        levels += (-(10.0 ** (exponent - 6)) * means).tolist()
    return torch.tensor(sorted(levels))
