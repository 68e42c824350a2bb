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
RetryFailed = Literal["transient", "all"]


@dataclass(frozen=True)
class OutputOptions:
    """Where results go, stdout, a file or a folder; as text, a report or JSON; what becomes of earlier ones.

    `cite` puts the place of each sentence behind it; reports always have it. `highlight` is where copies of
    PDFs go with their summary's sentences highlighted, behind a page that lists them with `cover`.
    """

    json: bool = False
    format: Format = "text"
    cite: bool = False
    file: Path | None = None
    folder: Path | None = None
    overwrite: bool = False
    resume: bool = False
    retry_failed: RetryFailed | None = None
    highlight: Path | None = None
    cover: bool = True

    @property
    def extension(self) -> str:
        """Return how the names of result files end."""
        if self.json:
            return "json"
        return {"text": "txt", "bullets": "txt", "md": "md", "html": "html"}[self.format]

    @property
    def form(self) -> str:
        """Return in which form a result is written: records call it so."""
        return "json" if self.json else self.format + (" with places" if self.cite else "")

    @property
    def places(self) -> tuple[Path, ...]:
        """Return the files and folders that are written to, which are never read."""
        return tuple(path for path in (self.file, self.folder, self.highlight) if path is not None)

    @property
    def is_stdout(self) -> bool:
        """Return whether results are printed."""
        return self.file is None and self.folder is None

    def appends(self, inputs: Inputs) -> bool:
        """Return whether `-o` names JSON Lines that grow, and not one result."""
        return self.file is not None and self.json and (len(inputs.items) > 1 or self.resume)


def check_options(options: OutputOptions) -> None:
    """Raise UsageError where options contradict each other."""
    if options.file is not None and options.folder is not None:
        raise UsageError("-o and --output-dir exclude each other", hint="give one of them")
    if options.json and options.format != "text":
        raise UsageError("--json and --format exclude each other", hint="give one of them")
    if options.resume and options.overwrite:
        raise UsageError("--resume and --overwrite exclude each other", hint="give one of them")
    if not options.cover and options.highlight is None:
        raise UsageError("--no-cover is for --highlight", hint="add --highlight FOLDER")
    if options.retry_failed and not options.resume:
        raise UsageError("--retry-failed is for a run with --resume", hint="add --resume")
    if options.resume and options.folder is None and not (options.json and options.file is not None):
        raise UsageError("--resume needs results on disk", hint="add --output-dir DIR, or --json -o FILE")


def plan_files(options: OutputOptions, inputs: Inputs, task: TaskName) -> dict[Input, Path]:
    """Return the file of each input's result; empty where results are printed, or are lines of one file.

    Raises:
        UsageError: options contradict each other, `-o` for several texts, two results for one file, or a
            result in the place of an input.
        OutputError: the file of `-o` exists and is not older than its document, or a name is impossible.
    """
    check_options(options)
    paths: list[Path] = []
    if options.file is not None:
        _check_file(options, options.file, inputs)
        paths = [] if options.appends(inputs) else [options.file]
    elif options.folder is not None:
        suffix = f".{RESULT_NOUNS[task]}.{options.extension}"
        refuse_no_folder(options.folder)
        paths = output_paths(options.folder, inputs.items, suffix)
    files = dict(zip(inputs.items, paths, strict=False))
    # A missing input is reported when its turn comes and has no output. Its name may be too long for a file,
    # which must not end the run for the other inputs.
    expected = [path for item, path in files.items() if item.path == STDIN or exists(item.path)]
    for path in expected:
        refuse_folder(path)
    refuse_inputs(expected, inputs.items)
    return {item: path for item, path in files.items() if item.problem is None or path in expected}


