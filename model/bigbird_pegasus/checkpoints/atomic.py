"""Files that appear whole or not at all."""

import glob
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

_RANDOM_CHARACTERS = 8  # in a name that `tempfile` makes


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to the disk, and rename it over `path`.

    Whenever the process or the machine stops, `path` holds all of the new content or all of the old. A link
    stays a link, and a file that is replaced keeps its mode.

    Raises:
        OSError: it cannot be written; then, and after any error of `write`, the temporary file is removed.
    """
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=_prefix(target), suffix=".tmp")
    os.close(descriptor)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(_mode_of(target))  # that of temporary files keeps everybody else out
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_unfinished(path: Path) -> None:
    """Remove temporary files of processes that were killed while they wrote `path`, which nobody writes now.

    Raises:
        OSError: one cannot be removed.
    """
    target = path.resolve()
    for temporary in target.parent.glob(f"{glob.escape(_prefix(target))}{'?' * _RANDOM_CHARACTERS}.tmp"):
        temporary.unlink(missing_ok=True)


def _prefix(target: Path) -> str:
    # A name may have 255 bytes, whatever its letters; bytes are cut in the middle of one at worst.
    return f".{os.fsencode(target.name)[:100].decode('utf-8', 'ignore')}."


def _mode_of(path: Path) -> int:
    """Return the mode of the file that is replaced, or what the umask leaves for a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
