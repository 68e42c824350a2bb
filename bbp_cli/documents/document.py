"""An input → `Document`: its text, where its pages lie in it, and where it came from."""

import hashlib
import os
import re
import shlex
import stat
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from rich.filesize import decimal

from bbp_cli.documents.pdf.page import Aside, Page, PageKind
from bbp_cli.documents.pdf.places import WordBoxes
from bbp_cli.documents.pdf.process import DEFAULT_LIMITS, ReadingLimits
from bbp_cli.documents.pdf.read_pdf import read_pdf
from bbp_cli.errors import InputError

STDIN = "-"
PDF = "application/pdf"
JUNK = 65536  # bytes before a PDF at most: headers of a mail or of a download
_PDF_MARK = re.compile(rb"(?:^|[\r\n\0])%PDF-\d")
_WORD_CHARACTER = re.compile(r"\w")
_WEB_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
CHUNK_BYTES = 1 << 24  # that are read at once
WINDOW_WORDS = 32_768  # that fill any model's window: each takes a token at least
BEGINNING_BYTES = WINDOW_WORDS * 16 * 4  # 16 characters of 4 bytes are the longest token
LINE_BY_LINE = ("text/plain", "text/markdown")  # of these a beginning reads as it does in the whole
MIN_LETTERS = 10  # letters and digits; below it there is nothing to summarize


@dataclass(frozen=True)
class Source:
    """Where a document came from. `encoding` is None for PDF, `sha256` where not all of a file was read."""

    path: str
    sha256: str | None
    media_type: str
    encoding: str | None


@dataclass(frozen=True)
class Document:
    """Text as bbp reads it; every offset anywhere in bbp is a code point of `text`.

    `pages` is empty where the format has none (plain text). `asides` are spans that are not running text:
    notes, captions, tables, the bibliography. `boxes` say where the words of a PDF stand on its pages.
    `is_beginning`: more is in the file, which was not read.
    """

    text: str
    source: Source
    pages: tuple[Page, ...] = ()
    warnings: tuple[str, ...] = ()
    asides: tuple[Aside, ...] = ()
    boxes: WordBoxes | None = None
    is_beginning: bool = False

    @property
    def running_text(self) -> str:
        """Return the text with spaces for its asides (offsets stay), or all of it if little else is there."""
        return self.without_asides()

    def without_asides(self, *, keep_references: bool = False) -> str:
        """Return the running text; `keep_references`: with the bibliography."""
        parts, position = [], 0
        for aside in self.asides:
            if keep_references and aside.kind == "references":
                continue
            parts += [self.text[position : aside.start], " " * (aside.end - aside.start)]
            position = aside.end
        running = "".join([*parts, self.text[position:]])
        return running if 2 * len(running.split()) >= len(self.text.split()) else self.text

    def page_at(self, offset: int) -> int | None:
        """Return the number of the page of an offset; the break between two pages belongs to the first."""
        if not self.pages:
            return None
        return self.pages[bisect_right(self.pages, offset, key=lambda page: page.start) - 1].number

    def pages_between(self, start: int, end: int) -> list[Page]:
        """Return the pages that a span stands on; more than one where it goes on over a page break."""
        return [page for page in self.pages if page.start < end and start < page.end]

    @cached_property
    def _paragraph_starts(self) -> list[int]:
        starts, position, after_blank = [], 0, True
        for line in self.text.splitlines(keepends=True):
            is_blank = not line.strip()
            if after_blank and not is_blank:
                starts.append(position)
            after_blank = is_blank
            position += len(line)
        return starts

    def paragraph_at(self, offset: int) -> int:
        """Return the number of the paragraph, from 1, that an offset lies in; blank lines part paragraphs."""
        return max(1, bisect_right(self._paragraph_starts, offset))

    @property
    def pages_without_text(self) -> list[int]:
        """Numbers of the pages that gave nothing but white space."""
        return [page.number for page in self.pages if not self.text[page.start : page.end].strip()]

    def pages_of_kind(self, kind: PageKind) -> list[int]:
        """Numbers of the pages of a kind."""
        return [page.number for page in self.pages if page.kind == kind]


