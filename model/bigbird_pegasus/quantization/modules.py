"""Modules with quantized weights, which take the places of `nn.Linear` and of the token embedding.

Dimensions: M rows, N output channels, K inputs, V vocabulary, D model width.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor, nn

from bigbird_pegasus.errors import ConfigError

Layout = Mapping[str, tuple[tuple[int, ...], torch.dtype]]


class QuantizedWeight(Protocol):
    """A weight (N, K) in few bits: loaded from stored tensors, multiplied by rows, dequantized."""

    max_kernel_rows: ClassVar[int | None]

    @property
    def shape(self) -> tuple[int, int]:
        """(N, K)."""
        ...

    @classmethod
    def load(cls, stored: Mapping[str, Tensor], shape: tuple[int, int]) -> Self:
        """Make a weight of what is stored."""
        ...

    def stored(self) -> Mapping[str, Tensor]:
        """Return what `load` takes: the tensors of a file, by the suffix of their names."""
        ...

    def dequantize(self) -> Tensor:
        """Return the weight (N, K) in float32."""
        ...

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows (M, K) to (M, N), of their type or float32; the bias is (N,)."""
        ...


class QuantizedLinear(nn.Module):
    """A linear map whose weight is quantized; for inference only."""

    bias: Tensor | None

    def __init__(
        self, weight: QuantizedWeight, bias: Tensor | None = None, compute_dtype: torch.dtype | None = None
    ) -> None:
        """Take a weight (N, K) and a bias (N,); `compute_dtype` is that of the activations where None."""
        super().__init__()
        self.weight = weight
        self.compute_dtype = compute_dtype
        self.activation: Callable[[Tensor], Tensor] | None = None  # of results before they are rounded
        self.out_features, self.in_features = weight.shape
        self.register_buffer("bias", bias)
        self.training = False

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, K) to (…, N)."""
        rows = x.reshape(-1, self.in_features)
        if self.compute_dtype is not None:
            rows = rows.to(self.compute_dtype)
        most = self.weight.max_kernel_rows
        if most is None or len(rows) <= most or x.device.type != "cpu":
            out = self._map(rows).to(x.dtype)
        else:
            out = x.new_empty(len(rows), self.out_features)
            for start in range(0, len(rows), most):
                out[start : start + most] = self._map(rows[start : start + most])
        return out.view(*x.shape[:-1], self.out_features)

    def _map(self, rows: Tensor) -> Tensor:
        out = self.weight.linear(rows, self.bias)
        return out if self.activation is None else self.activation(out)

    def train(self, mode: bool = True) -> Self:
        """Refuse to be trained; see `refuse_training`."""
        refuse_training(mode)
        return super().train(mode)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        moved = {suffix: _moved(tensor, fn) for suffix, tensor in self.weight.stored().items()}
        self.weight = type(self.weight).load(moved, self.weight.shape)
        module: Any = super()
        module._apply(fn, recurse)
        return self


class QuantizedEmbedding(nn.Module):
    """A table of token embeddings in int8, a scale for each row; for inference only."""

    def __init__(self, table: Tensor, scale: Tensor, dtype: torch.dtype, embed_scale: float = 1.0) -> None:
        """Take codes, int8 (V, D), and scales, float32 (V,); give out rows times `embed_scale` in `dtype`."""
        super().__init__()
        self.num_embeddings, self.embedding_dim = table.shape
        self.dtype = dtype
        self.table = table
        self.scale = scale
        self.embed_scale = embed_scale
        self.training = False

    def forward(self, ids: Tensor) -> Tensor:
        """Look up ids (…) as (…, D)."""
        flat = ids.flatten()
        rows = self.table[flat].float() * self.scale[flat].unsqueeze(1)
        return rows.to(self.dtype).view(*ids.shape, self.embedding_dim) * self.embed_scale

    def stored(self) -> Mapping[str, Tensor]:
        """Return what `Int8Weight.load` takes, for the table as a weight (V, D)."""
        return {"": self.table.unsqueeze(0), "_scale": self.scale}

    def train(self, mode: bool = True) -> Self:
        """Refuse to be trained; see `refuse_training`."""
        refuse_training(mode)
        return super().train(mode)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        self.table = _moved(self.table, fn)
        self.scale = _moved(self.scale, fn)
        self.dtype = fn(torch.empty(0, dtype=self.dtype, device=self.table.device)).dtype
        module: Any = super()
        module._apply(fn, recurse)
        return self


def refuse_training(mode: bool) -> None:
    """Raise ConfigError where a quantized model is asked to train."""
    if mode:
        raise ConfigError("a quantized model cannot be trained: load it without quantization")


def _moved(tensor: Tensor, fn: Any) -> Tensor:
    """Move to where `fn` moves tensors, but keep the type: that of codes and scales is not the model's."""
    return tensor.to(fn(torch.empty(0, device=tensor.device)).device)
