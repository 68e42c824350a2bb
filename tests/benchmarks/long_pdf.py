"""How long a PDF of 200 pages takes, from the start of the process to each form of its summary.

    python -m tests.benchmarks.long_pdf [--pages 200] [--rounds 3]

Documents of the validation corpus are typeset in one PDF by typst. Each command is a process of its own; they
take turns, and each time is given as a multiple of `python -c pass` too.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pypdfium2  # type: ignore[import-untyped]  # it has no annotations
import typst
from bigbird_pegasus.kernels.threads import usable_processors

from tests.benchmarks.machine import description
from tests.benchmarks.pdf_typesetting import corpus_paragraphs

BBP = [sys.executable, "-m", "bbp_cli", "summarize", "-q"]
HEAD = (
    '#set page(paper: "a4", numbering: "1")\n#set par(justify: true)\n'
    "#set text(size: 11pt, hyphenate: true)\n"
)
WORDS_PER_PAGE = 650  # more than there are: the PDF is cut to its pages


_SPECIAL = re.compile(r"([\\#$*_`<>@\[\]~=+/-]|(?<=\.)\.)")  # of typst


def escaped(text: str) -> str:
    """Return text that typst prints as it is."""
    return _SPECIAL.sub(r"\\\1", text)


def typeset(pages: int) -> bytes:
    """Return a PDF of so many pages."""
    body = "\n\n".join(_paragraphs(pages * WORDS_PER_PAGE))
    document = pypdfium2.PdfDocument(typst.compile((HEAD + body).encode(), format="pdf"))
    if len(document) < pages:
        raise SystemExit(f"the corpus fills {len(document)} pages only")
    for number in reversed(range(pages, len(document))):
        del document[number]
    with tempfile.TemporaryFile() as file:
        document.save(file)
        file.seek(0)
        return file.read()


def _paragraphs(words: int) -> Iterator[str]:
    for title, paragraphs in corpus_paragraphs(419, 3000):
        yield f"= {escaped(title)}"
        for paragraph in paragraphs:
            yield escaped(paragraph)
            words -= len(paragraph.split())
        if words <= 0:
            return


def seconds_of(command: list[str]) -> float:
    """Run a command and return how long it took."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pages", type=int, default=200)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pdf, out = Path(folder, "long.pdf"), Path(folder, "out")
        pdf.write_bytes(typeset(given.pages))
        to = ["--overwrite", "-o", str(out)]
        commands = {
            "`python -c pass`": [sys.executable, "-c", "pass"],
            "text": [*BBP, str(pdf), *to],
            "text of a tenth of the words": [*BBP, str(pdf), "--length", "10%", *to],
            "report": [*BBP, str(pdf), "--format", "html", *to],
            "highlights": [*BBP, str(pdf), "--highlight", str(Path(folder, "marked.pdf")), *to],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(given.rounds):
            for name, command in commands.items():
                taken[name].append(seconds_of(command))
        record = json.loads(subprocess.check_output([*BBP, "--json", str(pdf)]))
    bare = median(taken["`python -c pass`"])
    print(f"{given.pages} pages, {record['source']['tokens']:,} tokens; {description(usable_processors())}")
    print("| | median s | times `python -c pass` |\n| --- | --- | --- |")
    for name, seconds in taken.items():
        print(f"| {name} | {median(seconds):.2f} | {median(seconds) / bare:.0f} |")


if __name__ == "__main__":
    main()
