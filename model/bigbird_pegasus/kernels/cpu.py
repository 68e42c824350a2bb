"""What the processor can do."""

from functools import lru_cache

import torch


@lru_cache(maxsize=1)
def multiplies_bfloat16() -> bool:
    """Whether torch has oneDNN's bfloat16 kernels for this processor."""
    there: bool = torch.backends.mkldnn.is_available()
    return there and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
