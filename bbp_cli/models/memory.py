"""How much memory is free, for what is better done with more of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.filesize import decimal

from bbp_cli.errors import ResourceError
from bbp_cli.models.cgroups import memory_left


def free_bytes(device: str = "cpu", root: Path = Path("/")) -> int:
    """Return the bytes that can be used: of the machine and the control groups of this process, or a GPU."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return max(0, min([int(psutil.virtual_memory().available), *memory_left(root)]))


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
    """Return the error, with the size that was not available if the allocator gives it, or the file's.

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
