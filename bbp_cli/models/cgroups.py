"""Limits of the control groups that this process is in (Linux)."""

from pathlib import Path


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
