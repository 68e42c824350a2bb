"""Limits of the control groups that this process is in, version 2 and 1 (Linux): processors and memory.

psutil knows the machine, not the container: these are read from `/proc` and `/sys`.
"""

from collections.abc import Iterator
from pathlib import Path


def processor_limits(root: Path) -> list[float]:
    """Return the processors that each control group above this process allows; empty without a quota."""
    limits = []
    for group, version in _groups(root, "cpu"):
        if version == 2:
            words = _read(group / "cpu.max").split()
        else:
            words = [_read(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        try:
            quota_us, period_us = (float(word) for word in words)
        except ValueError:  # "max 100000", or no such file
            continue
        if quota_us > 0 and period_us > 0:
            limits.append(quota_us / period_us)
    return limits


def memory_left(root: Path) -> list[int]:
    """Return each control group's limit less what it uses, in bytes; the page cache can go at any time."""
    left = []
    for group, version in _groups(root, "memory"):
        if version == 2:
            limit, usage, cached = "memory.max", "memory.current", "inactive_file"
        else:
            limit, usage, cached = (
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            )
        most, used = _read(group / limit).strip(), _read(group / usage).strip()
        if most.isdigit() and used.isdigit():
            left.append(int(most) - int(used) + _statistic(group / "memory.stat", cached))
    return left


def _groups(root: Path, controller: str) -> Iterator[tuple[Path, int]]:
    """Yield (folder, version) of the groups of this process and of all above them: their limits hold too."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        mount, version = root / "sys/fs/cgroup", 2
        if controllers:  # version 1 mounts each controller by its name
            if controller not in controllers.split(","):
                continue
            mount, version = mount / controller, 1
        folder = mount / path.strip("/")
        for group in (folder, *folder.parents):
            yield group, version
            if group == mount:
                break


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
