"""The pictures in the manual of a summary beside its sources: a report, a highlighted PDF, a terminal.

    python -m tests.source_pictures

A report of the examples is set in two columns by typst, and bbp does the rest. Needs Chromium.
"""

import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import termios
from fcntl import ioctl
from io import StringIO
from pathlib import Path
from struct import pack
from typing import Literal

import pypdfium2  # type: ignore[import-untyped]  # it has no annotations
import typst
from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".github"
COLUMNS = 84
MAX_BYTES = 150_000
COLOURS = 64  # of a picture of text
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
COMMAND = "bbp summarize river-survey.pdf"
_SECONDS = re.compile(r"\d+\.\d s")


def typeset(folder: Path) -> Path:
    """Write the report as a PDF in two columns, and return its path."""
    title, *paragraphs = (
        (ROOT / "examples" / "river-survey.txt").read_text(encoding="utf-8").strip().split("\n\n")
    )
    parts = [f"= {one}" if len(one) < 60 and not one.endswith(".") else one for one in paragraphs]
    page = (
        '#set page(paper: "a5", columns: 2, margin: 1.4cm)\n#set text(size: 8pt)\n#set par(justify: true)\n'
    )
    head = f'#place(top, scope: "parent", float: true)[#text(size: 12pt)[*{title}*]]\n'
    path = folder / "river-survey.pdf"
    path.write_bytes(typst.compile((page + head + "\n\n".join(parts)).encode(), format="pdf"))
    return path


def bbp(*words: object) -> None:
    """Run `bbp`."""
    subprocess.run([sys.executable, "-m", "bbp_cli", *map(str, words)], check=True)


def save(image: Image.Image, name: str) -> None:
    """Write a picture with few colours."""
    path = FOLDER / name
    image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{name} has {path.stat().st_size} bytes, more than {MAX_BYTES}")


def draw_report(pdf: Path) -> None:
    """Draw the report in both colour schemes, with a sentence chosen."""
    report = pdf.with_suffix(".html")
    bbp("summarize", pdf, "--format", "html", "-o", report)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for scheme in SCHEMES:
            page = browser.new_page(color_scheme=scheme, viewport={"width": 1100, "height": 620})
            page.goto(report.as_uri())
            page.click("#sentence-2")
            page.wait_for_function("document.activeElement.id === 'source-2'")
            page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
            picture = pdf.with_name(f"{scheme}.png")
            page.screenshot(path=picture)
            save(Image.open(picture), f"report-{scheme}.png")
        browser.close()


def draw_highlights(pdf: Path) -> None:
    """Draw the first page of the document that has highlights."""
    marked = pdf.with_name("marked.pdf")
    bbp("summarize", pdf, "--no-cover", "--highlight", marked, "-o", pdf.with_suffix(".txt"))
    document = pypdfium2.PdfDocument(marked)
    save(document[0].render(scale=1.6).to_pil(), "highlighted.png")
    document.close()


def shown_on_terminal(command: str, columns: int) -> str:
    """Run a command in examples/ on a terminal and return what it shows."""
    mine, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, pack("HHHH", 24, columns, 0, 0))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"PATH": path, "BBP_DTYPE": "float32", "TERM": "xterm"}
    with subprocess.Popen(command.split(), cwd=ROOT / "examples", stdout=theirs, env=os.environ | settings):
        os.close(theirs)
        chunks = []
        try:
            while chunk := os.read(mine, 65_536):
                chunks.append(chunk)
        except OSError:  # how Linux tells the end
            pass
    os.close(mine)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def terminal_svg() -> str:
    """Return an SVG of the panel; its seconds are always the same."""
    shown = _SECONDS.sub("0.4 s", shown_on_terminal(COMMAND, COLUMNS))
    terminal = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    terminal.print(Text.assemble(("$ ", "bold green"), (COMMAND, "bold")))
    terminal.print(Text.from_ansi(shown))
    svg = terminal.export_svg(title="bbp", unique_id="bbp-panel")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # showing it needs no network


def main() -> None:
    """Write all pictures."""
    (FOLDER / "panel.svg").write_text(terminal_svg(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        pdf = typeset(Path(folder))
        draw_report(pdf)
        draw_highlights(pdf)


if __name__ == "__main__":
    main()
