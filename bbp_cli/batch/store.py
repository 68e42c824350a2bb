"""Results on disk that a later run takes up: a journal of records, and in an output folder a file for each.

A result is done where the journal has a record with status `ok` and the document's key, and its file is there
as the record says. The record is written before the file, so that no file is ever without its record.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bbp_cli.batch.journal import Journal, JournalLine, slot_name
from bbp_cli.batch.keys import ResultKeys
from bbp_cli.console import Console
from bbp_cli.documents.document import PDF, STDIN, Document
from bbp_cli.documents.inputs import Input
from bbp_cli.errors import BbpError, InputError, OutputError, ResourceError
from bbp_cli.files import as_utf8, clear_unfinished, write_file
from bbp_cli.output.destination import OutputOptions
from bbp_cli.output.records import json_line, source_fields
from bbp_cli.output.render import text_of_records
from bbp_cli.tasks.gates import Gate

RESTORED = ("json", "text")  # forms that are made from records alone, where a result's file is missing
JOURNAL_NAME = ".bbp.jsonl"  # in an output folder
# What may go well another time, with more time or memory; see `InputError.code`.
TRANSIENT = ("too_slow", "too_large", ResourceError.code)
_REPEATABLE = {error.exit_code: error for error in (InputError, ResourceError)}


@dataclass(frozen=True)
class Kept:
    """The result of an input that an earlier run computed; `summary` is None for other tasks."""

    summary: str | None = None
    failed_gates: tuple[Gate, ...] = ()


class ResultStore:
    """Find results of earlier runs, and add those of this one.

    `keys` is set as soon as the model is known; until then nothing is found.

    Raises:
        OutputError: see `Journal`.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        files: Mapping[Input, Path],
        options: OutputOptions,
        console: Console,
        copies: Mapping[Input, Path] = MappingProxyType({}),
    ) -> None:
        self._files = files
        self._copies = copies  # of PDFs, with their summary highlighted
        self._options = options
        self.keys: ResultKeys | None = None
        self.read_only = False  # for a dry run: what is done is found, and nothing is written
        path = options.file if options.folder is None else options.folder / JOURNAL_NAME
        assert path is not None
        slots = [self._slot(item) for item in inputs]
        in_folder = options.folder is not None
        fresh = options.overwrite and not in_folder
        self._journal = Journal(path, slots, console, shared=in_folder, fresh=fresh)

    def settled(self, item: Input) -> BbpError | None:
        """Return why an input is not read: its result's file is not bbp's, or it failed before as it is."""
        path = self._files.get(item)
        if path is not None and not self._options.overwrite and not self._is_ours(path, self._slot(item)):
            was_ours = self.had_result(item)
            message = "was edited since bbp wrote it, and is kept" if was_ours else "exists already"
            return OutputError(message, hint="--overwrite replaces it", file=str(path), code="exists")
        if self._options.resume and self._options.retry_failed != "all":
            return self._recorded_failure(item)
        return None

    def find(self, item: Input, document: Document) -> Kept | OutputError | None:
        """Return `Kept` where an earlier run has computed the result of a document, and see to its file.

        An OutputError: the result's file is that of another input.
        """
        if self.keys is None or self._options.overwrite:
            return None
        slot = self._slot(item)
        keys = self.keys.of(document)
        own = {entry.key: entry for entry in self._journal.slots.get(slot, ()) if entry.status == "ok"}
        known: Mapping[Any, JournalLine] = own if set(keys) <= own.keys() else self._journal.by_key
        if not set(keys) <= known.keys():
            return self._conflict(item)
        entries = [known[key] for key in keys]
        stored = [self._journal.record(entry) for entry in entries]
        if not self._has_copy(item, document, stored):
            return None
        gates = (gate for record in stored for gate in record.get("failed_gates", ()))
        kept = Kept(stored[0].get("summary"), tuple(dict.fromkeys(gates)))
        records = [_of_input(record, item, document) for record in stored]
        if known is own and self._is_whole(item, records, stored):
            self._journal.keep(slot, entries)
            return kept
        conflict = None if known is own else self._conflict(item)
        if conflict is not None or self._options.form not in RESTORED:
            return conflict
        if self.read_only:
            return kept
        self.write(item, records, self._text(records))
        return kept

    def _is_whole(
        self, item: Input, records: Sequence[Mapping[str, Any]], stored: Sequence[Mapping[str, Any]]
    ) -> bool:
        """Return whether the records are those of this input, and its file is as they say."""
        path = self._files.get(item)
        if path is None:
            return records == stored
        content = _content(path)
        digest = None if content is None else _result_digest(content)
        wanted = [{**record, "output": self._output(item, digest)} for record in records]
        return digest is not None and wanted == stored

    def _has_copy(self, item: Input, document: Document, stored: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether a PDF's highlighted copy is as it was written, where one is wanted."""
        if item not in self._copies or document.source.media_type != PDF:
            return True
        copy = self._copy(item)
        return copy is not None and all(record.get("highlight") == copy for record in stored)

    def _copy(self, item: Input) -> dict[str, object] | None:
        """Return what a record says of the highlighted copy; None where there is none."""
        content = _content(self._copies[item]) if item in self._copies else None
        if content is None:
            return None
        return {"sha256": hashlib.sha256(content).hexdigest(), "cover": self._options.cover}

    def had_result(self, item: Input) -> bool:
        """Return whether an earlier run wrote a result for this place."""
        return any(entry.status == "ok" for entry in self._journal.slots.get(self._slot(item), ()))

    def write(
        self, item: Input, records: Sequence[Mapping[str, Any]], text: str, *, copied: bool = False
    ) -> None:
        """Write the records of an input, then its file; `text` is without its last line break.

        `copied`: its highlighted copy has been written.

        Raises:
            OutputError: they cannot be written.
        """
        if copied and (copy := self._copy(item)) is not None:
            records = [{**record, "highlight": copy} for record in records]
        self._journal.append(self._slot(item), [self._with_output(record, item, text) for record in records])
        path = self._files.get(item)
        if path is not None:
            clear_unfinished(path)
            write_file(path, text + "\n")

    def fail(self, item: Input, record: Mapping[str, Any], error: BbpError) -> None:
        """Write the record of an input that failed, or keep the one that says the same.

        Nothing is written where the place belongs to something else.
        """
        if isinstance(error, OutputError):
            return
        slot = self._slot(item)
        if item in self._files:
            record = {**record, "output": {"path": slot, "input": self._seen_from_folder(item)}}
        earlier = self._journal.slots.get(slot, ())
        if earlier and earlier[-1].status == "error" and self._journal.record(earlier[-1]) == record:
            self._journal.keep(slot, earlier[-1:])
        else:
            self._journal.append(slot, [record])

    def skip(self, record: Mapping[str, Any]) -> None:
        """Write the record of a file that is not read, once."""
        slot = slot_name(record["id"], record["source"]["path"])
        earlier = self._journal.slots.get(slot, ())
        if earlier and self._journal.record(earlier[-1]) == record:
            self._journal.keep(slot, earlier[-1:])
        else:
            self._journal.append(slot, [record])

    def finish(self) -> None:
        """Put the records into the order of the inputs; see `Journal.finish`."""
        self._journal.finish()

    def close(self) -> None:
        """Let other processes write here."""
        self._journal.close()

    def _slot(self, item: Input) -> str:
        """Return the place of a result: its file in the output folder, or what its record is called."""
        path, folder = self._files.get(item), self._options.folder
        if path is None or folder is None:
            return slot_name(item.id, item.path)
        return "/".join(path.parts[len(folder.parts) :])

    def _is_ours(self, path: Path, slot: str) -> bool:
        """Return whether a result file is as bbp wrote it, or not there."""
        content = _content(path)
        if content is None:
            return True
        digest = _result_digest(content)
        return any(entry.output_sha256 == digest for entry in self._journal.slots.get(slot, ()))

    def _conflict(self, item: Input) -> OutputError | None:
        """Return an error where the result's file was made of another input."""
        path = self._files.get(item)
        earlier = self._journal.slots.get(self._slot(item), ())
        if path is None or not earlier or _content(path) is None:
            return None
        owner = self._journal.record(earlier[-1]).get("output", {}).get("input")
        if owner == self._seen_from_folder(item):
            return None
        message = f"holds the result of another input, {owner}"
        return OutputError(message, hint="--overwrite replaces it", file=str(path), code="exists")

    def _recorded_failure(self, item: Input) -> BbpError | None:
        earlier = self._journal.slots.get(self._slot(item), ())
        if not earlier or earlier[-1].status != "error":
            return None
        record = self._journal.record(earlier[-1])
        error, digest = record["error"], record["source"].get("sha256")
        kind = _REPEATABLE.get(error["exit"])
        retried = self._options.retry_failed == "transient" and error["code"] in TRANSIENT
        if kind is None or retried or digest is None or digest != source_digest(item):
            return None
        return kind(error["message"], hint=error["hint"], code=error["code"])

    def _with_output(self, record: Mapping[str, Any], item: Input, text: str) -> dict[str, Any]:
        """Return a record as the journal has it: with its file, that one's digest, what it was made of."""
        if item not in self._files:
            return dict(record)
        return {**record, "output": self._output(item, _result_digest(as_utf8(text + "\n")))}

    def _output(self, item: Input, digest: str | None) -> dict[str, str | None]:
        """Return what a record says of a result's file."""
        place = {"path": self._slot(item), "sha256": digest, "form": self._options.form}
        return {**place, "input": self._seen_from_folder(item)}

    def _seen_from_folder(self, item: Input) -> str:
        """Return where an input lies from the output folder: it stays so where both are moved together."""
        assert self._options.folder is not None
        if item.path == STDIN:
            return STDIN
        try:
            place = os.path.relpath(os.path.realpath(item.path), os.path.realpath(self._options.folder))
        except (OSError, ValueError):  # an impossible name; another drive on Windows
            place = item.path
        return place if item.row is None else f"{place}:{item.row.id}"

    def _text(self, records: Sequence[Mapping[str, Any]]) -> str:
        """Return what the file of a result says."""
        if self._options.json:
            return "\n".join(map(json_line, records))
        return text_of_records(records)


def _result_digest(content: bytes) -> str:
    """Return the SHA-256 of a result's file, of records without their timing."""
    with suppress(ValueError, TypeError, RecursionError):
        records = [json.loads(line) for line in content.splitlines()]
        content = "\n".join(json_line({**record, "timing": None}) for record in records).encode()
    return hashlib.sha256(content).hexdigest()


def source_digest(item: Input) -> str | None:
    """Return the SHA-256 of an input's bytes; None where they cannot be read a second time."""
    try:
        if item.path == STDIN or item.row is not None or not Path(item.path).is_file():
            return None
        with Path(item.path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def _of_input(record: Mapping[str, Any], item: Input, document: Document) -> dict[str, Any]:
    """Return the record that an input with the same key has: another name, perhaps another file."""
    kept = {name: value for name, value in record.items() if name != "output"}
    return {**kept, "id": item.id, "source": {**kept["source"], **source_fields(document)}}


def _content(path: Path) -> bytes | None:
    """Return the bytes of a file, None where there is none."""
    try:
        return path.read_bytes()
    except (OSError, ValueError):  # no file, or an impossible name
        return None
