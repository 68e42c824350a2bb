import pytest
from bigbird_pegasus.quantization.nf4 import Nf4Weight

from tests.model.quantization.weights import drawn, made


def test_nf4_with_double_quantization_takes_4_13_bits_and_loses_at_most_2_percent() -> None:
    weight = drawn(256, 512)
    stored = Nf4Weight.quantize(weight, double=True)
    assert sum(8 * t.nbytes for t in stored.values()) / weight.numel() == pytest.approx(4.13, abs=0.01)
    found = Nf4Weight.load(stored, (256, 512)).dequantize()
    plain = made("nf4", weight).dequantize()
    assert (found - weight).norm() < 1.02 * (plain - weight).norm()
