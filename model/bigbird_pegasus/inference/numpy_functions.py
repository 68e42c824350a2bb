"""The functions of a network in numpy, in float32: linear maps, norms, activations, softmax.

What is handed over for good is changed in place: a function says so. Every function works on the last axis.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
NetworkWeights = Mapping[str, Floats]
"""Arrays by the names that a torch module's state gives them, such as `first.weight` (outputs, inputs)."""

LAYER_NORM_EPSILON = 1e-5
_ROWS_AT_ONCE = 256  # of an activation: what several passes go over should stay in the cache
# A rational approximation of erf on [-4, 4], correct to a few units of float32, from the odd and even powers'
# highest coefficient down. Source: Eigen, `generic_fast_erf_float`.
_ERF_ODD = (
    *(-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05),
    *(-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02),
)
_ERF_EVEN = (
    *(-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03),
    *(-1.42647390514189e-02,),
)


def linear(x: Floats, weights: NetworkWeights, name: str) -> Floats:
    """Map (…, inputs) to (…, outputs) by `name.weight` and, where there is one, `name.bias`."""
    mapped: Floats = x @ weights[f"{name}.weight"].T
    bias = weights.get(f"{name}.bias")
    if bias is not None:
        mapped += bias
    return mapped


def layer_norm(x: Floats, weights: NetworkWeights, name: str) -> Floats:
    """Shift and scale each row (…, D) to mean 0 and variance 1, then by `name.weight` and `name.bias`."""
    centered: Floats = x - x.mean(-1, keepdims=True)
    variance = np.square(centered).mean(-1, keepdims=True)
    centered /= np.sqrt(variance + np.float32(LAYER_NORM_EPSILON))
    centered *= weights[f"{name}.weight"]
    centered += weights[f"{name}.bias"]
    return centered


def softmax(scores: Floats) -> Floats:
    """Turn scores into probabilities, in place."""
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(-1, keepdims=True)
    return scores


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + e^-x)."""
    with np.errstate(over="ignore"):  # of e^-x, whose reciprocal is 0 as it should be
        found: Floats = np.reciprocal(1 + np.exp(-x))
    return found


def erf(x: Floats) -> Floats:
    """Return the error function, to about 3e-7."""
    x = np.clip(x, -4, 4)
    square = x * x
    found: Floats = x * _polynomial(square, _ERF_ODD) / _polynomial(square, _ERF_EVEN)
    return found


def _polynomial(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    found = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        found *= x
        found += np.float32(coefficient)
    return found


def gelu(x: Floats) -> Floats:
    """Return x times the normal distribution's share below x."""
    found: Floats = x * (erf(x * np.float32(math.sqrt(0.5))) + 1) * np.float32(0.5)
    return found


def gelu_new(x: Floats) -> Floats:
    """Return the tanh approximation of `gelu`, as x * sigmoid(1.6 (x + 0.0447 x^3))."""
    slope = 2 * math.sqrt(2 / math.pi)
    found = x * x
    found *= np.float32(-slope * 0.044715)
    found -= np.float32(slope)
    found *= x
    with np.errstate(over="ignore"):
        np.exp(found, out=found)
    found += 1
    np.divide(x, found, out=found)
    return found


def relu(x: Floats) -> Floats:
    """Return the greater of x and 0."""
    return np.maximum(x, 0)


def silu(x: Floats) -> Floats:
    """Return x * sigmoid(x)."""
    return x * sigmoid(x)


def quick_gelu(x: Floats) -> Floats:
    """Return x * sigmoid(1.702 x)."""
    return x * sigmoid(np.float32(1.702) * x)


def softplus(x: Floats) -> Floats:
    """Return log(1 + exp(x))."""
    found: Floats = np.logaddexp(x, np.float32(0))
    return found


def laplace(x: Floats) -> Floats:
    """Return the distribution function of a Laplace-like bump, see `modeling.activations`."""
    # gelu(y) = y Phi(y), and Phi(y) = (1 + erf(y / sqrt 2)) / 2: its shape without the factor.
    y = (x - np.float32(0.707107)) / np.float32(0.282095)
    safe = np.where(np.abs(y) < 1e-3, np.float32(1e-3), y)
    found: Floats = (gelu(safe.copy()) / safe).astype(np.float32)
    return found


def hardswish(x: Floats) -> Floats:
    """Return x * clip(x + 3, 0, 6) / 6."""
    return x * np.clip(x + 3, 0, 6) / np.float32(6)


_ACTIVATIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "gelu": gelu,
    "gelu_10": lambda x: np.clip(gelu(x), -10, 10),
    "gelu_accurate": gelu_new,
    "gelu_fast": gelu_new,
    "gelu_new": gelu_new,
    "gelu_python": gelu,
    "gelu_python_tanh": gelu_new,
    "gelu_pytorch_tanh": gelu_new,
    "hardswish": hardswish,
    "laplace": laplace,
    "leaky_relu": lambda x: np.where(x < 0, np.float32(0.01) * x, x),
    "linear": lambda x: x,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "quick_gelu": quick_gelu,
    "relu": relu,
    "relu2": lambda x: np.square(relu(x)),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": lambda x: sigmoid(x),
    "silu": silu,
    "sqrtsoftplus": lambda x: np.sqrt(softplus(x)),
    "swish": silu,
    "tanh": np.tanh,
}


def activate(x: Floats, name: str) -> Floats:
    """Apply the activation that a configuration names to (rows, width), in place."""
    function = _ACTIVATIONS[name]
    for start in range(0, len(x), _ROWS_AT_ONCE):
        rows = x[start : start + _ROWS_AT_ONCE]
        rows[...] = function(rows)
    return x
