"""Weights, activations and shapes that the tests of quantization share."""

from typing import Any

import torch
from bigbird_pegasus.quantization.int8 import MIN_MAGNITUDE
from bigbird_pegasus.quantization.quantize import CODECS, rounded
from bigbird_pegasus.quantization.scheme import Scheme
from hypothesis import strategies as st
from torch import Tensor

SCHEMES: list[Scheme] = list(CODECS)
# Shapes that the kernels take, and shapes that are no whole blocks, groups or pairs.
sizes = st.sampled_from([1, 2, 7, 32, 48, 64, 65, 128, 192])


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def made(scheme: Scheme, weight: Tensor) -> Any:
    codec = CODECS[scheme]
    return codec.load(rounded(codec, weight), (weight.shape[0], weight.shape[1]))


def rounded_activations(x: Tensor, code: int | None) -> tuple[Tensor, float]:
    """Activations as an int8 kernel reads them, rounded to codes up to `code`, and its largest step.

    None is a kernel that does not round.
    """
    if code is None:
        return x, 0.0
    step = x.abs().amax(dim=-1, keepdim=True).clamp(min=MIN_MAGNITUDE) / code
    return (x / step).round() * step, float(step.max())
