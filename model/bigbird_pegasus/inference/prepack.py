"""Weight prepacking: linear maps in the layout that the processor's kernels read fastest.

Row-major weights are put into blocks again at every call. Done once, few rows are multiplied two to three
times as fast, and many rows 1.1 times (bfloat16) to 1.5 times (float32). Modules are replaced in a
finished model; the network's own code has no part in it.

Dimensions: O outputs, I inputs.
"""

import math
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from bigbird_pegasus.kernels.allocator import large_tensors_on_own_pages, trim_heap
from bigbird_pegasus.kernels.cpu import multiplies_bfloat16
from bigbird_pegasus.kernels.few_rows import FewRowsLinear, has_few_rows, multiplies_weights_by_few_rows
from bigbird_pegasus.kernels.packed_linear import FUSED, PackedLinear
from bigbird_pegasus.modeling.decoder import Decoder
from bigbird_pegasus.modeling.layers import (
    Attention,
    DecoderAttention,
    DecoderLayer,
    EncoderAttention,
    EncoderLayer,
    Layer,
)
from bigbird_pegasus.modeling.token_embeddings import HEAD
from bigbird_pegasus.quantization.int8 import Int8Weight
from bigbird_pegasus.quantization.modules import QuantizedLinear


@torch.no_grad()
@large_tensors_on_own_pages()
def prepack(model: nn.Module) -> None:
    """Replace the linear maps of a model for inference by packed ones, where this processor gains by it.

    One after the other, so that only one weight is in memory twice. The output head gets a weight of its own:
    the table of embeddings is still needed to look tokens up. int8 weights are packed here too: if they were
    when first used, among the results of a forward, what that frees would stay with the process.

    The projections of self-attention become one map, and a layer's first map applies the activation. Such a
    model can be neither trained nor saved.
    """
    for module in model.modules():
        if isinstance(module, EncoderLayer | DecoderLayer):
            _fuse_activation(module)
            _join_projections(module.self_attn)
        elif isinstance(module, Decoder):
            module.source_in_8_bits = _is_in_8_bits(module)
    of_few_rows = set(_maps_of_few_rows(model))
    # Names, not modules: a list of these would keep every plain weight until the end.
    for name in [name for name, _ in model.named_modules()]:
        module = model.get_submodule(name)
        if name in of_few_rows and _has_kernel_of_few_rows(module):
            _replace(model, name, _for_few_rows(module))
        elif isinstance(module, nn.Linear) and _can_be_packed(module.weight):
            _replace(model, name, PackedLinear(module.weight, module.bias))
        elif isinstance(module, QuantizedLinear) and isinstance(module.weight, Int8Weight):
            module.weight.pack()
    model.eval().requires_grad_(False)
    trim_heap()


def _maps_of_few_rows(model: nn.Module) -> Iterator[str]:
    """Yield the names of the maps that a search hands a few rows at a time: a row for each beam.

    That is all of the decoder but what projects the source to keys and values.
    """
    for name, module in model.named_modules():
        if isinstance(module, DecoderLayer):
            for inner, _ in module.named_modules():
                if inner not in ("encoder_attn.k_proj", "encoder_attn.v_proj"):
                    yield f"{name}.{inner}"
        elif name == HEAD:
            yield name


def _has_kernel_of_few_rows(module: nn.Module) -> bool:
    if isinstance(module, QuantizedLinear):
        weight = module.weight
        return isinstance(weight, Int8Weight) and weight.stored()[""].device.type == "cpu" and has_few_rows()
    if not isinstance(module, nn.Linear) or module.weight.device.type != "cpu":
        return False
    return module.weight.dtype == torch.float32 and multiplies_weights_by_few_rows()


def _for_few_rows(module: nn.Module, gelu_new: bool = False) -> FewRowsLinear:
    bias = cast(Tensor | None, module.bias)
    if not isinstance(module, QuantizedLinear):
        return FewRowsLinear(cast(Tensor, module.weight), bias, gelu_new=gelu_new)
    stored = module.weight.stored()
    return FewRowsLinear(stored[""][0], bias, stored["_scale"], gelu_new)


def _is_in_8_bits(decoder: Decoder) -> bool:
    """Return whether the decoder's weights are rounded to 8 bits: its keys and values may be, too."""
    maps = [module.weight for module in decoder.modules() if isinstance(module, QuantizedLinear)]
    return bool(maps) and all(isinstance(weight, Int8Weight) for weight in maps)


def _fuse_activation(module: Layer) -> None:
    """Let the map apply the activation to its results: they are in the cache, and not yet rounded."""
    if isinstance(module.activation, nn.Identity):
        return
    up = module.fc1
    fused = FUSED.get(module.activation_name)
    if isinstance(module, DecoderLayer) and _has_kernel_of_few_rows(up):
        if module.activation_name != "gelu_new":
            return  # that kernel applies no other; the activation of so few results takes little time
        _replace(module, "fc1", _for_few_rows(up, gelu_new=True))
    elif isinstance(up, QuantizedLinear) and isinstance(up.weight, Int8Weight):
        up.activation = _gelu_new if module.activation_name == "gelu_new" else module.activation
    elif isinstance(up, nn.Linear) and _can_be_packed(up.weight) and fused is not None:
        _replace(module, "fc1", PackedLinear(up.weight, up.bias, fused))
    else:
        return
    module.activation = nn.Identity()


def _gelu_new(x: Tensor) -> Tensor:
    """GELU's tanh approximation as x * sigmoid(1.6 (x + 0.0447 x^3)): torch's tanh takes twice the time."""
    slope = 2 * math.sqrt(2 / math.pi)
    x = x.float()
    return (x * x).mul_(slope * 0.044715).add_(slope).mul_(x).sigmoid_().mul_(x)


def _join_projections(attention: Attention) -> None:
    """Put queries, keys and values into one map: one call, which rounds its argument to int8 once."""
    if attention.joined is not None:
        return
    maps = attention.inputs
    biases = [cast(Tensor | None, one.bias) for one in maps]
    bias = None if biases[0] is None else torch.cat(cast(list[Tensor], biases)).detach()
    if all(isinstance(one, QuantizedLinear) and isinstance(one.weight, Int8Weight) for one in maps):
        weight = Int8Weight.joined([cast(Int8Weight, one.weight) for one in maps])
        attention.joined = QuantizedLinear(weight, bias)
    elif all(isinstance(one, nn.Linear) and _can_be_packed(one.weight) for one in maps):
        of_few_rows = isinstance(attention, DecoderAttention) and _has_kernel_of_few_rows(maps[0])
        packed = FewRowsLinear if of_few_rows else PackedLinear
        attention.joined = packed(torch.cat([cast(Tensor, one.weight) for one in maps]), bias)
    else:
        return
    if isinstance(attention, EncoderAttention):
        del attention.self
    else:
        del attention.q_proj, attention.k_proj, attention.v_proj


def _can_be_packed(weight: object) -> bool:
    return (
        isinstance(weight, Tensor)  # not a quantized one
        and weight.device.type == "cpu"
        and torch.backends.mkldnn.is_available()
        and (weight.dtype == torch.float32 or (weight.dtype == torch.bfloat16 and multiplies_bfloat16()))
    )


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, module)
