"""PDF bytes → text with its pages. The work is done in a process of its own, see `pdf_process`."""

from dataclasses import dataclass
from typing import Literal

PageKind = Literal["text", "blank", "scanned", "undecodable"]


@dataclass(frozen=True)
class Page:
    """One page of a PDF: its number from 1, its span in the document's text (code points), and its kind.

    A page without text is `blank`, `scanned` (a picture, or a drawing) or `undecodable` (its fonts do not say
    which letters they show); a page whose only text stands on a picture of all the page is `scanned` too.
    """

    number: int
    start: int
    end: int
    kind: PageKind = "text"


@dataclass(frozen=True)
class Aside:
    """A span of the text that is not running text.

    `kind` is `footnote`, `caption`, `table`, `formula` or `references` (the bibliography).
    """

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class PdfText:
    """The text of a PDF, its pages and asides in it, and what could not be read."""

    text: str
    pages: tuple[Page, ...]
    warnings: tuple[str, ...] = ()
    asides: tuple[Aside, ...] = ()


def read_pdf(data: bytes) -> PdfText:
    """Read every page.

    Raises:
        InputError: the file is cut off or damaged, asks for a password, or takes too much time or memory.
    """
    from bbp_cli.documents.pdf_process import read_in_process

    found = read_in_process(data)
    return PdfText(
        found["text"],
        tuple(Page(*page) for page in found["pages"]),
        tuple(found["warnings"]),
        tuple(Aside(*aside) for aside in found["asides"]),
    )
