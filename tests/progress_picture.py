"""The picture of a run's progress in the manual: the display of `bbp_cli.batch.progress`, drawn once.

python -m tests.progress_picture
"""

import re
from io import StringIO
from pathlib import Path

from rich.console import Console as Terminal
from rich.text import Text

from bbp_cli.batch.progress import make_display
from bbp_cli.console import Console

PICTURE = Path(__file__).resolve().parents[1] / ".github" / "progress.svg"
COMMAND = "bbp summarize reports/ --output-dir out --resume"
COLUMNS = 100


def draw() -> str:
    """Return an SVG of the display in the middle of a run."""
    display = make_display(Console(color="always"))
    facts = "2 failed, 1,830 tokens/s, 4 min 10 s left"
    display.add_task("files", total=200, completed=81, facts=facts)
    display.add_task("reports/2024/river-survey.pdf", total=6, completed=2, facts="windows")
    terminal = Terminal(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    terminal.print(Text.assemble(("$ ", "bold green"), (COMMAND, "bold")))
    terminal.print(display.get_renderable())
    svg = terminal.export_svg(title="bbp", unique_id="bbp-progress")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # showing it needs no network


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
