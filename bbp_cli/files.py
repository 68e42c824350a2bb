"""Check paths, and write files whole or not at all."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from bigbird_pegasus.checkpoints.atomic import atomic_write, remove_unfinished

from bbp_cli.errors import ClosedOutputError, OutputError


def is_folder(path: str | Path) -> bool:
    """Return whether a path is a folder; False for an impossible one (too long, NUL, not permitted)."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def exists(path: str | Path) -> bool:
    """Return whether a path exists; False for an impossible one."""
    return os.path.exists(path)  # noqa: PTH110 - Path is slow where there are many


def as_utf8(text: str) -> bytes:
    """Return text as UTF-8; lone surrogates, which UTF-8 cannot encode, are escaped."""
    return text.encode("utf-8", "backslashreplace")


def write_utf8(text: str, file: BinaryIO) -> None:
    """Write text into an open file as UTF-8, whatever the system's encoding, and flush it."""
    file.write(as_utf8(text))
    file.flush()


def write_file(path: Path, text: str) -> None:
    """Write a text file whole or not at all; see `write_bytes`.

    Raises:
        OutputError: it cannot be written.
    """
    write_bytes(path, as_utf8(text))


def clear_unfinished(path: Path) -> None:
    """Remove what a killed process left of writing this file; no other process may be writing it.

    Raises:
        OutputError: it cannot be removed.
    """
    try:
        remove_unfinished(path)
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file=str(path)) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file or none of it, and the folders above it.

    A file that is not regular (`/dev/null`, a named pipe) is opened and written to, and not replaced.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            with path.open("wb") as file:
                file.write(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, lambda temporary: temporary.write_bytes(data))
    except BrokenPipeError:
        raise ClosedOutputError("the output is closed") from None
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file=str(path)) from error
