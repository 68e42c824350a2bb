"""Paths, folders, lists and stdin → the inputs of a run, in order; and their names in an output folder."""

import codecs
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from bbp_cli.console import Console, is_terminal
from bbp_cli.documents.document import STDIN, display_name, is_pdf
from bbp_cli.documents.encodings import READS, check_encoding, looks_like_text
from bbp_cli.errors import InputError, UsageError
from bbp_cli.files import is_folder

NAMES_SHOWN = 3  # of files that were skipped in a folder
MAX_LIST_BYTES = 64 << 20  # of a list of files or of questions: more is something else, or has no end
MAX_PATH_BYTES = 4096  # of a path in a list; no system takes longer ones
HEAD = 4096  # bytes that show whether a file in a folder may be a document


@dataclass(frozen=True)
class Input:
    """One document to read. `name` is its relative path in an output folder.

    `problem` is set where a folder is unreadable or holds no documents; it is reported as a failed input.
    """

    path: str
    name: PurePath
    problem: InputError | None = None


@dataclass(frozen=True)
class Inputs:
    """What a run reads, and what it skips: (folder, files that bbp does not read)."""

    items: tuple[Input, ...]
    skipped: tuple[tuple[str, tuple[str, ...]], ...] = ()


def find_inputs(
    paths: Sequence[str],
    files_from: str | None = None,
    *,
    nul: bool = False,
    leave_out: Path | None = None,
) -> Inputs:
    """Find the inputs that the command line names; `leave_out` is an output folder, never read.

    Raises:
        UsageError: a name is empty, stdin is asked for twice, or `-0` without a list.
        InputError: the list cannot be read or is empty.
    """
    if "" in (*paths, files_from):
        raise UsageError("the name is empty: - is stdin, . is this folder")
    if nul and files_from is None:
        raise UsageError("-0 is for the list of --files-from", hint="add --files-from FILE")
    if [*paths, files_from].count(STDIN) > 1:
        raise UsageError("stdin can be read only once", hint="give - one time")
    named = list(paths)
    if files_from is not None:
        named += _listed(files_from, nul=nul)
    elif not named and stdin_is_given():
        named = [STDIN]
    items: list[Input] = []
    skipped = []
    for path in named:
        if path != STDIN and is_folder(path):
            found = _walk(path, leave_out)
            items += _folder_items(path, found)
            skipped += [(path, found.skipped)] if found.skipped else []
        else:
            items.append(Input(path, output_name(path)))
    return Inputs(tuple(items), tuple(skipped))


def stdin_is_given() -> bool:
    """Return whether something other than a person at a terminal is on stdin."""
    return sys.stdin is not None and not sys.stdin.closed and not is_terminal(sys.stdin)


def output_name(path: str, folder: str | None = None) -> PurePath:
    """Return the path of an input below an output folder: as given where that stays inside, or else its name.

    A file of a folder outside the working directory keeps its path from that folder on.
    """
    if path == STDIN:
        return PurePath("stdin")
    try:
        inside = _below(Path(path), Path.cwd())
    except OSError:  # the working directory was removed
        return PurePath(Path(path).name)
    if inside is not None:
        return inside
    if folder is not None:
        root = Path(os.path.normpath(Path(folder).absolute()))
        return PurePath(root.name) / Path(os.path.normpath(Path(path).absolute())).relative_to(root)
    return PurePath(Path(path).name)


def _below(path: Path, folder: Path) -> PurePath | None:
    """Return the path relative to a folder it lies in (by name: links are not followed), else None."""
    try:
        return Path(os.path.normpath(path.absolute())).relative_to(folder)
    except ValueError:
        return None


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


@dataclass(frozen=True)
class _Found:
    """What a folder holds: documents, other files, and (folder in it, reason) where one cannot be read."""

    files: tuple[str, ...]
    skipped: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]


def _folder_items(folder: str, found: _Found) -> Iterator[Input]:
    for file in found.files:
        yield Input(file, output_name(file, folder))
    for name, reason in found.unreadable:
        problem = InputError(f"the folder cannot be read: {reason}", file=name, code="unreadable")
        yield Input(name, output_name(name, folder), problem)
    if not found.files and not found.unreadable:
        problem = InputError(
            "no readable files in this folder",
            hint=READS,
            file=folder,
            code="missing",
        )
        yield Input(folder, output_name(folder), problem)


def _walk(folder: str, leave_out: Path | None) -> _Found:
    """Find what lies in a folder and the folders in it, sorted; hidden names are left out."""
    documents: list[str] = []
    skipped: list[str] = []
    unreadable: list[tuple[str, str]] = []

    def note(error: OSError) -> None:
        unreadable.append((str(error.filename), str(error.strerror)))

    hidden_output = os.path.realpath(leave_out) if leave_out else None  # Path.resolve fails on a loop
    for parent, folders, files in os.walk(folder, onerror=note):
        folders[:] = sorted(
            name for name in _visible(folders) if os.path.realpath(Path(parent, name)) != hidden_output
        )
        for name in sorted(_visible(files)):
            path = os.path.join(parent, name)  # noqa: PTH118 - Path would drop the `./` the user gave
            (documents if _may_be_document(path) else skipped).append(path)
    return _Found(tuple(documents), tuple(skipped), tuple(unreadable))


def _visible(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if not name.startswith("."))


def _may_be_document(path: str) -> bool:
    """Return whether a regular file begins like a document; one that cannot be opened may be one."""
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return True
    from bbp_cli.documents.office import may_be_office  # here: it reads pages, whose patterns are many

    return is_pdf(head) or may_be_office(head, path) or looks_like_text(head)


@dataclass(frozen=True)
class InputOptions:
    """What to read, and how."""

    paths: tuple[str, ...]
    files_from: str | None = None
    nul: bool = False
    encoding: str | None = None


def collect(reading: InputOptions, leave_out: Path | None = None) -> Inputs:
    """Return the inputs of a run; no items at all means that nothing was asked for.

    Raises:
        UsageError: the options contradict each other, or the encoding is unknown.
        InputError: the list of files cannot be used.
    """
    check_encoding(reading.encoding)
    return find_inputs(reading.paths, reading.files_from, nul=reading.nul, leave_out=leave_out)


def warn_skipped(inputs: Inputs, console: Console) -> None:
    """Warn of the files in each folder that are neither text nor PDF."""
    for folder, files in inputs.skipped:
        names = ", ".join(Path(file).name for file in files[:NAMES_SHOWN])
        more = ", ..." if len(files) > NAMES_SHOWN else ""
        count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
        console.warn(folder, f"{count} skipped, which bbp does not read: {names}{more}")
