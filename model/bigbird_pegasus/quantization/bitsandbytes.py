"""nf4 by the kernels of bitsandbytes, on CUDA and where that package is installed (the extra `cuda`).

Our codes and scales are its own, bit for bit, so they are passed as they are. No CUDA device was
at hand: tests call it with the kernels that bitsandbytes has for the CPU.

Dimensions: M rows of activations, N output channels, K inputs, L blocks.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor


@cache
def is_installed() -> bool:
    """Return whether bitsandbytes is installed; it is imported by the first product."""
    return find_spec("bitsandbytes") is not None


def quant_state(
    largest: Tensor, levels: Tensor, block: int, shape: tuple[int, int], dtype: torch.dtype
) -> Any:
    """Describe a weight (N, K) to bitsandbytes.

    `largest` is the largest magnitude of each block, float32 (L,), `levels` float32 (16,); `dtype` is that of
    the activations.
    """
    functional: Any = import_module("bitsandbytes.functional")
    return functional.QuantState(
        absmax=largest, shape=torch.Size(shape), code=levels, blocksize=block, quant_type="nf4", dtype=dtype
    )


def linear(x: Tensor, codes: Tensor, state: Any, bias: Tensor | None) -> Tensor:
    """Map rows (M, K) to (M, N) of their type by a weight whose codes are two a byte; the bias is (N,)."""
    product: Tensor = import_module("bitsandbytes").matmul_4bit(x, codes.view(-1, 1), quant_state=state)
    return product if bias is None else product + bias.to(product.dtype)
