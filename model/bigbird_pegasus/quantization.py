"""Weights in few bits, swapped in from outside: the layers never hear of it."""

from typing import Literal

import torch
from torch import Tensor, nn

from bigbird_pegasus.heads import OutputHead
from bigbird_pegasus.int8 import Int8Weight
from bigbird_pegasus.quantized_linear import QuantizedLinear

Scheme = Literal["int8"]


@torch.no_grad()
def quantize_linears(model: nn.Module, scheme: Scheme) -> None:
    """Replace the linear maps of the layers, and the output head, by quantized ones, one after the other."""
    weight: Tensor
    bias: Tensor | None
    for name, module in list(model.named_modules()):
        if isinstance(module, OutputHead):
            weight, bias = module.embedding.weight, None
        elif isinstance(module, nn.Linear) and (".layers." in f".{name}" or name == "lm_head"):
            weight, bias = module.weight, module.bias
        else:
            continue
        quantized = Int8Weight.load(Int8Weight.quantize(weight.detach()))
        parent, _, attribute = name.rpartition(".")
        bias = None if bias is None else bias.detach().float()
        setattr(model.get_submodule(parent), attribute, QuantizedLinear(quantized, bias).eval())
    model.requires_grad_(False)
