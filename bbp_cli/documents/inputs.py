"""Paths, folders, lists and stdin → the inputs of a run, in order; and their names in an output folder."""

import codecs
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePath

from bbp_cli.console import Console, is_terminal
from bbp_cli.documents.document import STDIN, display_name, missing_error
from bbp_cli.documents.encodings import READS, check_encoding
from bbp_cli.documents.folders import (
    NOT_READ,
    OWN_RESULT,
    FolderContent,
    FolderFilter,
    SkippedFile,
    unmatched,
    walk,
)
from bbp_cli.documents.pdf.process import DEFAULT_LIMITS, ReadingLimits
from bbp_cli.documents.rows import DocumentRow, RowFormat, read_rows
from bbp_cli.errors import BbpError, InputError, UsageError
from bbp_cli.files import is_folder

NAMES_SHOWN = 3  # of files that were skipped in a folder
MAX_LIST_BYTES = 64 << 20  # of a list of files or of questions: more is something else, or has no end
MAX_PATH_BYTES = 4096  # of a path in a list; no system takes longer ones


@dataclass(frozen=True)
class Input:
    """One document to read. `name` is its relative path in an output folder.

    `problem` is set where it is known beforehand that there will be no result: the file is missing, a folder
    is unreadable or holds no documents. `row` is set for a record of a file of many documents.
    """

    path: str
    name: PurePath
    problem: BbpError | None = None
    row: DocumentRow | None = None

    @property
    def id(self) -> str:
        """Return what records call it: the path as it was given, or the id of a row."""
        return self.path if self.row is None else self.row.id

    @property
    def label(self) -> str:
        """Return what messages and headers call it."""
        return display_name(self.path) if self.row is None else f"{display_name(self.path)}:{self.row.id}"


