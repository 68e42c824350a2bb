"""Set a plain-text report as a PDF of several pages: `python make_pdf.py river-survey.txt river-survey.pdf`.

The PDF in this folder was made so. It needs fpdf2, which the test extra installs. The first line of the text
is the title; a paragraph of a single short line is a heading.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF

HEADING = 60  # characters
DATE = datetime(2026, 11, 22, tzinfo=UTC)  # fixed: the same text gives the same file


class Report(FPDF):
    """A4 pages with the page number at the foot."""

    def footer(self) -> None:
        """Print the page number."""
        self.set_y(-15)
        self.set_font("times", size=9)
        self.cell(0, 10, f"Page {self.page_no()}", align="C")


def make_pdf(text: str) -> bytes:
    """Set title, headings and paragraphs."""
    title, *paragraphs = (part.strip() for part in text.strip().split("\n\n"))
    pdf = Report()
    pdf.set_creation_date(DATE)
    pdf.set_title(title)
    pdf.set_margins(30, 25)
    pdf.add_page()
    pdf.set_font("times", "B", 16)
    pdf.multi_cell(0, 8, title, align="L", new_x="LMARGIN", new_y="NEXT")
    for paragraph in paragraphs:
        heading = len(paragraph) <= HEADING and not paragraph.endswith(".")
        pdf.ln(4)
        pdf.set_font("times", "B" if heading else "", 12)
        pdf.multi_cell(0, 6, paragraph, align="L", new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_bytes(make_pdf(source.read_text(encoding="utf-8")))
