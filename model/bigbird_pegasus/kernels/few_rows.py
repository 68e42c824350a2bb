"""Products of few rows by large weights on processors with AVX2: a kernel of our own.

The decode step's few rows are multiplied at the rate at which memory gives the weights; torch's own kernels
reach half of it, or less, where there is no AVX-512. The kernel is compiled when the package is installed,
where there is a compiler; without it everything is computed by torch. See `few_rows.c`.

Dimensions: G groups (attention heads, or one), M rows, K inputs, N outputs.
"""

import ctypes
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bigbird_pegasus.errors import ModelInputError

LIBRARY = "bigbird_pegasus.kernels._few_rows"
LANES = 16  # outputs of a block, as in few_rows.c
BLOCKS_AT_ONCE = 1 << 12  # packed together, so that the copy of a whole table is in memory only once


def has_few_rows() -> bool:
    """Return whether the kernel is there and this processor has what it needs."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512") and _library() is not None


def multiplies_weights_by_few_rows() -> bool:
    """Return whether the kernel is also there for weights: with AVX-512, oneDNN's is as fast."""
    return torch.backends.cpu.get_cpu_capability() == "AVX2" and has_few_rows()


def pack(weight: Tensor) -> Tensor:
    """Put weights (G, N, K), float32 or int8, into the kernel's order: (G, ⌈N / LANES⌉, K, LANES)."""
    groups, outputs, inputs = weight.shape
    blocks = -(-outputs // LANES)
    packed = weight.new_empty(groups, blocks, inputs, LANES)
    for start in range(0, blocks, BLOCKS_AT_ONCE):
        part = weight[:, start * LANES : (start + BLOCKS_AT_ONCE) * LANES]
        part = F.pad(part, (0, 0, 0, -part.shape[1] % LANES))
        packed[:, start : start + BLOCKS_AT_ONCE] = part.view(groups, -1, LANES, inputs).transpose(2, 3)
    return packed


def product(x: Tensor, packed: Tensor, outputs: int, bias: Tensor | None = None) -> Tensor:
    """Multiply rows by weights, group by group, in float32.

    Args:
        x: float32 (M, G, K).
        packed: weights of G x N x K, see `pack`; codes of 8 bits are multiplied as the numbers they are.
        outputs: N.
        bias: float32 (G·N,).

    Returns:
        (M, G, N).

    Raises:
        ModelInputError: one of them is of another type or device, or they do not fit each other.
    """
    library = _library()
    assert library is not None  # for the type checker: nothing is packed without it
    rows, groups, inputs = x.shape
    _check(x, packed, outputs, bias)
    x = x.contiguous()
    out = x.new_empty(rows, groups, outputs)
    floats, codes = (packed, None) if packed.dtype == torch.float32 else (None, packed)
    pointers = [None if one is None else one.data_ptr() for one in (x, floats, codes, bias, out)]
    library.few_rows_product(*pointers, groups, rows, inputs, outputs, torch.get_num_threads())
    return out


def _check(x: Tensor, packed: Tensor, outputs: int, bias: Tensor | None) -> None:
    """Raise ModelInputError where the kernel would read or write beside its arguments."""
    _, groups, inputs = x.shape
    for tensor, types in (
        (x, (torch.float32,)),
        (packed, (torch.float32, torch.int8)),
        (bias, (torch.float32,)),
    ):
        if tensor is not None and (tensor.dtype not in types or tensor.device.type != "cpu"):
            raise ModelInputError(
                f"packed weights multiply float32 on cpu, not {tensor.dtype} on {tensor.device}"
            )
    if packed.shape != (groups, -(-outputs // LANES), inputs, LANES) or not packed.is_contiguous():
        raise ModelInputError(
            f"weights of {tuple(packed.shape)} for {groups} x {inputs} inputs, {outputs} outputs"
        )
    if bias is not None and (bias.shape != (groups * outputs,) or not bias.is_contiguous()):
        raise ModelInputError(f"a bias of {tuple(bias.shape)} for {groups} x {outputs} outputs")


class FewRowsLinear(nn.Module):
    """`nn.Linear` over a weight in the kernel's order; for inference only, on a CPU, in float32."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """Pack a weight (N, K)."""
        super().__init__()
        self.out_features = len(weight)
        self.register_buffer("weight", pack(weight.detach()[None]))
        self.register_buffer("bias", None if bias is None else bias.detach().contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, K) to (…, N)."""
        rows = x.reshape(-1, 1, x.shape[-1])
        found = product(rows, self.weight, self.out_features, self.bias)
        return found.view(*x.shape[:-1], self.out_features)


@cache
def _library() -> Any | None:
    """Load the compiled kernel; None where it was not compiled, or OpenMP's library is missing."""
    found = find_spec(LIBRARY)
    if found is None or found.origin is None:
        return None
    try:
        library = ctypes.CDLL(found.origin)
    except OSError:
        return None
    library.few_rows_product.argtypes = [ctypes.c_void_p] * 5 + [ctypes.c_int64] * 4 + [ctypes.c_int]
    library.few_rows_product.restype = None
    return library
