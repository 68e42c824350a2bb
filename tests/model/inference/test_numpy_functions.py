"""Functions of a network in numpy, compared with torch's."""

import math

import numpy as np
import pytest
import torch
from bigbird_pegasus.inference import numpy_functions
from bigbird_pegasus.inference.numpy_functions import activate, erf, layer_norm, linear, sigmoid, softmax
from bigbird_pegasus.modeling.activations import activation
from torch.nn import functional as F

EVERYWHERE = np.concatenate([np.linspace(-6, 6, 5001), [-1e4, -200, -90, 90, 200, 1e4]]).astype(np.float32)


def test_erf_is_the_error_function() -> None:
    expected = [math.erf(x) for x in EVERYWHERE.tolist()]
    np.testing.assert_allclose(erf(EVERYWHERE), expected, rtol=0, atol=4e-7)


@pytest.mark.parametrize("name", ["gelu", "gelu_new", "relu", "silu"])
def test_activations_are_torchs_in_place(name: str) -> None:
    x = np.stack([EVERYWHERE + shift for shift in range(300)]).astype(np.float32)
    expected = activation(name)(torch.from_numpy(x.copy()))
    assert activate(x, name) is x
    torch.testing.assert_close(torch.from_numpy(x), expected, rtol=2e-6, atol=2e-6)


def test_sigmoid_and_softmax_are_torchs() -> None:
    torch.testing.assert_close(
        torch.from_numpy(sigmoid(EVERYWHERE)), torch.from_numpy(EVERYWHERE).sigmoid(), rtol=2e-6, atol=1e-38
    )
    scores = EVERYWHERE[:5000].reshape(50, 100).copy()
    expected = torch.from_numpy(scores.copy()).softmax(-1)
    torch.testing.assert_close(torch.from_numpy(softmax(scores)), expected)


def test_linear_and_layer_norm_are_torchs() -> None:
    generator = np.random.default_rng(0)
    x, weight, bias = (
        generator.standard_normal(s, np.float32) * 3 + 5 for s in ((4, 7, 16), (16, 16), (16,))
    )
    weights = {"a.weight": weight, "a.bias": bias, "b.weight": weight, "norm.weight": bias, "norm.bias": bias}
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    expected = F.linear(torch.from_numpy(x), tensors["a.weight"], tensors["a.bias"])
    torch.testing.assert_close(torch.from_numpy(linear(x, weights, "a")), expected)
    torch.testing.assert_close(torch.from_numpy(linear(x, weights, "b")), expected - tensors["a.bias"])
    normed = F.layer_norm(torch.from_numpy(x), (16,), tensors["norm.weight"], tensors["norm.bias"])
    torch.testing.assert_close(torch.from_numpy(layer_norm(x, weights, "norm")), normed, rtol=1e-5, atol=1e-5)


def test_there_is_an_activation_for_each_that_a_configuration_may_name() -> None:
    from bigbird_pegasus.config_checks import ACTIVATIONS

    assert set(ACTIVATIONS) == set(numpy_functions._ACTIVATIONS)