def read(
    path: str,
    encoding: str | None = None,
    *,
    any_text: bool = False,
    limits: ReadingLimits = DEFAULT_LIMITS,
) -> Document:
    """Read the document at a path; `-` is stdin. See `parse`.

    With `limits.only_beginning`, the rest of a plain text in lines is not read, if it is longer than
    `BEGINNING_BYTES` (or than `limits.input_bytes`, where they are fewer) and these fill a window. Other
    formats, UTF-16, and what is no prose (a log, source code) are read to their end.

    Raises:
        InputError: it is missing, unreadable, or what `parse` refuses; `file` is set.
    """
    try:
        with _opened(path) as file:
            begun = b""
            if limits.only_beginning:
                most = min(BEGINNING_BYTES, limits.input_bytes)
                begun = file.read(most + 1)
                if len(begun) > most and (found := _parse_beginning(begun, path, encoding)) is not None:
                    return found
            data = read_at_most(file, limits.input_bytes, begun)
        return parse(data, path, encoding, any_text=any_text, limits=limits)
    except InputError as error:
        error.file = display_name(path)
        raise


def display_name(path: str) -> str:
    """Return the name of an input in messages and headers, with bytes that are not UTF-8 escaped."""
    if path == STDIN:
        return "stdin"
    try:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a name that does not come from this system
        return path


def parse(
    data: bytes,
    path: str,
    encoding: str | None = None,
    *,
    any_text: bool = False,
    limits: ReadingLimits = DEFAULT_LIMITS,
) -> Document:
    """Turn bytes into a document: a PDF, or what `bbp_cli.documents.formats.convert` recognises.

    A text of fewer than `MIN_LETTERS`, or of numbers alone, is refused, but with `any_text`: a model would
    make something up.

    Raises:
        InputError: empty or nearly so, binary, undecodable, or a PDF that is locked, damaged or without text.
    """
    if not data:
        raise InputError("empty file" if path != STDIN else "no input", code="empty")
    if not is_pdf(data):
        return _parse_other(data, path, encoding, any_text=any_text)
    document = _parse_pdf(data, Source(path, hashlib.sha256(data).hexdigest(), PDF, None), limits)
    if not (any_text and document.text.strip()):
        refuse_nearly_empty(document.text)
    return document


def _parse_other(data: bytes, path: str, encoding: str | None, *, any_text: bool) -> Document:
    """Parse what is no PDF; where its name says something else, that is said."""
    # Here: their patterns would cost `bbp --help` 0.1 s.
    from bbp_cli.documents.formats.convert import convert
    from bbp_cli.documents.misnamed import misnamed_error, misnamed_warning, promised_kind

    kind = promised_kind(data, path)
    try:
        found = convert(data, path, encoding)
        warnings = found.warnings
        if kind is not None:
            guessed = found.encoding if encoding is None else None
            warnings = (misnamed_warning(kind, found.media_type, guessed), *warnings)
        if not (any_text and found.text.strip()):
            refuse_nearly_empty(found.text)
    except InputError as error:
        if kind is None:
            raise
        raise misnamed_error(kind, data, error) from error
    source = Source(path, hashlib.sha256(data).hexdigest(), found.media_type, found.encoding)
    return Document(found.text, source, warnings=warnings)


def is_pdf(data: bytes) -> bool:
    """Return whether the bytes are a PDF: its mark stands first, or begins a line behind some junk."""
    head = data[:JUNK]
    if head[:1024].lstrip().startswith(b"%PDF-"):
        return True
    return _PDF_MARK.search(head) is not None and data.rfind(b"endobj") > 0


