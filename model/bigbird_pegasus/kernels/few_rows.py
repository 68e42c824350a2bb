"""Products of few rows by large weights on processors with AVX2: a kernel of our own.

The decode step's few rows are multiplied at the rate at which memory gives the weights; torch's own kernels
reach half of it, or less, for weights of 8 bits, and for those of 32 where there is no AVX-512. The kernel is
compiled when the package is installed, where there is a compiler; without it everything is computed by torch.
See `few_rows.c`.

Dimensions: G groups (attention heads, or one), M rows, K inputs, N outputs.
"""

import ctypes
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bigbird_pegasus.errors import ModelInputError

LIBRARY = "bigbird_pegasus.kernels._few_rows"
LANES = 16  # outputs of a block, as in few_rows.c
PAIR = 2  # inputs of 8 bits whose products are added at once, as there
MAX_INPUTS = 1 << 22  # of weights of 8 bits: far fewer than the largest sum of their codes
BLOCKS_AT_ONCE = 1 << 12  # packed together, so that the copy of a whole table is in memory only once


def has_few_rows() -> bool:
    """Return whether the kernel is there and this processor has what it needs."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512") and _library() is not None


def multiplies_weights_by_few_rows() -> bool:
    """Return whether the kernel is also there for float32 weights: with AVX-512, oneDNN's is as fast."""
    return torch.backends.cpu.get_cpu_capability() == "AVX2" and has_few_rows()


@cache
def _has_vnni() -> bool:
    """Return whether the kernel may use AVX512-VNNI, which torch may have been told to leave alone."""
    there = bool(torch.cpu.get_capabilities().get("avx512_vnni"))
    return there and torch.backends.cpu.get_cpu_capability() == "AVX512"


class FewRowsWeight:
    """Weights (G, N, K), float32 or int8, in the kernel's order; for inference only, on a CPU.

    By weights of 8 bits, which are multiplied as the numbers they are, rows are multiplied as 16-bit numbers,
    a scale for each row and group: their largest is 32767, or less where there are so many that their sum
    would be above 2 ** 24. A group's row that holds a number that is not finite gives NaN.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        scale: Tensor | None = None,
        x_scale: Tensor | None = None,
        gelu_new: bool = False,
    ) -> None:
        """Pack weights; the kernel has to be there.

        Args:
            weight: float32 or int8 (G, N, K).
            bias: (G, N), added at last.
            scale: (G, N); outputs are multiplied by it.
            x_scale: (G, K), of int8 weights: rows are multiplied by it before they are rounded.
            gelu_new: at last, outputs go through this activation.

        Raises:
            ModelInputError: one of them is of another type or shape, or on another device.
        """
        self.shape = (groups, outputs, inputs) = weight.shape
        self.in_8_bits = weight.dtype == torch.int8
        if weight.device.type != "cpu" or not (self.in_8_bits or weight.dtype == torch.float32):
            raise ModelInputError(
                f"weights for few rows are float32 or int8 on cpu, not {weight.dtype} on {weight.device}"
            )
        if self.in_8_bits and inputs > MAX_INPUTS:
            raise ModelInputError(f"{inputs} inputs are too many for weights of 8 bits: at most {MAX_INPUTS}")
        if x_scale is not None and not self.in_8_bits:
            raise ModelInputError("x_scale is for weights of 8 bits")
        beside = {"bias": (bias, outputs), "scale": (scale, outputs), "x_scale": (x_scale, inputs)}
        self.tensors: dict[str, Tensor] = {"codes" if self.in_8_bits else "floats": _pack(weight.detach())}
        for name, (tensor, size) in beside.items():
            if tensor is None:
                continue
            if tensor.shape != (groups, size):
                raise ModelInputError(f"a {name} of {tuple(tensor.shape)}, not {(groups, size)}")
            self.tensors[name] = tensor.detach().to("cpu", torch.float32).contiguous()
        sizes = {
            "groups": groups,
            "inputs": inputs,
            "outputs": outputs,
            "gelu_new": gelu_new,
            "vnni": _has_vnni(),
        }
        pointers = {name: tensor.data_ptr() for name, tensor in self.tensors.items()}
        self._product = _Product(**pointers, **sizes)

    def multiply(self, x: Tensor) -> Tensor:
        """Multiply rows by the weights, group by group.

        Args:
            x: (M, G, K), float32; by weights of 8 bits also bfloat16.

        Returns:
            float32 (M, G, N).

        Raises:
            ModelInputError: `x` is of another type or device, or does not fit.
        """
        library = _library()
        assert library is not None  # for the type checker: nothing is packed without it
        x = x.contiguous()  # here, and not in the call: it has to live until the kernel has read it
        product, out, _room = self.prepared(x)
        library.few_rows_product(ctypes.byref(product))
        return out

    def prepared(self, x: Tensor) -> tuple["_Product", Tensor, Tensor | None]:
        """Return what the kernel takes for contiguous rows, where it writes, and the room it works in.

        Raises:
            ModelInputError: see `multiply`.
        """
        groups, outputs, inputs = self.shape
        halves = x.dtype == torch.bfloat16
        if (torch.is_grad_enabled() and x.requires_grad) or not _is_plain(x):
            raise ModelInputError("packed weights are for inference alone: no gradients, traces or programs")
        if x.device.type != "cpu" or not (x.dtype == torch.float32 or (halves and self.in_8_bits)):
            raise ModelInputError(f"rows for packed weights are float32 on cpu, not {x.dtype} on {x.device}")
        if x.dim() != 3 or x.shape[1:] != (groups, inputs):
            raise ModelInputError(f"rows of {tuple(x.shape)} for weights of {tuple(self.shape)}")
        rows, room = len(x), None
        out = x.new_empty((rows, groups, outputs), dtype=torch.float32)
        product = _Product.from_buffer_copy(self._product)  # of this call: there may be others beside it
        product.x, product.out, product.rows = x.data_ptr(), out.data_ptr(), rows
        product.halves, product.threads = halves, torch.get_num_threads()
        if self.in_8_bits:
            room = x.new_empty((rows * groups, 2 + inputs + inputs % PAIR), dtype=torch.int16)
            product.step = steps = room.data_ptr()
            product.rounded = steps + rows * groups * torch.float32.itemsize
        return product, out, room

    def __deepcopy__(self, memo: object) -> "FewRowsWeight":
        """Return itself: nothing in it changes."""
        return self

    def __reduce__(self) -> tuple[Callable[[Tensor], "FewRowsWeight"], tuple[Tensor]]:
        """Pickle what it was packed from: pointers are of this process."""
        beside = {name: self.tensors.get(name) for name in ("bias", "scale", "x_scale")}
        gelu_new = bool(self._product.gelu_new)
        pack = partial(FewRowsWeight, **beside, gelu_new=gelu_new)  # type: ignore[arg-type]  # tensors by name
        return pack, (self.unpack(),)

    def unpack(self) -> Tensor:
        """Return the weights (G, N, K) as they were given."""
        _, outputs, inputs = self.shape
        packed = self.tensors["codes" if self.in_8_bits else "floats"]
        rows = packed.transpose(2, 3).flatten(3).flatten(1, 2)
        return rows[:, :outputs, :inputs].contiguous()


class _Product(ctypes.Structure):
    """What the kernel takes; see `struct product` in few_rows.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("x", "x_scale", "floats", "codes", "scale", "bias")),
        *((name, ctypes.c_void_p) for name in ("out", "rounded", "step")),
        *((name, ctypes.c_int64) for name in ("groups", "rows", "inputs", "outputs")),
        *((name, ctypes.c_int) for name in ("halves", "gelu_new", "vnni", "threads")),
    )


