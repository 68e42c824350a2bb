"""How much memory is free: what the machine and each control group leave."""

import warnings
from pathlib import Path

import psutil
import pytest

from bbp_cli.models.memory import free_bytes


def files(root: Path, contents: dict[str, str]) -> Path:
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def test_free_memory_is_what_the_kernel_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable:    50 kB\n")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of what else this file lacks
        assert free_bytes(root=tmp_path) == 50 * 1024


def test_free_memory_is_bounded_by_every_control_group(tmp_path: Path) -> None:
    groups = {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/memory.max": "20000\n",
        "sys/fs/cgroup/a/memory.current": "15000\n",
        "sys/fs/cgroup/a/memory.stat": "anon 3\ninactive_file 1000\n",
        "sys/fs/cgroup/a/b/memory.max": "max\n",
        "sys/fs/cgroup/a/b/memory.current": "12\n",
    }
    assert free_bytes(root=files(tmp_path, groups)) == 6000


def test_control_groups_of_version_1_count_too(tmp_path: Path) -> None:
    groups = {
        "proc/self/cgroup": "4:cpu:/x\n3:memory:/x\n",
        "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9000\n",
        "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "9500\n",
    }
    assert free_bytes(root=files(tmp_path, groups)) == 0
