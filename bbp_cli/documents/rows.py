"""Files that hold many documents: JSON Lines with a field of text, CSV with a column of text.

A first pass finds where each row begins and what it is called; its text is read when its turn comes, so that
memory does not grow with the file.
"""

import csv
import hashlib
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import IO
from urllib.parse import quote

from bbp_cli.documents.document import STDIN, Document, Source, read_at_most, refuse_nearly_empty
from bbp_cli.documents.json_lines import HEAD_BYTES, check_fields, not_json_lines
from bbp_cli.documents.pdf.process import INPUT_BYTES
from bbp_cli.errors import InputError

DEFAULT_TEXT_FIELDS = ("document", "text")
DEFAULT_ID_FIELD = "id"
MAX_NAME_BYTES = 120  # of a row's file name; longer ids are cut and get a digest
_MAX_CELL = 1 << 30  # characters; the csv module stops at 131,072 by default


@dataclass(frozen=True)
class RowFormat:
    """How a file holds documents: JSON Lines, or CSV where `column` is set.

    `text_field` is the field of the text (None: `document`, or else `text`), `id_field` that of the name.
    """

    text_field: str | None = None
    id_field: str = DEFAULT_ID_FIELD
    column: str | None = None


@dataclass(frozen=True)
class DocumentRow:
    """One document of a file: its id, its line (from 1), and where its bytes lie."""

    id: str
    line: int
    start: int
    size: int
    file: "RowFile"

    @property
    def file_name(self) -> str:
        """Return the id as a name of a file that is possible everywhere."""
        name = quote(self.id, safe=" ()+,=@").replace(".", "%2E", 1 if self.id.startswith(".") else 0)
        if len(name) > MAX_NAME_BYTES:
            name = name[: MAX_NAME_BYTES - 17] + "-" + hashlib.sha256(self.id.encode()).hexdigest()[:16]
        return name

    def read(self) -> Document:
        """Read its text.

        Raises:
            InputError: the text is missing, no string or nearly empty.
        """
        text = self.file.text_of(self)
        refuse_nearly_empty(text)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return Document(text, Source(self.file.path, digest, self.file.media_type, self.file.encoding))


