"""PDF files for the tests, made with fpdf2."""

from collections.abc import Sequence

from fpdf import FPDF
from fpdf.enums import EncryptionMethod


def make_pdf(
    pages: Sequence[str], *, password: str | None = None, method: EncryptionMethod = EncryptionMethod.AES_256
) -> bytes:
    """One page for each text; "" is a page without any. With a password (also "") the file is encrypted."""
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    for text in pages:
        pdf.add_page()
        if text:
            pdf.multi_cell(0, 6, text)
    if password is not None:
        pdf.set_encryption(owner_password="owner", user_password=password, encryption_method=method)
    return bytes(pdf.output())
