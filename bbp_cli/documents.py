"""An input → `Document`: its text, where its pages lie in it, and where it came from. pypdf only here."""

import hashlib
import io
import logging
import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bbp_cli.decoding import decode, without_surrogates
from bbp_cli.errors import InputError

if TYPE_CHECKING:
    from pypdf import PdfReader

STDIN = "-"
PDF = "application/pdf"
PLAIN_TEXT = "text/plain"
LEAST_LETTERS = 10  # letters and digits; below it there is nothing to summarize


@dataclass(frozen=True)
class Page:
    """One page of a PDF: its number from 1, and its span in the document's text (code points)."""

    number: int
    start: int
    end: int


@dataclass(frozen=True)
class Source:
    """Where a document came from. `encoding` is None for PDF."""

    path: str
    sha256: str
    media_type: str
    encoding: str | None


@dataclass(frozen=True)
class Document:
    """Text as bbp reads it; every offset anywhere in bbp is a code point of `text`.

    `pages` is empty where the format has none (plain text).
    """

    text: str
    source: Source
    pages: tuple[Page, ...] = ()
    warnings: tuple[str, ...] = ()

    def page_at(self, offset: int) -> int | None:
        """The number of the page an offset lies on; the break between two pages belongs to the first."""
        if not self.pages:
            return None
        return self.pages[bisect_right(self.pages, offset, key=lambda page: page.start) - 1].number

    @property
    def pages_without_text(self) -> list[int]:
        """Numbers of the pages that gave nothing but white space."""
        return [page.number for page in self.pages if not self.text[page.start : page.end].strip()]


def read(path: str, encoding: str | None = None) -> Document:
    """Read the document at a path; `-` is stdin.

    Raises:
        InputError: it is missing, unreadable, or what `parse` refuses; `file` is set.
    """
    try:
        return parse(_read_stdin() if path == STDIN else _read_file(path), path, encoding)
    except InputError as error:
        error.file = display_name(path)
        raise


def display_name(path: str) -> str:
    """What messages call an input."""
    return "stdin" if path == STDIN else path


def parse(data: bytes, path: str, encoding: str | None = None) -> Document:
    """Bytes → Document. PDF is told by its magic bytes, whatever the name.

    Raises:
        InputError: empty or nearly so, binary, undecodable, or a PDF that is locked, damaged or without text.
    """
    if not data:
        raise InputError("empty file" if path != STDIN else "no input", code="empty")
    digest = hashlib.sha256(data).hexdigest()
    if is_pdf(data):
        return _parse_pdf(data, Source(path, digest, PDF, None))
    decoded = decode(data, encoding)
    _refuse_nearly_empty(decoded.text)
    return Document(
        decoded.text, Source(path, digest, PLAIN_TEXT, decoded.encoding), warnings=decoded.warnings
    )


def is_pdf(data: bytes) -> bool:
    """Whether the bytes are a PDF: its mark stands first, or soon after some junk that no text holds."""
    head = data[:1024]
    return head.lstrip().startswith(b"%PDF-") or (b"%PDF-" in head and b"%%EOF" in data[-2048:])


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


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise InputError("closed: nothing to read", code="missing")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", code="unreadable") from error


def _read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError("no such file", code="missing") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot be read: {reason}", code="unreadable") from error


def _refuse_nearly_empty(text: str) -> None:
    letters = 0
    for character in text:
        letters += character.isalnum()
        if letters == LEAST_LETTERS:
            return
    raise InputError("no text" if not letters else "almost no text: nothing to summarize", code="empty")


def _parse_pdf(data: bytes, source: Source) -> Document:
    if b"%%EOF" not in data[-2048:]:
        raise InputError(
            "the PDF is cut off: its end is missing", hint="download or copy it again", code="corrupt"
        )
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells developers of faults it could mend
    reader, promised = _open_pdf(data)
    texts, warnings = _page_texts(reader)
    if len(texts) < promised:
        warnings.append(f"damaged PDF: only {len(texts)} of {promised} pages could be found")
    pages, position = [], 0
    for number, text in enumerate(texts, start=1):
        pages.append(Page(number, position, position + len(text)))
        position += len(text) + 1  # a line break joins two pages: sentences go on across it
    document = Document("\n".join(texts), source, tuple(pages))
    blank = document.pages_without_text
    if len(blank) == len(pages):
        raise InputError(
            f"no text on {page_ranges(blank)}" if blank else "the PDF has no pages",
            hint="scanned pages need OCR first, for example with ocrmypdf" if blank else None,
            code="no_text",
        )
    _refuse_nearly_empty(document.text)
    if blank:
        warnings.append(f"no text on {page_ranges(blank)}; scanned pages need OCR first")
    return Document(document.text, source, document.pages, tuple(warnings))


def _open_pdf(data: bytes) -> tuple["PdfReader", int]:
    """The reader, and how many pages the file says it has."""
    from pypdf import PasswordType, PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        locked = reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED
        promised = 0 if locked else int(reader.root_object["/Pages"]["/Count"])  # type: ignore[index]
    except Exception as error:
        raise InputError(f"damaged PDF: {error or type(error).__name__}", code="corrupt") from error
    if locked:
        raise InputError(
            "the PDF asks for a password",
            hint="decrypt it first: qpdf --decrypt --password=...",
            code="encrypted",
        )
    return reader, promised


def _page_texts(reader: "PdfReader") -> tuple[list[str], list[str]]:
    """The text of every page, "" where it cannot be read, and a warning for each of those."""
    texts: list[str] = []
    warnings: list[str] = []
    try:
        pages = list(reader.pages)
    except Exception as error:
        raise InputError(f"damaged PDF: {error or type(error).__name__}", code="corrupt") from error
    for number, page in enumerate(pages, start=1):
        try:
            text = page.extract_text()
        except Exception as error:  # noqa: BLE001 - pypdf raises anything on a damaged page; it is reported
            warnings.append(f"page {number} cannot be read: {type(error).__name__}: {error}")
            text = ""
        texts.append(without_surrogates(text).replace("\x00", "\N{REPLACEMENT CHARACTER}"))
    return texts, warnings
