import pytest
import torch
from bigbird_pegasus.quantization.int4 import Int4Weight
from torch import Tensor


def test_an_int4_kernel_that_is_missing_or_packs_otherwise_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from bigbird_pegasus.quantization import int4

    def absent(*_: object) -> Tensor:
        raise RuntimeError("not built")

    for pack, expected in ((absent, False), (lambda codes, _: codes.to(torch.uint8), False)):
        monkeypatch.setattr(torch.ops.aten, "_convert_weight_to_int4pack_for_cpu", pack)
        int4._kernel_reads_our_layout.cache_clear()
        assert int4._kernel_reads_our_layout() is expected
    monkeypatch.undo()
    int4._kernel_reads_our_layout.cache_clear()


def test_int4_groups_of_equal_weights_are_exact() -> None:
    weight = torch.full((64, 64), 0.5)
    found = Int4Weight.load(Int4Weight.quantize(weight), (64, 64)).dequantize()
    assert torch.equal(found, weight)
