"""How much of a known text bbp reads out of PDFs in six layouts, beside pdftotext and pypdf.

    python -m tests.benchmarks.pdf_agreement --documents 20 --summaries

Words in the right order: the longest common subsequence of words, as a share of the longer text. Summaries:
whether `bbp summarize` gives the same text from the PDF as from the plain text.
"""

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from difflib import SequenceMatcher
from pathlib import Path

from bbp_cli.documents.pdf.layout import is_unspaced
from bbp_cli.documents.pdf.read_pdf import PdfText, read_pdf
from tests.benchmarks.pdf_typesetting import LAYOUTS, Typeset, documents


def agreement(expected: str, found: str) -> float:
    """The share of words that are found in the right order."""
    a, b = _words(expected), _words(found)
    same = sum(block.size for block in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks())
    return same / max(1, len(a), len(b))


def _words(text: str) -> list[str]:
    """Words; where there are no spaces between them, characters."""
    return "".join(f" {one} " if is_unspaced(one) else one for one in text).split()


def running_text(read: PdfText) -> str:
    """The text of a PDF without its notes, captions and tables."""
    parts, position = [], 0
    for aside in read.asides:
        parts.append(read.text[position : aside.start])
        position = aside.end
    return "".join([*parts, read.text[position:]])


def by_pdftotext(pdf: bytes) -> str:
    """What pdftotext (poppler) reads."""
    return subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()


def by_pypdf(pdf: bytes) -> str:
    """What pypdf reads."""
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def same_summaries(documents: list[Typeset]) -> list[bool]:
    """Whether the summaries of each document are the same from its PDF and from its plain text."""
    with tempfile.TemporaryDirectory() as folder:
        for number, document in enumerate(documents):
            Path(folder, f"{number:04}.pdf").write_bytes(document.pdf)
            Path(folder, f"{number:04}.txt").write_text(document.plain)
        command = [sys.executable, "-m", "bbp_cli", "summarize", "--json", "-q", folder]
        done = subprocess.run(command, capture_output=True, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    found = {Path(record["id"]).name: record["summary"] for record in records}
    return [found[f"{n:04}.pdf"] == found[f"{n:04}.txt"] for n in range(len(documents))]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=20, help="of the corpus, each in six layouts")
    parser.add_argument("--words", type=int, default=1500)
    parser.add_argument("--summaries", action="store_true")
    options = parser.parse_args()
    typeset = list(documents(options.documents, options.words))
    readers = {"bbp": lambda pdf: running_text(read_pdf(pdf)), "pypdf": by_pypdf}
    if shutil.which("pdftotext"):
        readers["pdftotext"] = by_pdftotext
    same = same_summaries(typeset) if options.summaries else []
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    for document in typeset:
        for reader, read in readers.items():
            started = time.perf_counter()
            text = read(document.pdf)
            seconds[reader] += time.perf_counter() - started
            shares[document.layout, reader].append(agreement(document.plain, text))
    print("layout", *readers, "same summary", sep=" | ")
    for layout in LAYOUTS:
        means = [f"{100 * sum(shares[layout, r]) / len(shares[layout, r]):.2f}" for r in readers]
        agreed = [one for one, document in zip(same, typeset, strict=False) if document.layout == layout]
        print(layout, *means, f"{sum(agreed)} of {len(agreed)}", sep=" | ")
    print("seconds", *(f"{seconds[reader]:.1f}" for reader in readers), sep=" | ")


if __name__ == "__main__":
    main()
