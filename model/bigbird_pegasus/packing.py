"""Linear maps in the layout that the processor's bfloat16 kernels read fastest, swapped in from outside.

Row-major weights are put into blocks again at every call. Done once, a decode step reads its weights at more
than twice the rate, and an encoder gains a tenth. Attention and layers never hear of it.

Dimensions: O outputs, I inputs.
"""

import torch
from torch import Tensor, nn

from bigbird_pegasus.heads import OutputHead
from bigbird_pegasus.layers import FeedForward

# The activations that the kernel applies while its results are still in the cache: oneDNN's name, algorithm.
FUSED = {"gelu": ("gelu", "none"), "gelu_new": ("gelu", "tanh"), "relu": ("relu", "")}
NO_ACTIVATION = ("none", "")


class PackedLinear(nn.Module):
    """`nn.Linear` over a packed weight; for inference only.

    `weight` is opaque to all but the kernel: it says its shape (O, I), and `to_dense` gives it back.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self, weight: Tensor, bias: Tensor | None = None, activation: tuple[str, str] = NO_ACTIVATION
    ) -> None:
        """Pack a bfloat16 weight (O, I); `activation` is applied to what comes out."""
        super().__init__()
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous())
        self.register_buffer("weight", packed)
        self.register_buffer("bias", None if bias is None else bias.detach())
        self._activation, self._algorithm = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, I) to (…, O)."""
        mapped: Tensor = torch.ops.mkldnn._linear_pointwise(
            x, self.weight, self.bias, self._activation, [], self._algorithm
        )
        return mapped


@torch.no_grad()
def pack_linears(model: nn.Module) -> None:
    """Replace the linear maps of a model for inference by packed ones, where this processor gains by it.

    One after the other, so that only one weight is in memory twice. The output head gets a weight of its own:
    the table of embeddings is still needed to look tokens up.
    """
    for module in model.modules():
        if not isinstance(module, FeedForward) or not isinstance(module.up, nn.Linear):
            continue  # what is quantized has a layout of its own
        if _can_be_packed(module.up.weight):
            _fuse_activation(module)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and _can_be_packed(module.weight):
            _replace(model, name, PackedLinear(module.weight, module.bias))
        elif isinstance(module, OutputHead) and _can_be_packed(module.embedding.weight):
            _replace(model, name, PackedLinear(module.embedding.weight))
    model.eval()


def _fuse_activation(module: FeedForward) -> None:
    fused = FUSED.get(module.activation_name)
    if fused is not None:
        _replace(module, "up", PackedLinear(module.up.weight, module.up.bias, fused))
        module.activation = nn.Identity()


def _can_be_packed(weight: object) -> bool:
    return (
        isinstance(weight, Tensor)  # not a quantized one
        and weight.device.type == "cpu"
        and weight.dtype == torch.bfloat16
        and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, module)
