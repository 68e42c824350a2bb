"""What computes: two runs with the same arithmetic give the same result."""

from dataclasses import asdict

from bigbird_pegasus.kernels.arithmetic import numpy_arithmetic, torch_arithmetic
from bigbird_pegasus.quantization.scheme import Scheme

from bbp_cli.models.checkpoints import Checkpoint
from bbp_cli.models.hardware import Hardware


def arithmetic_of(
    checkpoint: Checkpoint, hardware: Hardware, quantize: Scheme | None
) -> dict[str, str | None]:
    """Return the engine, the precision, the quantization, and the instructions that the kernels use."""
    if hardware.engine == "numpy":
        found = numpy_arithmetic()
    else:
        found = torch_arithmetic(
            hardware.dtype,
            hardware.device,
            quantize or checkpoint.quantization,
            has_decoder=checkpoint.kind != "extractive",
        )
    return {name: value for name, value in asdict(found).items() if name != "version"}
