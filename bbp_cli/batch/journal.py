"""JSON Lines of records that grow while a run works: what is in them needs not be done again.

Each line is written in one piece and synced before the next document is begun. Processes that share a file
claim their slots in it (an input's place: the file of its result, or its id) and append one at a time, by
locks that the system releases when a process ends, however it ends.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bigbird_pegasus.checkpoints.atomic import atomic_write, remove_unfinished

from bbp_cli.console import Console
from bbp_cli.errors import OutputError
from bbp_cli.output.records import SCHEMA, json_line

try:
    import fcntl
except ImportError:  # Windows: two processes on one file are not kept apart
    fcntl = None  # type: ignore[assignment]

MAX_SINGLE_CLAIMS = 1000  # the system looks through all locks for each new one: beyond it, claim everything
_APPENDING = 1 << 60  # offsets of locks, far behind the content of any file
_CLAIMS = _APPENDING + 1
_CLAIM_BYTES = 7
_CHUNK = 1 << 20
_OPEN_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class JournalLine:
    """A line of the journal: where it is, and what a later run asks of it."""

    slot: str
    key: str | None
    status: str
    output_sha256: str | None
    start: int
    size: int


class Journal:
    """The records of a file; `slots` holds those of each input, the newest last.

    A `fresh` one begins anew: what the file holds is gone with the first record.

    Raises:
        OutputError: another process works on the same slots, the file cannot be opened, or a line of it is
            damaged. A last line without its end is cut off with a warning.
    """

    def __init__(
        self, path: Path, slots: Sequence[str], console: Console, *, shared: bool, fresh: bool = False
    ) -> None:
        self.path = path
        self.slots: dict[str, list[JournalLine]] = {}
        self.by_key: dict[str, JournalLine] = {}
        self._claimed = sorted({_claim_of(slot) for slot in slots})
        self._shared = shared and len(self._claimed) <= MAX_SINGLE_CLAIMS
        self._console = console
        self._descriptor: int | None = None
        self._current: dict[str, list[JournalLine]] = {}
        self._order = {slot: number for number, slot in enumerate(slots)}
        self._fresh = fresh
        if path.exists():
            self._open()
            if not fresh:
                self._load()

    def record(self, entry: JournalLine) -> dict[str, Any]:
        """Return the record of a line."""
        assert self._descriptor is not None
        found: dict[str, Any] = json.loads(_read(self._descriptor, entry.start, entry.size))
        return found

    def append(self, slot: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Write all records of an input in one piece, in place of its earlier ones.

        Raises:
            OutputError: they cannot be written; then none of them is.
        """
        if self._descriptor is None:
            self._open()
        descriptor = self._descriptor
        assert descriptor is not None
        lines = [json_line(record).encode() for record in records]
        with self._output_errors(), self._appending():
            start = 0 if self._fresh else _end_of_lines(descriptor)
            self._fresh = False
            os.ftruncate(descriptor, start)  # a torn line of a process that was killed
            try:
                _write(descriptor, start, b"".join(line + b"\n" for line in lines))
                os.fsync(descriptor)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, start)
                raise
        written = []
        for record, line in zip(records, lines, strict=True):
            entry = _entry_of(record, start, len(line))
            written.append(entry)
            self._add(entry)
            start += len(line) + 1
        self._current[slot] = written

    def keep(self, slot: str, entries: Sequence[JournalLine]) -> None:
        """Take the records of an input for those of this run."""
        self._current[slot] = list(entries)

    def finish(self) -> None:
        """Put the records of this run into the order of its inputs, behind those of other inputs.

        Superseded records are dropped. Nothing is done where the file has this form, or another process
        writes into it: then the last one does it.

        Raises:
            OutputError: the file cannot be written; then it stays as it was.
        """
        if self._descriptor is None or not self._current or not self._lock_all():
            return
        with self._output_errors():
            remove_unfinished(self.path)
        present = list(_entries(self.path, self._descriptor))
        wanted = [entry for entry in present if entry.slot not in self._current]
        ordered = sorted(self._current, key=lambda slot: self._order.get(slot, -1))  # skipped files first
        wanted += [entry for slot in ordered for entry in self._current[slot]]
        if [entry.start for entry in present] == [entry.start for entry in wanted]:
            return
        descriptor = self._descriptor
        with self._output_errors():
            atomic_write(self.path, lambda temporary: _copy_lines(descriptor, wanted, temporary))

    def close(self) -> None:
        """Release the claims."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        """Open the file and claim the slots: again, where another process has replaced it meanwhile."""
        with self._output_errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            while True:
                descriptor = os.open(self.path, _OPEN_FLAGS, 0o666)
                self._descriptor = descriptor
                self._claim(descriptor)
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(descriptor), self.path.stat()):
                        return
                os.close(descriptor)

    def _claim(self, descriptor: int) -> None:
        places = [(place, 1) for place in self._claimed] if self._shared else [(_CLAIMS, 0)]
        if not all(_lock(descriptor, place, length) for place, length in places):
            self.close()
            raise OutputError(
                "another bbp is writing these results",
                hint="wait for it, or give it and this one different inputs or outputs",
                file=str(self.path),
                code="busy",
            )

    def _load(self) -> None:
        assert self._descriptor is not None
        with self._appending():  # nobody is in the middle of a line
            end = os.fstat(self._descriptor).st_size
            whole = _end_of_lines(self._descriptor)
            if whole < end:
                self._console.warn(str(self.path), f"the last line is torn: {end - whole} bytes cut off")
                with self._output_errors():
                    os.ftruncate(self._descriptor, whole)
            for entry in _entries(self.path, self._descriptor):
                self._add(entry)

    def _add(self, entry: JournalLine) -> None:
        self.slots.setdefault(entry.slot, []).append(entry)
        if entry.key is not None and entry.status == "ok":
            self.by_key[entry.key] = entry

    @contextlib.contextmanager
    def _appending(self) -> Iterator[None]:
        """Keep other processes from appending meanwhile."""
        assert self._descriptor is not None
        if fcntl is None:
            yield
            return
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, _APPENDING)
        try:
            yield
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _APPENDING)

    def _lock_all(self) -> bool:
        assert self._descriptor is not None
        return _lock(self._descriptor, _APPENDING, 0)

    @contextlib.contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"cannot write: {error.strerror}"
            raise OutputError(message, file=str(self.path)) from error


def slot_of(record: Mapping[str, Any]) -> str:
    """Return the place of a record: the file of its result, or else its id and source."""
    output = record.get("output")
    if isinstance(output, dict):
        return str(output.get("path"))
    source = record.get("source")
    path = source.get("path") if isinstance(source, dict) else None
    return slot_name(str(record.get("id")), str(path))


def slot_name(name: str, path: str) -> str:
    """Return the place of a record without an output file."""
    return name if name == path else f"{path}\0{name}"


def _entry_of(record: Mapping[str, Any], start: int, size: int) -> JournalLine:
    output = record.get("output")
    digest = output.get("sha256") if isinstance(output, dict) else None
    return JournalLine(slot_of(record), record.get("key"), str(record["status"]), digest, start, size)


def _entries(path: Path, descriptor: int) -> Iterator[JournalLine]:
    """Yield what the lines hold.

    Raises:
        OutputError: one is no record.
    """
    start = 0
    for number, line in enumerate(_lines(descriptor), 1):
        try:
            record = json.loads(line)
            if not str(record["schema"]).startswith(SCHEMA.partition("/")[0]):
                raise ValueError("no record of bbp")
            entry = _entry_of(record, start, len(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if number == 1:
                message, hint, code = "exists already, and is not of bbp", "--overwrite replaces it", "exists"
            else:
                message, hint, code = f"line {number} is damaged", "mend it, or delete the line", "damaged"
            raise OutputError(message, hint=hint, file=str(path), code=code) from error
        yield entry
        start += len(line) + 1


def _lines(descriptor: int) -> Iterator[bytes]:
    """Yield the lines of an open file, without their ends."""
    start, rest = 0, b""
    while chunk := _read(descriptor, start, _CHUNK):
        start += len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole


def _read(descriptor: int, start: int, size: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    parts = []
    while size and (chunk := os.read(descriptor, size)):
        parts.append(chunk)
        size -= len(chunk)
    return b"".join(parts)


def _write(descriptor: int, start: int, data: bytes) -> None:
    os.lseek(descriptor, start, os.SEEK_SET)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _end_of_lines(descriptor: int) -> int:
    """Return where the last whole line ends."""
    end = os.fstat(descriptor).st_size
    while end:
        size = min(end, _CHUNK)
        found = _read(descriptor, end - size, size).rfind(b"\n")
        if found >= 0:
            return end - size + found + 1
        end -= size
    return 0


def _copy_lines(descriptor: int, entries: Sequence[JournalLine], target: Path) -> None:
    with target.open("wb") as file:
        for entry in entries:
            file.write(_read(descriptor, entry.start, entry.size) + b"\n")


def _claim_of(slot: str) -> int:
    digest = hashlib.sha256(slot.encode("utf-8", "surrogatepass")).digest()
    return _CLAIMS + int.from_bytes(digest[:_CLAIM_BYTES], "big")


def _lock(descriptor: int, start: int, length: int) -> bool:
    """Lock bytes of a file where nobody else holds one of them; length 0: all from `start` on."""
    if fcntl is None:
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
    except (BlockingIOError, PermissionError):  # either is allowed to say that it is locked
        return False
    return True
