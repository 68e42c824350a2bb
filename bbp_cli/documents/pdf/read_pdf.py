"""PDF bytes → text with its pages. The work is done in a process of its own, see `process`."""

from dataclasses import dataclass

from bbp_cli.documents.pdf.page import Aside, Page
from bbp_cli.documents.pdf.places import WordBoxes
from bbp_cli.documents.pdf.process import DEFAULT_LIMITS, ReadingLimits, read_in_process


@dataclass(frozen=True)
class PdfText:
    """The text of a PDF, its pages and asides in it, what could not be read, and where its words stand."""

    text: str
    pages: tuple[Page, ...]
    warnings: tuple[str, ...] = ()
    asides: tuple[Aside, ...] = ()
    boxes: WordBoxes | None = None


def read_pdf(data: bytes, limits: ReadingLimits = DEFAULT_LIMITS) -> PdfText:
    """Read every page.

    Raises:
        InputError: the file is cut off or damaged, asks for a password, or takes too much time or memory.
    """
    found = read_in_process(data, limits)
    return PdfText(
        found["text"],
        tuple(Page(*page) for page in found["pages"]),
        tuple(found["warnings"]),
        tuple(Aside(*aside) for aside in found["asides"]),
        WordBoxes.unpacked(found["boxes"]),
    )
