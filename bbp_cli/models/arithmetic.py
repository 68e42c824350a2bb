"""What computes: two runs with the same arithmetic give the same result, bit for bit."""

from bigbird_pegasus.quantization.scheme import Scheme

from bbp_cli.models.checkpoints import Checkpoint
from bbp_cli.models.hardware import Hardware


def arithmetic_of(
    checkpoint: Checkpoint, hardware: Hardware, quantize: Scheme | None
) -> dict[str, str | None]:
    """Return the precision, the quantization, and the instructions that the kernels use."""
    import torch

    device = hardware.device.partition(":")[0]
    return {
        "dtype": hardware.dtype,
        "quantization": quantize or checkpoint.quantization,
        "instructions": torch.backends.cpu.get_cpu_capability() if device == "cpu" else device,
    }
