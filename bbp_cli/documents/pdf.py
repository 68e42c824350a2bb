"""PDF bytes → text with its pages. The work is done in a process of its own, see `pdf_process`."""

from dataclasses import dataclass

from bbp_cli.documents.pdf_page import Aside, Page


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
