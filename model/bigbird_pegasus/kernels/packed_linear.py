"""A linear map over a weight in the layout that oneDNN's kernels read fastest."""

import torch
from torch import Tensor, nn

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
        """Pack a weight (O, I); `activation` is applied to what comes out."""
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
