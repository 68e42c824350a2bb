"""Large tensors on pages of their own, so that memory freed between them goes back to the system.

glibc's allocator takes blocks of up to 32 MB from one heap, which gets smaller only at its end: a weight that
lies behind a temporary copy keeps the copy's memory. Blocks with pages of their own leave no such holes, but
each page of them is cleared when it is first written, so that for the temporary results of a forward they
would double its time.
"""

import ctypes
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

# glibc's names and values (malloc.h); in a large process it arrives at these limits by itself.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
DEFAULT_TRIM_BYTES, DEFAULT_MMAP_BYTES = 64 << 20, 32 << 20
SET_BY_USER = ("MALLOC_", "GLIBC_TUNABLES")  # variables of the environment that take precedence
MIN_OWN_PAGES_BYTES = 1 << 18  # bytes; smaller blocks come from the heap all the same

_lock = Lock()
_inside = 0


@contextmanager
def large_tensors_on_own_pages() -> Iterator[None]:
    """Give large tensors that are made inside pages of their own; with another allocator, nothing changes.

    The limits are those of the process, in all of its threads, and the usual ones stay set afterwards.
    """
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def trim_heap() -> None:
    """Return all free pages of the heap to the system; glibc itself returns only those at its end."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(0)


def _count(step: int) -> None:
    """Enter or leave; the outermost block decides, also where threads overlap."""
    global _inside
    with _lock:
        _inside += step
        mallopt = _function("mallopt")
        if mallopt is not None and not any(name.startswith(SET_BY_USER) for name in os.environ):
            mallopt(MMAP_THRESHOLD, MIN_OWN_PAGES_BYTES if _inside else DEFAULT_MMAP_BYTES)
            mallopt(TRIM_THRESHOLD, DEFAULT_TRIM_BYTES)


@cache
def _function(name: str) -> Callable[..., int] | None:
    """Return a function of glibc; None where that is not the allocator."""
    if platform.libc_ver()[0] != "glibc":
        return None
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
