"""Errors of int8 products whose sums are as large as they get; run as a program, it prints them as JSON."""

import json
from itertools import product

import torch
from bigbird_pegasus.quantization.int8 import Int8Table, Int8Weight, fbgemm_code, int_mm_code
from torch import Tensor

WIDTH = 512
COARSEST_CODE = 63


def inputs(rows: int, seed: int) -> list[Tensor]:
    """Rows (rows, WIDTH) of uniform numbers, of two values and of one, of one sign and of both."""
    uniform = torch.rand(rows, WIDTH, generator=torch.Generator().manual_seed(seed))
    two = uniform < 0.5
    one = torch.ones(rows, WIDTH)
    return [uniform, 2 * uniform - 1, torch.where(two, one, 0.3), torch.where(two, one, -one), one, -one]


def largest_shares() -> dict[str, float]:
    """For each int8 weight, its largest error as a share of what rounding activations can cost.

    Weights are compared after their own rounding. An activation is then wrong by at most half a step, which
    is its row's largest magnitude / 63 at the coarsest: a product by at most the sum of its weights'
    magnitudes times that. A sum that saturates is wrong by a hundred times as much.
    """
    shares = {"packed": 0.0, "table": 0.0}
    for rows in (1, 5, 40):
        for x, weight in product(inputs(rows, seed=0), inputs(64, seed=1)):
            stored = Int8Weight.quantize(weight)
            for name, codec in (("packed", Int8Weight), ("table", Int8Table)):
                rounded = codec.load(stored, (64, WIDTH))
                exact = x.double() @ rounded.dequantize().double().t()
                half_step = x.abs().amax(dim=1, keepdim=True) / COARSEST_CODE / 2
                bound = half_step * rounded.dequantize().abs().sum(dim=1)
                error = (rounded.linear(x, None) - exact).abs() / bound
                shares[name] = max(shares[name], float(error.max()))
    return shares


if __name__ == "__main__":
    print(json.dumps({"fbgemm": fbgemm_code(), "int_mm": int_mm_code(), "shares": largest_shares()}))
