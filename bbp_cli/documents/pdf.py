"""PDF bytes → text with its pages. pypdf only here.

A PDF holds lines, not paragraphs, and lines spoil sentences. So paragraphs are told by short lines, words cut
at a line's end are joined, page numbers and running titles are left out.
"""

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bbp_cli.documents.encodings import join_surrogates
from bbp_cli.errors import InputError

if TYPE_CHECKING:
    from pypdf import PdfReader


SHORT_LINE = 0.8  # of the usual width of a line: a paragraph ends there, or a heading stands alone
MANY_PAGES = 3  # from so many on, a line that most of them begin or end with is a running title
_PAGE_NUMBER = re.compile(r"\W*(page|seite|p\.)?\s*(\d+|[ivxl]{1,7})(\s*(/|of|von)\s*\d+)?\W*", re.IGNORECASE)
_CUT_WORD = re.compile(r"(\w+)[-\u00ad]$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Page:
    """One page of a PDF: its number from 1, and its span in the document's text (code points)."""

    number: int
    start: int
    end: int


@dataclass(frozen=True)
class PdfText:
    """The text of a PDF, its pages in it, and what could not be read."""

    text: str
    pages: tuple[Page, ...]
    warnings: tuple[str, ...]


def read_pdf(data: bytes) -> PdfText:
    """Read every page.

    Raises:
        InputError: the file is cut off or damaged, or asks for a password.
    """
    if b"%%EOF" not in data[-2048:]:
        raise InputError(
            "the PDF is cut off: its end is missing", hint="download or copy it again", code="corrupt"
        )
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells developers of faults it could mend
    reader, promised = _open(data)
    texts, warnings = _page_texts(reader)
    if len(texts) < promised:
        warnings.append(f"damaged PDF: only {len(texts)} of {promised} pages could be found")
    pages = [[line.strip() for line in text.splitlines() if line.strip()] for text in texts]
    text, spans = join_lines(without_running_titles(pages))
    return PdfText(text, spans, tuple(warnings))


def without_running_titles(pages: Sequence[list[str]]) -> list[list[str]]:
    """Pages without the lines at their head and foot that are page numbers or stand on most pages."""
    heads = Counter(_shape(page[0]) for page in pages if page)
    feet = Counter(_shape(page[-1]) for page in pages if page)
    most = max(MANY_PAGES, len(pages) / 2)
    cleaned = []
    for page in pages:
        lines = list(page)
        if len(lines) > 1 and (_PAGE_NUMBER.fullmatch(lines[-1]) or feet[_shape(lines[-1])] >= most):
            lines.pop()
        if len(lines) > 1 and (_PAGE_NUMBER.fullmatch(lines[0]) or heads[_shape(lines[0])] >= most):
            lines.pop(0)
        cleaned.append(lines)
    return cleaned


def join_lines(pages: Sequence[Sequence[str]]) -> tuple[str, tuple[Page, ...]]:
    """One text: lines of a paragraph broken by `\\n`, paragraphs by a blank line, cut words joined."""
    lines = [line for page in pages for line in page]
    joints = iter(_joints(lines))
    parts: list[str] = []
    spans = []
    position = 0
    for number, page in enumerate(pages, start=1):
        start = position
        for _ in page:
            kept, joint = next(joints)
            parts.append(kept + joint)
            position += len(kept) + len(joint)
        end = position - len(parts[-1]) + len(parts[-1].rstrip("\n")) if page else position
        spans.append(Page(number, start, end))
    return "".join(parts), tuple(spans)


def _joints(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is kept of each line, and what joins it to the next one."""
    lengths = sorted(map(len, lines))
    width = lengths[int(0.9 * len(lengths))] if lengths else 0
    hyphenated = {word.lower() for line in lines for word in re.findall(r"\w+-\w+", line)}
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        cut, rest = _CUT_WORD.search(line), _FIRST_WORD.match(following)
        if not following:
            yield line, ""
        elif cut and rest and rest[0][0].islower():
            is_compound = f"{cut[1]}-{rest[0]}".lower() in hyphenated
            yield (line if is_compound else line[:-1]), ""
        elif len(line) < SHORT_LINE * width and not following[0].islower():
            yield line, "\n\n"
        else:
            yield line, "\n"


def _shape(line: str) -> str:
    return re.sub(r"\d+", "#", line)


def _open(data: bytes) -> tuple["PdfReader", int]:
    """The reader, and how many pages the file says it has."""
    from pypdf import PasswordType, PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        locked = reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED
        promised = 0 if locked else int(reader.root_object["/Pages"]["/Count"])  # type: ignore[index]
    except Exception as error:
        raise _damaged(error) from error
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
        raise _damaged(error) from error
    for number, page in enumerate(pages, start=1):
        try:
            text = page.extract_text()
        except Exception as error:  # noqa: BLE001 - pypdf raises anything on a damaged page; it is reported
            warnings.append(f"page {number} cannot be read: {type(error).__name__}: {error}")
            text = ""
        texts.append(join_surrogates(text).replace("\x00", "\N{REPLACEMENT CHARACTER}"))
    return texts, warnings


def _damaged(error: Exception) -> InputError:
    return InputError(f"damaged PDF: {error or type(error).__name__}", code="corrupt")
