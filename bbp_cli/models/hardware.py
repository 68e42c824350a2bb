"""Where and how precisely the model runs: device, dtype, threads. torch is imported when it is needed."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Literal

from bigbird_pegasus.kernels.arithmetic import Engine
from bigbird_pegasus.kernels.threads import usable_processors

from bbp_cli.errors import ResourceError, UsageError
from bbp_cli.models.cgroups import processor_limits

DType = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Hardware:
    """What the model runs on, by torch's names, and what computes it."""

    device: str
    dtype: str
    threads: int
    engine: Engine = "torch"


def prepare(device: str = "auto", dtype: DType = "auto", threads: int | None = None) -> Hardware:
    """Choose device, dtype and threads where the user left them open, and set torch's threads.

    Raises:
        ResourceError: the device is not there.
        UsageError: torch does not know the device's name.
    """
    import torch

    chosen = _device(device)
    count = threads or default_threads()
    torch.set_num_threads(count)
    if dtype == "auto":
        dtype = "bfloat16" if chosen.startswith("cuda") or _cpu_computes_bfloat16(chosen) else "float32"
    return Hardware(chosen, dtype, count)


def without_torch(threads: int | None = None) -> Hardware:
    """Return what the numpy engine runs on."""
    return Hardware("cpu", "float32", threads or default_threads(), "numpy")


def default_threads(root: Path = Path("/")) -> int:
    """Return the processors that this process may use: by affinity, cgroup quota and OMP_NUM_THREADS."""
    return max(1, ceil(min([usable_processors(), *processor_limits(root)])))


def _device(name: str) -> str:
    import torch
    from bigbird_pegasus.errors import ConfigError
    from bigbird_pegasus.kernels.device import parse_device

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = parse_device(name)
    except ConfigError:
        raise UsageError(f"unknown device {name!r}", hint="for example cpu, cuda, cuda:1, mps") from None
    missing = (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if missing or device.type not in ("cpu", "cuda", "mps"):
        raise ResourceError(f"no device {name!r} here", hint="--device cpu always works", code="device")
    return name


def _cpu_computes_bfloat16(device: str) -> bool:
    from bigbird_pegasus.kernels.cpu import computes_bfloat16

    return device == "cpu" and computes_bfloat16()
