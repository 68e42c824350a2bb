"""numpy's linear algebra library (OpenBLAS in numpy's own wheels): its threads, and which code of it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np  # and with it the library that is looked for


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Let each product in a block be computed by the thread that asks for it.

    Threads of the library's own gain nothing for products of this size, and the order of sums would depend on
    their number.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


def blas_instructions() -> str:
    """Return which processors the library's code is for that runs here, "Haswell" for AVX2; or "unknown"."""
    return str(_library().get("architecture") or "unknown")


def blas_version() -> str:
    """Return the versions of numpy and of the library."""
    found = _library()
    name = {"openblas": "OpenBLAS", "mkl": "MKL"}.get(found.get("internal_api", ""), "")
    return f"numpy {np.__version__}" + (f", {name} {found['version']}" if name else "")


def _library() -> dict[str, Any]:
    return next((one for one in _controller().info() if one["user_api"] == "blas"), {})


@lru_cache(maxsize=1)
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()
