"""A folder → the documents in it, sorted, and what in it is not read and why."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath

from bbp_cli.documents.document import is_pdf
from bbp_cli.documents.encodings import looks_like_text
from bbp_cli.documents.globs import likely_meant, matches, matches_any

HEAD = 4096  # bytes that show whether a file in a folder may be a document
NOT_READ = "bbp does not read this kind of file"
OWN_RESULT = "a result that bbp wrote"
LINKED_FOLDER = "a link to a folder is not followed"
# How results in an output folder are called (`bbp_cli.output.destination`), and how records begin.
RESULT_NOUNS = ("summary", "labels", "answers")
_RESULT_NAME = re.compile(rf"\.(?:{'|'.join(RESULT_NOUNS)})\.(?:txt|json|md|html)\Z")
HIGHLIGHT_MARK = "% highlighted by bbp"  # the comment below the first line of a highlighted copy
# How records and digests begin, what stands in the head of reports, and how highlighted copies begin.
_OWN_CONTENT = re.compile(
    rb'\A\{"schema": "bbp\.[a-z]{1,20}/\d|<meta name="generator" content="bbp">'
    rb"|\A%%PDF-[^\n]{1,8}\n%b\n" % HIGHLIGHT_MARK.encode()
)


@dataclass(frozen=True)
class FolderFilter:
    """Which files of a folder are read; for patterns see `globs.matches`. `exclude` is for folders, too."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    recursive: bool = True

    @property
    def has_patterns(self) -> bool:
        """Return whether names matter at all."""
        return bool(self.include or self.exclude)

    def takes(self, inside: str) -> bool:
        """Return whether a file is read; `inside` is its path below the folder."""
        return not self.leaves_out(inside) and (
            not self.include or any(matches(inside, pattern) for pattern in self.include)
        )

    def leaves_out(self, inside: str) -> bool:
        """Return whether a file or a folder is excluded."""
        return any(matches(inside, pattern) for pattern in self.exclude)


@dataclass(frozen=True)
class SkippedFile:
    """A file that a folder holds and bbp does not read."""

    path: str
    folder: str
    reason: str


@dataclass(frozen=True)
class FolderContent:
    """Documents of a folder, other files, and (folder in it, reason) where one cannot be read.

    Where there are patterns, `names` has the paths below the folder of all files that these were compared
    with, `folder_names` those of folders, and `hidden` those of files and folders that are hidden.
    """

    files: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]
    unreadable: tuple[tuple[str, str], ...]
    names: tuple[str, ...] = ()
    folder_names: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


@dataclass
class _Walk:
    folder: str
    chosen: FolderFilter
    outputs: tuple[str, ...]  # real paths of what is written, never read
    files: list[str] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    folder_names: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        return tuple(PurePath(path).name for path in self.outputs)

    def note_error(self, error: OSError) -> None:
        self.unreadable.append((str(error.filename), str(error.strerror)))

    def note_file(self, parent: str, name: str) -> None:
        path = os.path.join(parent, name)  # noqa: PTH118 - Path would drop the `./` the user gave
        if self.is_output(path):
            return
        if self.chosen.has_patterns:
            self.names.append(self.inside(path))
            if not self.chosen.takes(self.names[-1]):
                return
        reason = _reason_to_skip(path)
        if reason is None:
            self.files.append(path)
        else:
            self.skipped.append(SkippedFile(path, self.folder, reason))

    def note_hidden(self, parent: str, names: Iterable[str]) -> None:
        if self.chosen.has_patterns:
            hidden = (name for name in names if name.startswith("."))
            self.hidden += [self.inside(os.path.join(parent, name)) for name in hidden]  # noqa: PTH118 - see above

    def enters(self, parent: str, name: str) -> bool:
        path = os.path.join(parent, name)  # noqa: PTH118 - see above
        if self.is_output(path):
            return False
        if self.chosen.has_patterns:
            self.folder_names.append(self.inside(path))
            if self.chosen.leaves_out(self.folder_names[-1]):
                return False
        if not self.chosen.recursive:
            return False
        if os.path.islink(path):  # noqa: PTH114 - of many folders
            self.skipped.append(SkippedFile(path, self.folder, LINKED_FOLDER))
            return False
        return True

    def inside(self, path: str) -> str:
        return path[len(self.folder) :].lstrip(os.sep).replace(os.sep, "/")

    def is_output(self, path: str) -> bool:
        # Comparing names first saves looking at the disk for each file.
        return path.endswith(self.output_names) and os.path.realpath(path) in self.outputs


def walk(folder: str, chosen: FolderFilter, outputs: Iterable[Path] = ()) -> FolderContent:
    """Find what lies in a folder and the folders in it, sorted.

    Hidden names and what `chosen` leaves out are passed by in silence. `outputs` is where results go.
    """
    # Path.resolve fails on a loop of links
    found = _Walk(folder, chosen, tuple(os.path.realpath(path) for path in outputs))
    for parent, folders, files in os.walk(folder, onerror=found.note_error):
        found.note_hidden(parent, [*folders, *files])
        folders[:] = [name for name in sorted(_visible(folders)) if found.enters(parent, name)]
        for name in sorted(_visible(files)):
            found.note_file(parent, name)
    return FolderContent(
        tuple(found.files),
        tuple(found.skipped),
        tuple(found.unreadable),
        tuple(found.names),
        tuple(found.folder_names),
        tuple(found.hidden),
    )


def unmatched(
    chosen: FolderFilter, contents: Mapping[str, FolderContent]
) -> Iterator[tuple[str, str, str | None]]:
    """Yield (option, pattern, hint) of each pattern that matches nothing in any of the folders read.

    Nothing is said of an `--exclude` that may match what was not looked at: in a hidden folder, or in one
    that another `--exclude` leaves out.
    """
    files = [name for content in contents.values() for name in content.names]
    folders = [name for content in contents.values() for name in content.folder_names]
    both = files + folders + [name for content in contents.values() for name in content.hidden]
    some_left_out = any(map(chosen.leaves_out, folders))
    asked = [("--include", pattern, files) for pattern in chosen.include]
    asked += [("--exclude", pattern, both) for pattern in chosen.exclude]
    for option, pattern, names in asked:
        if matches_any(pattern, names) or (option == "--exclude" and some_left_out):
            continue
        hint = likely_meant(pattern, names, list(contents))
        if option == "--include" or hint is not None or not _is_hidden(pattern):
            yield option, pattern, hint


def _is_hidden(pattern: str) -> bool:
    """Return whether a pattern is for hidden names, or for what is in a hidden folder."""
    return any(part.startswith(".") and part.strip(".") for part in pattern.split("/"))


def _visible(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if not name.startswith("."))


def _reason_to_skip(path: str) -> str | None:
    """Return why a file is no document; None where it may be one, and where it cannot be opened."""
    if _RESULT_NAME.search(path):
        return OWN_RESULT
    try:
        # As strings and without a buffer: there may be a hundred thousand.
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - of many files
            return NOT_READ
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - of many files
            head = file.read(HEAD)
    except FileNotFoundError:  # a link that leads nowhere
        return NOT_READ
    except OSError:
        return None
    if _OWN_CONTENT.search(head):
        return OWN_RESULT
    from bbp_cli.documents.formats.office import (
        may_be_office,  # here: it reads pages, whose patterns are many
    )

    may_be_document = is_pdf(head) or may_be_office(head, path) or looks_like_text(head)
    return None if may_be_document else NOT_READ
