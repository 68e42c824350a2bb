"""Where and how precisely the model runs: device, dtype, threads. torch is imported when it is needed."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Literal

from bbp_cli.errors import ResourceError, UsageError

DType = Literal["auto", "float32", "bfloat16", "float16"]
Scheme = Literal["int8", "int4", "nf4"]  # of quantization


@dataclass(frozen=True)
class Hardware:
    """What the model runs on, by torch's names."""

    device: str
    dtype: str
    threads: int


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


def default_threads(root: Path = Path("/")) -> int:
    """As many threads as this process may use processors: affinity, cgroup quota, OMP_NUM_THREADS."""
    affinity = getattr(os, "sched_getaffinity", None)
    limits = [float(len(affinity(0)) if affinity else os.cpu_count() or 1), *_cgroup_limits(root)]
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        limits.append(int(asked))
    return max(1, ceil(min(limits)))


@contextmanager
def resources_reported(loading: int | None = None) -> Iterator[None]:
    """Turn running out of memory inside the block into ResourceError; `loading` is the bytes it reads."""
    try:
        yield
    except MemoryError as error:
        raise _out_of_memory(str(error), loading) from error
    except RuntimeError as error:
        if "out of memory" in str(error) or "allocate memory" in str(error):
            raise _out_of_memory(str(error), loading) from error
        raise


def _out_of_memory(reason: str, loading: int | None) -> ResourceError:
    """The error, with the size that could not be had where the allocator says it, or else that of the file.

    torch says "you tried to allocate 123 bytes" of the processor's memory, "Tried to allocate 2.00 GiB" of a
    graphics card's.
    """
    from bbp_cli.download import human_size

    found = re.search(r"tried to allocate ([\d.]+) (bytes|[KMGT]iB)", reason, re.IGNORECASE)
    message = "out of memory"
    if found is not None:
        factor = 1 if found[2] == "bytes" else 1024 ** (" KMGT".index(found[2][0].upper()))
        message += f": {human_size(round(float(found[1]) * factor))} more were needed"
    elif loading is not None:
        message += f" while {human_size(loading)} of weights were loaded"
    hint = "try --quantize int8, --dtype bfloat16, a smaller model or shorter input"
    return ResourceError(message, hint=hint, code="memory")


def _device(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"unknown device {name!r}", hint="for example cpu, cuda, cuda:1, mps") from None
    missing = (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if missing or device.type not in ("cpu", "cuda", "mps"):
        raise ResourceError(f"no device {name!r} here", hint="--device cpu always works", code="device")
    return name


def _cpu_computes_bfloat16(device: str) -> bool:
    """Whether this processor multiplies bfloat16 in hardware; elsewhere it is slower than float32."""
    import torch

    if device != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _cgroup_limits(root: Path) -> list[float]:
    """Processors that the control groups of this process allow, version 2 and 1; empty without a quota."""
    limits = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        mount = root / "sys/fs/cgroup"
        if controllers:  # version 1 mounts each controller by its name
            if "cpu" not in controllers.split(","):
                continue
            mount = mount / "cpu"
        group = mount / path.strip("/")
        for folder in (group, *group.parents):  # a limit of any group above holds too
            quota, period = _quota(folder, version_1=bool(controllers))
            if quota > 0 and period > 0:
                limits.append(quota / period)
            if folder == mount:
                break
    return limits


def _quota(folder: Path, *, version_1: bool) -> tuple[float, float]:
    """(microseconds of processor time, in a period of so many); 0 or less is no quota."""
    if version_1:
        words = [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    else:
        words = _read(folder / "cpu.max").split()
    try:
        quota, period = (float(word) for word in words)
    except ValueError:  # "max 100000", or no such file
        return 0.0, 0.0
    return quota, period


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
