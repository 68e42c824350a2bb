import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")

MEGABYTE = 1 << 20

# Half of what is made stays, each piece behind one that is freed; the first free tells glibc that megabytes
# are no large blocks.
BEGIN = """
import torch
from bigbird_pegasus.kernels.allocator import trim_heap, large_tensors_on_own_pages

def held():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS"))

def stay_and_go():
    made = [torch.ones(1 << 18) for _ in range(200)]
    return made[1::2]

del [torch.ones(6 << 20)][0]
before = held()
"""


def held_after(code: str) -> int:
    """Bytes that a process holds more after some lines."""
    told = subprocess.run(
        [sys.executable, "-c", BEGIN + code + "\nprint(held() - before)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(told.stdout)


def test_memory_freed_beside_tensors_on_own_pages_returns_to_the_system() -> None:
    code = "with large_tensors_on_own_pages():\n    kept = stay_and_go()"
    assert 100 * MEGABYTE <= held_after(code) < 120 * MEGABYTE


def test_nested_blocks_of_own_pages_end_with_the_outer_one() -> None:
    inner = "    with large_tensors_on_own_pages():\n        pass\n"
    code = f"with large_tensors_on_own_pages():\n{inner}    kept = stay_and_go()"
    assert 100 * MEGABYTE <= held_after(code) < 120 * MEGABYTE


def test_trimming_the_heap_returns_memory_freed_between_tensors() -> None:
    code = "with large_tensors_on_own_pages():\n    pass\nkept = stay_and_go()"
    assert held_after(code) > 190 * MEGABYTE
    assert 100 * MEGABYTE <= held_after(code + "\ntrim_heap()") < 120 * MEGABYTE
