"""What is known of the pages of a PDF, on both sides of the process that reads it."""

from dataclasses import dataclass
from typing import Literal

PageKind = Literal["text", "blank", "scanned", "undecodable"]


@dataclass(frozen=True)
class Page:
    """One page of a PDF: its number from 1, its span in the document's text (code points), and its kind.

    `label` is the page's name in the document, such as iv, where that is not its number.

    A page without text is `blank`, `scanned` (a picture, or a drawing) or `undecodable` (its fonts do not say
    which letters they show); a page whose only text stands on a picture of all the page is `scanned` too.
    """

    number: int
    start: int
    end: int
    kind: PageKind = "text"
    label: str | None = None


@dataclass(frozen=True)
class Aside:
    """A span of the text that is not running text.

    `kind` is `footnote`, `caption`, `table`, `formula`, `turned` (text that is turned against its page, or
    slanted) or `references` (the bibliography).
    """

    start: int
    end: int
    kind: str