@dataclass(frozen=True)
class Inputs:
    """What a run reads, what it skips in folders, and what the user should know of the choice."""

    items: tuple[Input, ...]
    skipped: tuple[SkippedFile, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class InputOptions:
    """What to read, and how. `rows` is set where each file holds many documents."""

    paths: tuple[str, ...]
    files_from: str | None = None
    nul: bool = False
    encoding: str | None = None
    chosen: FolderFilter = field(default_factory=FolderFilter)
    rows: RowFormat | None = None
    limits: ReadingLimits = DEFAULT_LIMITS


def collect(options: InputOptions, leave_out: Iterable[Path] = ()) -> Inputs:
    """Return the inputs of a run; no items at all means that nothing was asked for.

    A file that is named twice is read once. `leave_out` is where results go, which is never read.

    Raises:
        UsageError: a name is empty, stdin is asked for twice, `-0` without a list, an unknown encoding.
        InputError: the list of files, or a file of rows, cannot be read or is empty.
    """
    check_encoding(options.encoding)
    paths, files_from = options.paths, options.files_from
    if "" in (*paths, files_from):
        raise UsageError("the name is empty: - is stdin, . is this folder")
    if options.nul and files_from is None:
        raise UsageError("-0 is for the list of --files-from", hint="add --files-from FILE")
    if [*paths, files_from].count(STDIN) > 1:
        raise UsageError("stdin can be read only once", hint="give - one time")
    named = list(paths)
    if files_from is not None:
        named += _listed(files_from, nul=options.nul)
    elif not named and stdin_is_given():
        named = [STDIN]
    items: list[Input] = []
    skipped: list[SkippedFile] = []
    folders: dict[str, FolderContent] = {}
    for path in named:
        if path != STDIN and is_folder(path):
            found = folders[path] = walk(path, options.chosen, leave_out)
            items += _folder_items(path, found, options.chosen)
            skipped += found.skipped
        else:
            items.append(Input(path, output_name(path), _problem_of(path)))
    inputs = tuple(_once(items))
    if options.rows is not None:
        inputs = tuple(row for item in inputs for row in _rows_of(item, options.rows, options.encoding))
    return Inputs(inputs, tuple(skipped), tuple(_warnings(options.chosen, folders)))


def _warnings(chosen: FolderFilter, folders: dict[str, FolderContent]) -> Iterator[str]:
    """Yield what is to be said of patterns that do nothing; that of a folder without files has its error."""
    if not folders and chosen.has_patterns:
        yield "--include and --exclude choose files of folders, and no folder is given"
        return
    silent = all(_taken_by_none(content, chosen) for content in folders.values())
    for option, pattern, hint in unmatched(chosen, folders):
        if not (silent and option == "--include"):
            yield f"{option} {pattern!r} matches no file" + (f"; {hint}" if hint else "")


def _taken_by_none(content: FolderContent, chosen: FolderFilter) -> bool:
    """Return whether none of the names in a folder is one of those to be read."""
    return bool(chosen.include) and not any(map(chosen.takes, content.names))


def stdin_is_given() -> bool:
    """Return whether something other than a person at a terminal is on stdin."""
    return sys.stdin is not None and not sys.stdin.closed and not is_terminal(sys.stdin)


def output_name(path: str) -> PurePath:
    """Return the path of an input below an output folder: as given, but for a leading `/`, drive and `..`.

    It depends on nothing but `path`: neither on the working directory nor on other inputs.
    """
    if path == STDIN:
        return PurePath("stdin")
    normal = PurePath(os.path.normpath(path))
    if not normal.anchor and os.pardir not in normal.parts:
        return normal
    inside = normal.relative_to(normal.anchor) if normal.anchor else normal
    return PurePath(*(part for part in inside.parts if part != os.pardir))


def _problem_of(path: str) -> InputError | None:
    """Return the error of a file that is not there; others show when they are read."""
    try:
        if path != STDIN:
            os.stat(path)  # noqa: PTH116 - Path.exists does not tell a missing file from an impossible name
    except FileNotFoundError:
        return missing_error(path)
    except (OSError, ValueError):
        return None
    return None


def _once(items: Iterable[Input]) -> Iterator[Input]:
    """Yield each file once, where it was named first; `a/../b.txt` is `b.txt`."""
    seen = set()
    for item in items:
        place = item.path if item.path == STDIN else _place(item.path)
        if place not in seen:
            seen.add(place)
            yield item


def _place(path: str) -> tuple[str, str]:
    """Return the real folder of a file and its name: a link and the file it leads to are two inputs."""
    place = os.path.join(_folder(), path)  # noqa: PTH118 - Path drops `.`
    parent, name = os.path.split(place)
    return (_real(place), "") if name in ("", ".", "..") else (_real(parent), name)


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - as a string
    except OSError:  # it was removed
        return ""


@lru_cache(maxsize=1024)
def _real(folder: str) -> str:
    try:
        return os.path.realpath(folder)
    except (OSError, ValueError):  # an impossible name
        return folder


def read_list(source: str, content: str) -> bytes:
    """Return what a list holds, a file or stdin (`-`); `content` names it in the error.

    Raises:
        InputError: it cannot be read, or has more than `MAX_LIST_BYTES`.
    """
    try:
        if source == STDIN:
            data = sys.stdin.buffer.read(MAX_LIST_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(MAX_LIST_BYTES + 1)
    except (OSError, AttributeError) as error:  # AttributeError: there is no stdin
        reason = getattr(error, "strerror", None) or "closed"
        message = f"{content} cannot be read: {reason}"
        raise InputError(message, file=display_name(source), code="missing") from error
    if len(data) > MAX_LIST_BYTES:
        message = f"more than {MAX_LIST_BYTES >> 20} MB: not {content}"
        raise InputError(message, file=display_name(source), code="too_large")
    return data


def _listed(source: str, *, nul: bool) -> list[str]:
    """Return the names in a list of files, one a line or ended by NUL; they need not be UTF-8."""
    data = read_list(source, "the list of files").removeprefix(codecs.BOM_UTF8)
    separated = data.split(b"\x00") if nul else data.splitlines()
    for number, part in enumerate(separated, start=1):
        if len(part) > MAX_PATH_BYTES:
            message = f"line {number} has {len(part)} bytes: no path, so not the list of files"
            hint = None if nul or b"\x00" not in part else "for names that end with NUL add -0"
            raise InputError(message, hint=hint, file=display_name(source), code="too_large")
    names = [os.fsdecode(part) for part in separated if part.strip()]
    if not names:
        raise InputError("lists no files", file=display_name(source), code="empty")
    return names


def _folder_items(folder: str, found: FolderContent, chosen: FolderFilter) -> Iterator[Input]:
    for file in found.files:
        yield Input(file, output_name(file))
    for name, reason in found.unreadable:
        problem = InputError(f"the folder cannot be read: {reason}", file=name, code="unreadable")
        yield Input(name, output_name(name), problem)
    if not found.files and not found.unreadable:
        yield Input(folder, output_name(folder), _no_files(folder, found, chosen))


def _no_files(folder: str, found: FolderContent, chosen: FolderFilter) -> InputError:
    """Return the error of a folder without documents: the patterns that leave none, or what bbp reads."""
    message, hint = "no readable files in this folder", READS
    if found.skipped and all(file.reason == OWN_RESULT for file in found.skipped):
        message, hint = "only results that bbp wrote are in this folder", "one that is named is read"
    if found.names and not any(map(chosen.takes, found.names)):
        message = "none of the files in this folder is chosen by "
        message += " ".join(
            f"{option} {pattern!r}"
            for option, patterns in (("--include", chosen.include), ("--exclude", chosen.exclude))
            for pattern in patterns
        )
        hints = [hint for _, _, hint in unmatched(chosen, {folder: found}) if hint]
        hint = hints[0] if hints else f"there is {found.names[0]!r}"
    return InputError(message, hint=hint, file=folder, code="missing")


def _rows_of(item: Input, rows: RowFormat, encoding: str | None) -> Sequence[Input]:
    """Return an input for each row of a file; a file that cannot be used is one failed input."""
    if item.problem is not None:
        return [item]
    try:
        return [
            Input(item.path, item.name / row.file_name, problem, row)
            for row, problem in read_rows(item.path, rows, encoding)
        ]
    except InputError as error:
        error.file = display_name(item.path)
        return [replace(item, problem=error)]


def warn_skipped(inputs: Inputs, console: Console) -> None:
    """Warn of the files in each folder that bbp does not read, and of patterns that choose none."""
    for warning in inputs.warnings:
        console.warn(None, warning)
    folders: dict[tuple[str, str], list[str]] = {}
    for file in inputs.skipped:
        folders.setdefault((file.folder, file.reason), []).append(Path(file.path).name)
    for (folder, reason), names in folders.items():
        shown = ", ".join(names[:NAMES_SHOWN]) + (", ..." if len(names) > NAMES_SHOWN else "")
        count = f"{len(names)} file{'s' if len(names) > 1 else ''} skipped"
        why = ", which bbp does not read" if reason == NOT_READ else f" ({reason})"
        console.warn(folder, f"{count}{why}: {shown}")
