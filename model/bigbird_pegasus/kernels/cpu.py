"""What the processor can do."""

from functools import lru_cache

import torch

# Names that torch gives to instruction classes, and those that their makers give them.
_INSTRUCTION_CLASSES = {
    "avx2": "AVX2",
    "avx_vnni": "AVX-VNNI",
    "avx512_f": "AVX-512",
    "avx512_vnni": "AVX512-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "amx_bf16": "AMX-BF16",
    "amx_int8": "AMX-INT8",
}


@lru_cache(maxsize=1)
def multiplies_bfloat16() -> bool:
    """Return whether torch has oneDNN's bfloat16 kernels for this processor."""
    there: bool = torch.backends.mkldnn.is_available()
    return there and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@lru_cache(maxsize=1)
def convolves_float32() -> bool:
    """Return whether oneDNN's grouped convolutions of float32 are fast here: those of AVX-512 are."""
    there: bool = torch.backends.mkldnn.is_available()
    return there and torch.backends.cpu.get_cpu_capability() == "AVX512"


def instruction_classes() -> list[str]:
    """Return the classes of x86 vector instructions that this processor has, oldest first."""
    has = torch.cpu.get_capabilities()
    return [name for key, name in _INSTRUCTION_CLASSES.items() if has.get(key)]


def computes_bfloat16() -> bool:
    """Return whether bfloat16 is multiplied in hardware; elsewhere it is slower than float32."""
    capabilities = torch.cpu.get_capabilities()
    there = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return there and torch.backends.cpu.get_cpu_capability() == "AVX512"  # not limited by ATEN_CPU_CAPABILITY