class RowFile:
    """A file of rows, read twice; of stdin and pipes the bytes are kept."""

    def __init__(self, path: str, rows: RowFormat, encoding: str | None) -> None:
        self.path = path
        self.rows = rows
        self.encoding = encoding or "utf-8-sig"
        self.media_type = "application/jsonl" if rows.column is None else "text/csv"
        self._kept = _read_once(path)
        self._header: list[str] = []
        self._dialect: type[csv.Dialect] | None = None

    def scan(self) -> Iterator[tuple[DocumentRow, InputError | None]]:
        """Yield each row, with the reason where it cannot be used.

        Raises:
            InputError: the file holds no rows, lacks the column, or begins with nothing of JSON Lines.
        """
        if self.rows.column is None:
            self._check_head()
        seen: dict[str, int] = {}
        with self._open() as file:
            places = _json_lines(file) if self.rows.column is None else self._csv_rows(file, self.rows.column)
            for line, start, size in places:
                row = DocumentRow(str(line), line, start, size, self)
                try:
                    name = self._id_of(row)
                except InputError as error:
                    yield row, error
                    continue
                problem = None
                if name in seen:
                    message = f"the id {name!r} of line {line} stands in line {seen[name]} too"
                    name, problem = f"{name} (line {line})", InputError(message, code="row")
                seen.setdefault(name, line)
                yield DocumentRow(name, line, start, size, self), problem

    def text_of(self, row: DocumentRow) -> str:
        """Return the text of a row.

        Raises:
            InputError: it has none.
        """
        fields = self._fields(row)
        name = next((name for name in self._text_names if name in fields), self._text_names[0])
        text = fields.get(name)
        if not isinstance(text, str):
            what = "is not a string" if name in fields else "is missing"
            raise InputError(f"`{name}` {what}", hint="--text-field names the field", code="row")
        return text.encode("utf-8", "replace").decode()  # lone surrogates

    @property
    def _text_names(self) -> tuple[str, ...]:
        """Return the names of the field of the text, the first that is there counts."""
        named = self.rows.column or self.rows.text_field
        return DEFAULT_TEXT_FIELDS if named is None else (named,)

    def _check_head(self) -> None:
        """Refuse a file of which no line in its first 64 kB can be used: one error, not one for each line."""
        with self._open() as file:
            places = list(takewhile(lambda place: place[1] < HEAD_BYTES, _json_lines(file)))
            file.seek(0)
            head = file.read(HEAD_BYTES)
        found = []
        for place in places:
            try:
                fields = self._fields(DocumentRow("", *place, self))
            except InputError:
                continue
            if any(name in fields for name in self._text_names):
                return
            found.append(fields)
        if places and not found:
            raise not_json_lines(head, self.path)
        check_fields(found, self._text_names, "--text-field names another one")

    def _id_of(self, row: DocumentRow) -> str:
        value = self._fields(row).get(self.rows.id_field)
        usable = isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip()
        return str(value) if usable else str(row.line)

    def _fields(self, row: DocumentRow) -> dict[str, object]:
        with self._open() as file:
            file.seek(row.start)
            data = file.read(row.size)
        try:
            text = data.decode(self.encoding if row.start == 0 else self.encoding.removesuffix("-sig"))
        except UnicodeDecodeError as error:
            raise InputError(f"line {row.line} is not {error.encoding}", code="undecodable") from None
        if self._dialect is not None:
            cells = next(csv.reader(io.StringIO(text, newline=""), self._dialect), [])
            return dict(zip(self._header, cells, strict=False))
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"line {row.line} is not JSON: {error}", code="row") from None
        if not isinstance(fields, dict):
            raise InputError(f"line {row.line} is not a JSON object", code="row")
        return fields

    def _csv_rows(self, file: IO[bytes], column: str) -> Iterator[tuple[int, int, int]]:
        """Yield (line, start, size) of each row under the header; a quoted cell may have line breaks."""
        csv.field_size_limit(_MAX_CELL)
        first = file.readline()
        try:
            header = first.decode(self.encoding)
        except UnicodeDecodeError:
            encoding = self.encoding.removesuffix("-sig")
            raise InputError(f"the header is not {encoding} text", code="undecodable") from None
        self._dialect = _dialect_of(header)
        self._header = next(csv.reader([header], self._dialect), [])
        if column not in self._header:
            hint = f"its columns: {', '.join(self._header[:10])}"
            if len(self._header) < 2:
                hint = "nothing separates columns in its first line: it may be no CSV"
            raise InputError(f"no column {column!r}", hint=hint, code="row")
        taken: list[int] = []

        def lines() -> Iterator[str]:
            for line in file:
                taken.append(len(line))
                yield line.decode(self.encoding.removesuffix("-sig"), "replace")

        start, number = len(first), 2
        for cells in csv.reader(lines(), self._dialect):
            size = sum(taken)
            if cells:
                yield number, start, size
            start, number = start + size, number + len(taken)
            taken.clear()

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        try:
            with io.BytesIO(self._kept) if self._kept is not None else Path(self.path).open("rb") as file:
                yield file
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", code="unreadable") from error


def _json_lines(file: IO[bytes]) -> Iterator[tuple[int, int, int]]:
    """Yield (line, start, size) of the lines that are not blank."""
    start = 0
    for number, line in enumerate(file, 1):
        if line.strip():
            yield number, start, len(line)
        start += len(line)


def read_rows(
    path: str, rows: RowFormat, encoding: str | None = None
) -> Iterator[tuple[DocumentRow, InputError | None]]:
    """Yield each row of a file, with the reason where it cannot be used.

    Raises:
        InputError: the file cannot be read, holds no rows, or lacks the column.
    """
    is_empty = True
    for found in RowFile(path, rows, encoding).scan():
        is_empty = False
        yield found
    if is_empty:
        raise InputError("holds no rows", code="empty")


def _read_once(path: str) -> bytes | None:
    """Return the bytes of what cannot be read twice: stdin, a pipe; None of a regular file."""
    try:
        if path == STDIN:
            if sys.stdin is None:
                raise InputError("closed: nothing to read", code="missing")
            return read_at_most(sys.stdin.buffer, INPUT_BYTES)
        if Path(path).is_file():
            return None
        with Path(path).open("rb") as pipe:
            return read_at_most(pipe, INPUT_BYTES)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot be read: {reason}", code="unreadable") from error


def _dialect_of(header: str) -> type[csv.Dialect]:
    """Return how cells are separated: by what is most frequent in the header of comma, semicolon and tab."""

    class Found(csv.excel):
        delimiter = max(",;\t", key=header.count)

    return Found
