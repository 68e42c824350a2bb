"""Which arithmetic made a result: another one may round differently, and so choose or write another word."""

from dataclasses import dataclass
from typing import Literal

Engine = Literal["numpy", "torch"]


@dataclass(frozen=True)
class Arithmetic:
    """What ran a model, in which type, for which processor, in which version.

    `instructions` is the class of vector instructions that the library's code uses, by its own name: "AVX2",
    "AVX512" of torch, "Haswell" (which is AVX2), "SkylakeX" (AVX-512) of OpenBLAS; of a GPU its name. "AVX2
    and few_rows" where the package's own kernel computes, too.
    """

    engine: Engine
    dtype: str
    quantization: str | None
    instructions: str
    version: str


def numpy_arithmetic() -> Arithmetic:
    """Return that of the numpy engine."""
    from bigbird_pegasus.kernels.blas import blas_instructions, blas_version

    return Arithmetic("numpy", "float32", None, blas_instructions(), blas_version())


def torch_arithmetic(
    dtype: str, device: str, quantization: str | None, has_decoder: bool = False
) -> Arithmetic:
    """Return that of torch on a device; of one that is neither a CPU nor a CUDA GPU the device's name.

    Decoders in float32 and bfloat16, quantized or not, use the package's own kernel where it is there.
    """
    import torch

    from bigbird_pegasus.kernels.few_rows import has_few_rows

    instructions = device
    if device == "cpu":
        instructions = torch.backends.cpu.get_cpu_capability()
        if has_decoder and dtype in ("float32", "bfloat16") and has_few_rows():
            instructions += " and few_rows"
    elif device.startswith("cuda"):
        instructions = torch.cuda.get_device_name(device)
    return Arithmetic("torch", dtype, quantization, instructions, f"torch {torch.__version__}")