def plan_highlights(options: OutputOptions, inputs: Inputs) -> dict[Input, Path]:
    """Return where the copy of each input goes with its summary highlighted; a folder gets them by name.

    Raises:
        UsageError: a text that is no file, one copy for several inputs, or a copy in the place of an input.
        OutputError: a copy exists and may not be replaced.
    """
    if options.highlight is None:
        return {}
    if any(item.path == STDIN for item in inputs.items):
        raise UsageError("--highlight needs a PDF file, not stdin")
    if options.highlight.suffix.lower() != ".pdf" or stat.S_ISDIR(_mode_of(options.highlight)):
        refuse_no_folder(options.highlight)
        paths = output_paths(options.highlight, inputs.items, "")
    elif len(inputs.items) > 1:
        raise UsageError("--highlight FILE takes one PDF, and there are several inputs", hint="name a folder")
    else:
        paths = [options.highlight]
    refuse_inputs(paths, inputs.items)
    for path in paths:
        refuse_folder(path)
        if not options.overwrite and not options.resume:
            refuse_existing(path)
    return dict(zip(inputs.items, paths, strict=False))


def _check_file(options: OutputOptions, file: Path, inputs: Inputs) -> None:
    """Check the file of `-o`.

    Raises:
        UsageError: it would be an input, or get several texts.
        OutputError: it cannot be replaced.
    """
    refuse_folder(file)
    refuse_inputs([file], inputs.items)
    if options.appends(inputs):
        mode = _mode_of(file)
        if mode and not stat.S_ISREG(mode):
            raise UsageError(f"{file} takes one result: it is not a regular file", hint="leave out -o")
        return
    if len(inputs.items) > 1:
        hint = "use --output-dir, or add --json for JSON Lines"
        raise UsageError("-o takes one result, and there are several inputs", hint=hint)
    if inputs.items and not options.overwrite and not is_older(file, inputs.items[0].path):
        refuse_existing(file)


def output_paths(folder: Path, inputs: Sequence[Input], suffix: str) -> list[Path]:
    """Return the file of each input below an output folder.

    Raises:
        UsageError: two inputs have the same one.
    """
    paths = [folder / item.name.parent / (item.name.name + suffix) for item in inputs]
    owners: dict[str, str] = {}
    for path, item in zip(paths, inputs, strict=True):
        key = os.path.normcase(path)  # on Windows A.txt and a.txt are one file
        if key in owners:
            raise UsageError(
                f"{owners[key]} and {item.path} would both be written to {path}",
                hint="run once for each, with another folder",
            )
        owners[key] = item.path
    return paths


def refuse_no_folder(folder: Path) -> None:
    """Raise OutputError where the output folder exists and is not a folder."""
    mode = _mode_of(folder)
    if mode and not stat.S_ISDIR(mode):
        raise OutputError("is not a folder", hint="-o takes a file", file=str(folder), code="exists")


def refuse_folder(path: Path) -> None:
    """Raise OutputError where a result would replace a folder, or its name is too long."""
    if stat.S_ISDIR(_mode_of(path)):
        raise OutputError("is a folder", hint="--output-dir takes a folder", file=str(path), code="exists")


def refuse_existing(path: Path) -> None:
    """Raise OutputError where a file exists.

    Devices and named pipes are written to as they are, so only regular files are protected.
    """
    if stat.S_ISREG(_mode_of(path)):
        raise OutputError("exists already", hint="--overwrite replaces it", file=str(path), code="exists")


def is_older(file: Path, document: str) -> bool:
    """Return whether a file was written before its document changed: what `make` calls out of date."""
    try:
        return document != STDIN and file.stat().st_mtime_ns < Path(document).stat().st_mtime_ns
    except (OSError, ValueError):
        return False


def refuse_inputs(paths: Iterable[Path], inputs: Sequence[Input]) -> None:
    """Raise UsageError where a result would replace one of the inputs, even with `--overwrite`.

    Files are compared by device and inode: the same file may be named by two paths or through a link.
    """
    present: dict[tuple[int, int] | None, Path] = {_identity(path): path for path in paths}
    present.pop(None, None)
    if not present:
        return
    for item in inputs:
        path = present.get(_identity(item.path)) if item.path != STDIN else None
        if path is not None:
            raise UsageError(f"{path} is an input: its result cannot replace it", hint="name another file")


def _identity(path: str | Path) -> tuple[int, int] | None:
    """Return device and inode of a file, which all its names share; None where there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - see `exists`
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _mode_of(path: Path) -> int:
    """Return the mode of the file at a path, 0 where there is none.

    Raises:
        OutputError: there can be no such file, for example because the name is too long.
    """
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - see `exists`
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file=str(path)) from error
