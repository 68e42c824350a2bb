"""The machine that measures: what it is, how fast it multiplies and reads, how much memory a process held.

The floors are what no program on it goes below: multiplications at the rate of one large matrix product,
bytes at the rate of one long read.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from bigbird_pegasus import BigBirdPegasusConfig
from bigbird_pegasus.kernels.cpu import computes_bfloat16, instruction_classes
from bigbird_pegasus.kernels.few_rows import has_few_rows
from bigbird_pegasus.quantization.int8 import Int8Weight
from bigbird_pegasus.quantization.modules import QuantizedLinear
from torch import Tensor

# Bytes of a weight as each precision stores it; 4 bits come with a scale for each 64 weights.
WEIGHT_BYTES = {
    "float32": 4.0,
    "bfloat16": 2.0,
    "int8": 1.0,
    "int4": 0.5 + 4 / 64,
    "nf4": 0.5 + 4 / 64,
}
QUANTIZED = ("int8", "int4", "nf4")  # they compute the rest in `dtype_beside_quantized`


@dataclass(frozen=True)
class Rates:
    """Operations (a multiplication and an addition are two) and bytes a second."""

    float32: float
    bfloat16: float
    int8: float
    bytes_read: float

    def of(self, precision: str) -> float:
        """The rate of a linear layer; 4-bit weights are computed with in `dtype_beside_quantized`."""
        rates = {"float32": self.float32, "bfloat16": self.bfloat16, "int8": self.int8}
        return rates.get(precision) or rates[dtype_beside_quantized()]


def dtype_beside_quantized() -> str:
    """The type that `bbp --quantize` computes in here."""
    return "bfloat16" if computes_bfloat16() else "float32"


def measure_rates(rows: int = 4096, width: int = 1024, repeat: int = 5) -> Rates:
    """Measure with one linear layer of the published feed-forward, and with the sum of 1 GB."""
    operations = 2 * rows * width * 4 * width

    def linear(dtype: torch.dtype) -> float:
        x, weight = torch.randn(rows, width).to(dtype), torch.randn(4 * width, width).to(dtype)
        return operations / _least(lambda: torch.nn.functional.linear(x, weight), repeat)

    # The kernel that int8 models are multiplied by, whichever it is here, with the rounding of activations.
    int8 = QuantizedLinear(
        Int8Weight.load(Int8Weight.quantize(torch.randn(4 * width, width)), (4 * width, width))
    )
    activations = torch.randn(rows, width)
    read = torch.ones(rows * width * 64)
    return Rates(
        float32=linear(torch.float32),
        bfloat16=linear(torch.bfloat16),
        int8=operations / _least(lambda: int8(activations), repeat),
        bytes_read=read.nbytes / _least(read.sum, repeat),
    )


def _least(call: Callable[[], Tensor], repeat: int) -> float:
    call()
    return min(_seconds(call) for _ in range(repeat))


def _seconds(call: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def encoder_floor(config: BigBirdPegasusConfig, tokens: int, precision: str, rates: Rates) -> float:
    """Seconds of the encoder's multiplications alone: linear layers and block-sparse attention."""
    width, inner, block = config.d_model, config.encoder_ffn_dim, config.block_size
    linear = tokens * (4 * width * width + 2 * width * inner)
    seen = (5 + config.num_random_blocks) * block  # keys of a block of queries in the middle
    pairs = (tokens - 4 * block) * seen + 2 * block * (seen - block) + 2 * block * tokens
    attention = 2 * pairs * width
    rest = dtype_beside_quantized() if precision in QUANTIZED else precision
    return 2 * config.encoder_layers * (linear / rates.of(precision) + attention / rates.of(rest))


def step_floor(
    config: BigBirdPegasusConfig, tokens: int, beams: int, position: int, precision: str, rates: Rates
) -> float:
    """Seconds to read once what a decode step needs: weights, output head, keys and values."""
    width, layers = config.d_model, config.decoder_layers
    # Cross-attention's projections of keys and values are not needed after the first step.
    weights = layers * (6 * width * width + 2 * width * config.decoder_ffn_dim) + config.vocab_size * width
    rest = WEIGHT_BYTES[dtype_beside_quantized() if precision in QUANTIZED else precision]
    of_source = 1 if precision == "int8" and has_few_rows() else rest
    remembered = 2 * layers * width * (tokens * of_source + beams * position * rest)
    return (weights * WEIGHT_BYTES[precision] + remembered) / rates.bytes_read


def peak_memory() -> int:
    """Most bytes that this process ever held in memory at once, mapped files included."""
    status = Path("/proc/self/status")
    if not status.is_file():
        import resource  # not on Windows; counts kilobytes, on macOS bytes

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if platform.system() == "Darwin" else 1024 * peak
    return _kilobytes(status, "VmHWM")


# Started by a small process: until a command is executed it counts the memory of the one that starts it.
WATCHED = """
import os, sys
_, status, used = os.wait4(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)
print(used.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def output_and_peak(command: Sequence[object], folder: Path) -> tuple[bytes, int]:
    """Run a command in a folder: what it prints, and the most bytes that it held in memory."""
    words = [sys.executable, "-S", "-c", WATCHED, *map(str, command)]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr.decode()}")
    kilobytes = 1 if sys.platform == "darwin" else 1024  # what ru_maxrss counts
    return done.stdout, int(done.stderr.split()[-1]) * kilobytes


def held_memory() -> int:
    """Bytes that this process holds now."""
    status = Path("/proc/self/status")
    return _kilobytes(status, "VmRSS") if status.is_file() else peak_memory()


def _kilobytes(status: Path, name: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(name + ":"))
    return 1024 * int(line.split()[1])


def description(threads: int) -> str:
    """Processor, memory and versions, for the line below a table."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        lines = (line.partition(":") for line in information.read_text().splitlines())
        names = [value.strip() for name, _, value in lines if name.strip() == "model name"]
        model = names[0] if names else model
    instructions = ", ".join(instruction_classes()) or "no x86 vector instructions"
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    return (
        f"{model}, {os.cpu_count()} cores ({instructions}), "
        f"{gigabytes:.0f} GB, {threads} threads; Python {platform.python_version()}, {versions}"
    )