def _pack(weight: Tensor) -> Tensor:
    """Return (G, ⌈N / LANES⌉, ⌈K / P⌉, LANES, P): P is PAIR for weights of 8 bits, else 1."""
    groups, outputs, inputs = weight.shape
    pair = PAIR if weight.dtype == torch.int8 else 1
    packed = weight.new_empty(groups, -(-outputs // LANES), -(-inputs // pair), LANES, pair)
    for start in range(0, packed.shape[1], BLOCKS_AT_ONCE):
        part = weight[:, start * LANES : (start + BLOCKS_AT_ONCE) * LANES]
        part = F.pad(part, (0, -inputs % pair, 0, -part.shape[1] % LANES))
        blocks = part.view(groups, part.shape[1] // LANES, LANES, packed.shape[2], pair).transpose(2, 3)
        packed[:, start : start + BLOCKS_AT_ONCE] = blocks
    return packed


def shared_attention(
    query: Tensor, keys: FewRowsWeight, values: FewRowsWeight, seen: Tensor | None
) -> Tensor:
    """Attend from all rows to the same S tokens, head by head.

    Args:
        query: (M, H, d), float32, or bfloat16 where the keys are in 8 bits; divided by the root of d.
        keys: weights H x S x d.
        values: weights H x d x S.
        seen: bool (S,), False at padding; None where there is none.

    Returns:
        float32 (M, H, d).

    Raises:
        ModelInputError: they do not fit each other; see `FewRowsWeight.multiply`.
    """
    library = _library()
    assert library is not None  # for the type checker: nothing is packed without it
    tokens = keys.shape[1]
    if values.shape[2] != tokens or not (seen is None or _is_mask(seen, (tokens,))):
        raise ModelInputError(f"{tokens} keys for values of {tuple(values.shape)}, or a mask of others")
    seen = None if seen is None else seen.contiguous()
    query = query.contiguous()
    product, scores, _room = keys.prepared(query)
    after, out, _more_room = values.prepared(scores)
    library.few_rows_shared_attention(
        ctypes.byref(product), ctypes.byref(after), None if seen is None else seen.data_ptr()
    )
    return out


def attention(query: Tensor, keys: Tensor, values: Tensor, slots: Tensor, seen: Tensor | None) -> Tensor:
    """Attend from one query of each row to the tokens that its row has read, in slots that rows share.

    Args:
        query: (M, H, d), float32 or bfloat16.
        keys: (H, C, d) of the same type: those of C slots.
        values: as `keys`.
        slots: int64 (M, T): where the tokens of each row are, each below C: that is not checked.
        seen: bool (M, T), False at padding; None where there is none.

    Returns:
        (M, H, d), of the same type.

    Raises:
        ModelInputError: they are of other types or devices, or do not fit each other.
    """
    library = _library()
    assert library is not None  # for the type checker: the caller has asked `attends_by_few_rows`
    rows, heads, width = query.shape
    tokens, capacity = slots.shape[1], keys.shape[1]
    on_cpu = all(one is None or one.device.type == "cpu" for one in (query, keys, values, slots, seen))
    fit = keys.shape == values.shape == (heads, capacity, width) and slots.shape == (rows, tokens)
    fit = fit and (seen is None or _is_mask(seen, slots.shape)) and slots.dtype == torch.int64
    of_type = query.dtype in (torch.float32, torch.bfloat16) and query.dtype == keys.dtype == values.dtype
    if not fit or not of_type or not on_cpu:
        raise ModelInputError(
            f"queries {tuple(query.shape)} of {query.dtype} do not attend to keys {tuple(keys.shape)} of "
            f"{keys.dtype} in slots {tuple(slots.shape)}"
        )
    query, keys, values, slots = (one.contiguous() for one in (query, keys, values, slots))
    seen = None if seen is None else seen.contiguous()
    out = torch.empty_like(query)
    room = query.new_empty((rows * heads, tokens + width), dtype=torch.float32)
    tensors = (query, keys, values, slots, seen, room, out)
    pointers = [None if one is None else one.data_ptr() for one in tensors]
    sizes = (rows, heads, tokens, capacity, width)
    flags = (query.dtype == torch.bfloat16, torch.get_num_threads())
    library.few_rows_attention(ctypes.byref(_Attention(*pointers, *sizes, *flags)))
    return out


def attends_by_few_rows(query: Tensor) -> bool:
    """Return whether `attention` can be used for such a query: where no program is made of what is done."""
    return (
        query.device.type == "cpu"
        and query.dtype in (torch.float32, torch.bfloat16)
        and not torch.is_grad_enabled()
        and _is_plain(query)
        and has_few_rows()
    )


def _is_plain(x: Tensor) -> bool:
    """Return whether it holds numbers, and no program is made of what is done with them."""
    if torch.compiler.is_compiling() or type(x) not in (Tensor, nn.Parameter):
        return False
    return not torch.jit.is_tracing()  # type: ignore[no-untyped-call, attr-defined]  # torch has no type for it


def _is_mask(seen: Tensor, shape: tuple[int, ...]) -> bool:
    return seen.shape == shape and seen.dtype == torch.bool and seen.device.type == "cpu"


class _Attention(ctypes.Structure):
    """What the kernel takes; see `struct attention` in few_rows.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("query", "keys", "values", "slots", "seen", "room", "out")),
        *((name, ctypes.c_int64) for name in ("rows", "heads", "tokens", "capacity", "width")),
        *((name, ctypes.c_int) for name in ("halves", "threads")),
    )


class FewRowsLinear(nn.Module):
    """`nn.Linear` over a weight in the kernel's order; for inference only, on a CPU."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        scale: Tensor | None = None,
        gelu_new: bool = False,
    ) -> None:
        """Pack a weight (N, K), float32, or int8 with a scale (N,), and the activation that follows."""
        super().__init__()
        bias, scale = (None if one is None else one[None] for one in (bias, scale))
        self.weight = FewRowsWeight(weight[None], bias, scale, gelu_new=gelu_new)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, K) to (…, N)."""
        found = self.weight.multiply(x.reshape(-1, 1, x.shape[-1]))
        return found.view(*x.shape[:-1], found.shape[2]).to(x.dtype)


@cache
def _library() -> Any | None:
    """Load the compiled kernel; None where it was not compiled, or OpenMP's library is missing."""
    found = find_spec(LIBRARY)
    if found is None or found.origin is None:
        return None
    try:
        library = ctypes.CDLL(found.origin)
        product, attention = library.few_rows_product, library.few_rows_attention
        shared = library.few_rows_shared_attention
        layout = library.few_rows_layout()
    except (OSError, AttributeError):  # AttributeError: it was compiled from an older source
        return None
    if layout != 1000 * ctypes.sizeof(_Product) + ctypes.sizeof(_Attention):
        return None
    product.argtypes = [ctypes.POINTER(_Product)]
    shared.argtypes = [ctypes.POINTER(_Product), ctypes.POINTER(_Product), ctypes.c_void_p]
    attention.argtypes = [ctypes.POINTER(_Attention)]
    for function in (product, shared, attention):
        function.restype = None
    return library
