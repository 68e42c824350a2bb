"""Where results go: stdout, one file or a folder. Checked before anything is read or loaded."""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bbp_cli.documents.document import STDIN
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.errors import OutputError, UsageError
from bbp_cli.files import exists
from bbp_cli.models.checkpoints import TaskName

# The part of an output file's name that says what it holds: report.pdf.summary.txt
RESULT_NOUNS: dict[TaskName, str] = {"summarize": "summary", "classify": "labels", "qa": "answers"}


Format = Literal["text", "bullets", "md", "html"]


@dataclass(frozen=True)
class OutputOptions:
    """Where results go: stdout, one file, or a folder; as text, a report or JSON.

    `cite` puts the place of each sentence behind it; reports always have it.
    """

    json: bool = False
    format: Format = "text"
    cite: bool = False
    file: Path | None = None
    folder: Path | None = None
    overwrite: bool = False

    @property
    def extension(self) -> str:
        """Return how the names of result files end."""
        if self.json:
            return "json"
        return {"text": "txt", "bullets": "txt", "md": "md", "html": "html"}[self.format]

    @property
    def is_stdout(self) -> bool:
        """Return whether results are printed."""
        return self.file is None and self.folder is None


def plan_files(options: OutputOptions, inputs: Inputs, task: TaskName) -> dict[Input, Path]:
    """Return the output file of each input; empty where results are printed.

    Raises:
        UsageError: `-o` for several inputs, two results for one file, or a result in the place of an input.
        OutputError: a file exists and `--overwrite` is not given, or a name is impossible.
    """
    if options.json and options.format != "text":
        raise UsageError("--json and --format exclude each other", hint="give one of them")
    paths: list[Path] = []
    if options.file is not None and options.folder is not None:
        raise UsageError("-o and --output-dir exclude each other", hint="give one of them")
    if options.file is not None:
        if len(inputs.items) > 1:
            raise UsageError("-o takes one result, and there are several inputs", hint="use --output-dir")
        paths = [options.file]
    elif options.folder is not None:
        suffix = f".{RESULT_NOUNS[task]}.{options.extension}"
        refuse_no_folder(options.folder)
        paths = output_paths(options.folder, inputs.items, suffix)
    files = dict(zip(inputs.items, paths, strict=False))
    # A missing input is reported when its turn comes and has no output. Its name may be too long for a file,
    # which must not end the run for the other inputs.
    expected = [path for item, path in files.items() if item.path == STDIN or exists(item.path)]
    refuse_existing(expected, overwrite=options.overwrite)
    refuse_inputs(expected, inputs.items)
    return files


def output_paths(folder: Path, inputs: Sequence[Input], suffix: str) -> list[Path]:
    """Return the file of each input below an output folder.

    Raises:
        UsageError: two inputs have the same one.
    """
    paths = [folder / item.name.with_name(item.name.name + suffix) for item in inputs]
    owners: dict[str, str] = {}
    for path, item in zip(paths, inputs, strict=True):
        key = os.path.normcase(path)  # on Windows A.txt and a.txt are one file
        if key in owners:
            raise UsageError(
                f"{owners[key]} and {item.path} would both be written to {path}",
                hint="give relative paths, or run once for each",
            )
        owners[key] = item.path
    return paths


def refuse_no_folder(folder: Path) -> None:
    """Raise OutputError where the output folder exists and is not a folder."""
    mode = _mode_of(folder)
    if mode and not stat.S_ISDIR(mode):
        raise OutputError("is not a folder", hint="-o takes a file", file=str(folder), code="exists")


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Raise OutputError where a result would replace a file or a folder, or its name is too long.

    Devices and named pipes are written to as they are, so only regular files are protected.
    """
    for path in paths:
        mode = _mode_of(path)
        if stat.S_ISDIR(mode):
            raise OutputError(
                "is a folder", hint="--output-dir takes a folder", file=str(path), code="exists"
            )
        if not overwrite and stat.S_ISREG(mode):
            raise OutputError("exists already", hint="--overwrite replaces it", file=str(path), code="exists")


def refuse_inputs(paths: Iterable[Path], inputs: Sequence[Input]) -> None:
    """Raise UsageError where a result would replace one of the inputs, even with `--overwrite`.

    Files are compared by device and inode: the same file may be named by two paths or through a link.
    """
    read = {_identity(Path(item.path)) for item in inputs if item.path != STDIN} - {None}
    for path in paths:
        if _identity(path) in read:
            raise UsageError(f"{path} is an input: its result cannot replace it", hint="name another file")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a file, which all its names share; None where there is no file."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _mode_of(path: Path) -> int:
    """Return the mode of the file at a path, 0 where there is none.

    Raises:
        OutputError: there can be no such file, for example because the name is too long.
    """
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file=str(path)) from error
