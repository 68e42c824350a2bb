"""A linear map with a quantized weight, which takes the place of `nn.Linear`."""

from typing import Protocol, Self

from torch import Tensor, nn

from bigbird_pegasus.errors import ConfigError

# Many rows are mapped in pieces: what a kernel makes on the way (float32 copies) then stays in the cache.
ROWS_AT_ONCE = 512


class QuantizedWeight(Protocol):
    """A weight (N, K) in few bits: how it is stored, and how rows are multiplied by it."""

    @property
    def shape(self) -> tuple[int, int]:
        """(N, K)."""
        ...

    def stored(self) -> dict[str, Tensor]:
        """The tensors of a file, by what follows the weight's name."""
        ...

    def dequantize(self) -> Tensor:
        """The weight (N, K) in float32."""
        ...

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map rows (M, K) to (M, N) of their type; the bias (N,) is float32."""
        ...


class QuantizedLinear(nn.Module):
    """A linear map whose weight is quantized; for inference only."""

    bias: Tensor | None

    def __init__(self, weight: QuantizedWeight, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = weight
        self.out_features, self.in_features = weight.shape
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, K) to (…, N)."""
        rows = x.reshape(-1, self.in_features)
        count = len(rows)
        if count <= ROWS_AT_ONCE:
            return self.weight.linear(rows, self.bias).view(*x.shape[:-1], self.out_features)
        out = x.new_empty(count, self.out_features)
        for start in range(0, count, ROWS_AT_ONCE):
            piece = slice(start, start + ROWS_AT_ONCE)
            out[piece] = self.weight.linear(rows[piece], self.bias)
        return out.view(*x.shape[:-1], self.out_features)

    def train(self, mode: bool = True) -> Self:
        """Refuse to be trained.

        Raises:
            ConfigError: mode is True.
        """
        if mode:
            raise ConfigError("a quantized model cannot be trained: load it without quantization")
        return super().train(mode)
