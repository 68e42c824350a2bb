import pytest
import torch
from bigbird_pegasus.kernels.cpu import instruction_classes


@pytest.mark.parametrize(
    ("capabilities", "names"),
    [
        ({"avx2": True, "avx512_f": False}, ["AVX2"]),
        ({"avx2": True, "avx_vnni": True}, ["AVX2", "AVX-VNNI"]),
        (
            {"avx2": True, "avx512_f": True, "avx512_vnni": True, "avx512_bf16": True},
            ["AVX2", "AVX-512", "AVX512-VNNI", "AVX512-BF16"],
        ),
        ({"amx_int8": True, "amx_bf16": True, "avx512_f": True}, ["AVX-512", "AMX-BF16", "AMX-INT8"]),
        ({"architecture": "aarch64"}, []),
    ],
)
def test_instruction_classes_are_named_oldest_first(
    capabilities: dict[str, bool], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert instruction_classes() == names


def test_the_instruction_classes_of_this_processor_agree_with_torch() -> None:
    has_avx2 = "AVX2" in instruction_classes()
    assert has_avx2 or torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512")
