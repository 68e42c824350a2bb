import pytest
import torch
from bigbird_pegasus.kernels.packed_linear import PackedLinear
from torch import nn

from tests.model.tiny import bfloat16_kernels


@pytest.mark.parametrize(
    "dtype", [torch.float32, pytest.param(torch.bfloat16, marks=bfloat16_kernels)], ids=str
)
@pytest.mark.parametrize("rows", [1, 5, 70])
@pytest.mark.parametrize(("outputs", "inputs"), [(64, 32), (33, 17), (1, 8)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_packed_linear_map_equals_the_plain_one(
    dtype: torch.dtype, rows: int, outputs: int, inputs: int, bias: bool
) -> None:
    plain = nn.Linear(inputs, outputs, bias=bias, dtype=dtype)
    x = torch.randn(2, rows, inputs, dtype=dtype)
    with torch.no_grad():
        packed = PackedLinear(plain.weight, plain.bias)
        torch.testing.assert_close(packed(x), plain(x))
        assert torch.equal(packed.weight.to_dense(), plain.weight)
