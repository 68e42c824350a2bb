"""The picture of a terminal in the README: runs the commands below and draws what they print.

    python -m tests.terminal_picture

Needs `jq` on the PATH, and `bbp` beside this Python.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / ".github" / "terminal.svg"
COLUMNS = 109
COMMANDS = (
    "bbp summarize river-survey.pdf --length 60",
    "bbp summarize river-survey.pdf --length 60 --json | "
    """jq -r '.sentences[] | "p. \\(.sources[0].page): \\(.text[:60])"'""",
    "cat harbour-report.txt | bbp summarize --length 25",
)


def output_of(command: str) -> str:
    """Run a command line in examples/ and return what it prints on stdout, the same on every machine."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT / "examples",
        env=os.environ | {"PATH": path, "BBP_DTYPE": "float32"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def draw(shown: Mapping[str, str]) -> str:
    """Return an SVG of commands and what they printed."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for command, output in shown.items():
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        console.print(Text(output))
    svg = console.export_svg(title="bbp", unique_id="bbp")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # showing it needs no network


def main() -> None:
    """Run the commands and write the picture."""
    PICTURE.write_text(draw({command: output_of(command) for command in COMMANDS}), encoding="utf-8")


if __name__ == "__main__":
    main()
