"""PDF files for the tests: made with fpdf2, or of raw commands."""

import textwrap
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


HELVETICA = "/F1 <</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"


def raw_pdf(
    pages: Sequence[bytes],
    *,
    media: str = "0 0 595 842",
    page: str = "",
    fonts: str = HELVETICA,
    catalog: str = "",
    objects: Sequence[str] = (),
) -> bytes:
    """A PDF of one stream of commands for each page; `objects` are numbered from 3 + 2 * pages on."""
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    bodies = [f"<</Type/Catalog/Pages 2 0 R{catalog}>>".encode()]
    bodies.append(f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode())
    for number, commands in enumerate(pages):
        head = f"<</Type/Page/Parent 2 0 R/MediaBox[{media}]/Contents {4 + 2 * number} 0 R{page}".encode()
        bodies.append(head + f"/Resources<</Font<<{fonts}>>>>>>".encode())
        bodies.append(b"<</Length %d>>stream\n%b\nendstream" % (len(commands), commands))
    bodies += [one.encode() for one in objects]
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    index = b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(bodies) + 1, index)
    return data + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(bodies) + 1,
        data.index(b"xref\n0"),
    )


def shown(text: str, x: float, y: float, size: float = 11, turn: str = "1 0 0 1") -> bytes:
    """The commands that show a text at a place; `turn` are the first four numbers of its matrix."""
    escaped = text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return f"BT /F1 {size} Tf {turn} {x:.2f} {y:.2f} Tm (".encode() + escaped + b") Tj ET\n"


def wrapped(text: str, x: float, y: float, columns: int = 70, size: float = 11) -> bytes:
    """The commands that show a text in lines, from a place downwards."""
    lines = textwrap.wrap(text, columns)
    return b"".join(shown(line, x, y - 1.27 * size * number, size) for number, line in enumerate(lines))


def cid_font(name: str, encoding: str, collection: str) -> str:
    """A font of a character collection (Japan1, Korea1, GB1, CNS1) that is not in the file, without a map."""
    descriptor = f"<</Type/FontDescriptor/FontName/{name}/Flags 4/FontBBox[0 -200 1000 900]/ItalicAngle 0"
    return (
        f"/F1 <</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/{encoding}/DescendantFonts[<</Type/Font"
        f"/Subtype/CIDFontType0/BaseFont/{name}/CIDSystemInfo<</Registry(Adobe)/Ordering({collection})"
        f"/Supplement 1>>/FontDescriptor{descriptor}/Ascent 800/Descent -200/CapHeight 700/StemV 80>>"
        "/DW 1000>>]>>"
    )
