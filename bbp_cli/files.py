"""Files: what a path is, and writing that is whole or not at all."""

import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO

from bbp_cli.errors import ClosedOutputError, OutputError


def is_folder(path: str | Path) -> bool:
    """Whether a name is a folder's; that of nothing on this system (too long, NUL, forbidden) is not."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def exists(path: str | Path) -> bool:
    """Whether there is something of this name; see `is_folder`."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def write_utf8(text: str, file: BinaryIO) -> None:
    """Write text into an open file as UTF-8, whatever the system's encoding, and flush it."""
    file.write(text.encode("utf-8", "backslashreplace"))
    file.flush()


def write_file(path: Path, text: str) -> None:
    """Write a whole file or none of it: into a temporary file beside it, then renamed over it.

    What is no regular file (`/dev/null`, a named pipe) is written to as it is.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            with path.open("wb") as file:
                write_utf8(text, file)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except BrokenPipeError:
        raise ClosedOutputError("the output is closed") from None
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file=str(path)) from error


def _replace(path: Path, text: str) -> None:
    target = path.resolve()  # a link stays a link
    descriptor, temporary = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".tmp"
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            write_utf8(text, file)
        Path(temporary).chmod(_mode_of_new_files(target))
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode_of_new_files(path: Path) -> int:
    """The mode of the file that is replaced, or what the umask leaves for a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
