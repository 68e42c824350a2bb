"""The folders and files that a caller names to save something."""

import os
from pathlib import Path
from typing import Any

from bigbird_pegasus.errors import ConfigError


def path_of(named: Any) -> Path:
    """Return the path that a caller names.

    Raises:
        ConfigError: it is none: an empty one would be the working folder.
    """
    if not isinstance(named, str | os.PathLike) or not str(named):
        raise ConfigError(f"a folder or file to save to is a path, not {named!r:.50}")
    return Path(named)


def made_folder(named: Any) -> Path:
    """Return a folder that a caller names, which is made where it is missing.

    Raises:
        ConfigError: it is no path.
    """
    folder = path_of(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