def page_ranges(numbers: Sequence[int]) -> str:
    """`1-3, 5` for 1, 2, 3, 5, with `page` or `pages` in front."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    listed = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"page{'s' if len(numbers) > 1 else ''} {listed}"


def _parse_beginning(begun: bytes, path: str, encoding: str | None) -> Document | None:
    """Return the lines that are there of a longer text; None where all of the file must be read."""
    lines = begun[: begun.rfind(b"\n") + 1]
    if not lines or b"\0" in begun or b"%PDF-" in begun[:JUNK]:
        return None
    from bbp_cli.documents.formats.convert import convert  # here: see `parse`

    try:
        found = convert(lines, path, encoding)
    except InputError:  # what it is shows in the whole
        return None
    if found.media_type not in LINE_BY_LINE or found.kind is not None or not _fills_window(found.text):
        return None
    source = Source(path, None, found.media_type, found.encoding)
    return Document(found.text, source, warnings=found.warnings, is_beginning=True)


def _fills_window(text: str) -> bool:
    words = (word for word in text.split() if any(map(str.isalnum, word)))
    return next(islice(words, WINDOW_WORDS - 1, None), None) is not None


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """Open a file or stdin.

    Raises:
        InputError: it is not there, cannot be read, or is a device.
    """
    try:
        if path == STDIN:
            if sys.stdin is None:
                raise InputError("closed: nothing to read", code="missing")
            yield sys.stdin.buffer
        else:
            with Path(path).open("rb") as file:
                _refuse_endless(file.fileno())
                yield file
    except FileNotFoundError as error:
        raise missing_error(path) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot be read: {reason}", code="unreadable") from error


def read_at_most(file: BinaryIO, most_bytes: int, begun: bytes = b"") -> bytes:
    """Return the content of an open file, of which the bytes `begun` have been read.

    Raises:
        InputError: it has more bytes; no more than that are read.
    """
    chunks, left = [begun], most_bytes + 1 - len(begun)
    while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):  # a larger read makes its buffer at once
        chunks.append(chunk)
        left -= len(chunk)
    data = b"".join(chunks)
    if len(data) > most_bytes:
        message = f"has more than {decimal(most_bytes)}"
        raise InputError(message, hint="--max-input MB reads more", code="too_large")
    return data


def missing_error(path: str) -> InputError:
    """Return the error of a file that is not there."""
    hint = None
    if _WEB_ADDRESS.match(path):
        hint = f"bbp downloads no documents: curl -s {shlex.quote(path)} | bbp summarize"
    return InputError("no such file", hint=hint, file=display_name(path), code="missing")


def _refuse_endless(opened: int) -> None:
    """Refuse a device, such as /dev/zero, that may have no end; a terminal and /dev/null have one."""
    status = os.fstat(opened)
    is_device = stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)
    empty = os.stat(os.devnull)  # noqa: PTH116 - its name is a string, and no path is made of it
    if is_device and not os.isatty(opened) and not os.path.samestat(status, empty):
        raise InputError("a device, not a document", code="unreadable")


def refuse_nearly_empty(text: str) -> None:
    """Raise InputError where a text has fewer than `MIN_LETTERS` letters and digits, or no letter."""
    letters, digits = 0, 0
    for match in _WORD_CHARACTER.finditer(text):
        letters += match[0].isalpha()
        digits += match[0].isdigit()
        if letters and letters + digits >= MIN_LETTERS:
            return
    if letters + digits < MIN_LETTERS:
        raise InputError(
            "no text" if not letters + digits else "almost no text: nothing to summarize", code="empty"
        )
    raise InputError("reads like numbers, not prose: there are no words in it", code="no_text")


# What is said of pages that gave no text; {} is where they are.
_UNREAD: dict[PageKind, tuple[str, str | None]] = {
    "blank": ("no text on {}: blank", None),
    "scanned": ("no text on {}", "scanned pages need OCR first, for example with ocrmypdf"),
    "undecodable": (
        "the text of {} cannot be decoded",
        "the fonts do not say which letters they show: OCR reads what is seen, "
        "for example ocrmypdf --force-ocr",
    ),
}


def _parse_pdf(data: bytes, source: Source, limits: ReadingLimits) -> Document:
    found = read_pdf(data, limits)
    document = Document(found.text, source, found.pages, found.warnings, found.asides, found.boxes)
    if not document.pages:
        raise InputError("the PDF has no pages", code="no_text")
    unread = [(numbers, kind) for kind in _UNREAD if (numbers := document.pages_of_kind(kind))]
    if len(document.pages_without_text) == len(document.pages):
        hints = dict.fromkeys(_UNREAD[kind][1] for _, kind in unread)
        raise InputError(
            "; ".join(_said(kind, numbers) for numbers, kind in unread) or "no text",
            hint="; ".join(hint for hint in hints if hint) or None,
            code="no_text",
        )
    warnings = (_said(kind, numbers, with_hint=True) for numbers, kind in unread)
    return replace(document, warnings=(*document.warnings, *warnings))


def _said(kind: PageKind, numbers: Sequence[int], *, with_hint: bool = False) -> str:
    message, hint = _UNREAD[kind]
    return message.format(page_ranges(numbers)) + (f"; {hint}" if with_hint and hint else "")
