"""nf4 by the kernels of bitsandbytes, on CUDA and where that package is installed (the extra `cuda`).

Our codes and scales are its own, bit for bit, so they are handed over as they are. There was no CUDA device
to try it on: what is tested is the handing over, with its kernels for the processor.

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
    """Whether bitsandbytes is there; it is imported by the first product."""
    return find_spec("bitsandbytes") is not None


def quant_state(
    largest: Tensor, levels: Tensor, block: int, shape: tuple[int, int], dtype: torch.dtype
) -> Any:
    """What bitsandbytes wants to know of a weight (N, K).

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
