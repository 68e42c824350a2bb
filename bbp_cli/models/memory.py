"""How much memory is free, for what is better done with more of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.filesize import decimal

from bbp_cli.errors import ResourceError

ASSUMED_FREE_BYTES = 1 << 30  # assumed where the system gives no figure


def free_bytes(device: str = "cpu", root: Path = Path("/")) -> int:
    """Bytes that can be used: of the machine, and of the control groups this process is in; or of a GPU."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    left = [_available(root), *_left_of_groups(root)]
    known = [size for size in left if size is not None]
    return max(0, min(known)) if known else ASSUMED_FREE_BYTES


def _available(root: Path) -> int | None:
    """What the kernel thinks could be used without swapping."""
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return None


def _left_of_groups(root: Path) -> list[int | None]:
    """The limit of each control group less what it uses; the page cache can go at any time (version 2, 1)."""
    left: list[int | None] = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        mount, most, used, cached = root / "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        if controllers:
            if "memory" not in controllers.split(","):
                continue
            mount, most, used = mount / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cached = "total_inactive_file"
        group = mount / path.strip("/")
        for folder in (group, *group.parents):
            limit, usage = _read(folder / most).strip(), _read(folder / used).strip()
            if limit.isdigit() and usage.isdigit():
                left.append(int(limit) - int(usage) + _statistic(folder / "memory.stat", cached))
            if folder == mount:
                break
    return left


def _statistic(path: Path, name: str) -> int:
    for line in _read(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


@contextmanager
def memory_errors(loading: int | None = None) -> Iterator[None]:
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
    found = re.search(r"tried to allocate ([\d.]+) (bytes|[KMGT]iB)", reason, re.IGNORECASE)
    message = "out of memory"
    if found is not None:
        factor = 1 if found[2] == "bytes" else 1024 ** (" KMGT".index(found[2][0].upper()))
        message += f": {decimal(round(float(found[1]) * factor))} more were needed"
    elif loading is not None:
        message += f" while {decimal(loading)} of weights were loaded"
    hint = "try --quantize int8, --dtype bfloat16, a smaller model or shorter input"
    return ResourceError(message, hint=hint, code="memory")
