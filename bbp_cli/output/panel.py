"""A summary on a terminal: between two lines, with the place of each sentence, and what was read below.

There is nothing at the sides, so that the text can be copied. A pipe, `-q`, `--color never`, NO_COLOR and
TERM=dumb get the text alone.
"""

import os
import sys
from collections.abc import Sequence
from io import StringIO

from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.speech import named, with_speaker
from bigbird_pegasus.text.words import count_words, ends_unspaced

from bbp_cli.console import Console, is_terminal, may_color, one_line, shorten_start
from bbp_cli.documents.document import Document, page_ranges
from bbp_cli.output.citations import cited, place, without_list_marks
from bbp_cli.output.records import ModelRun, model_record
from bbp_cli.tasks.results import CitedSentence, DocumentSummary

MIN_COLUMNS = 40  # of a window that a panel is drawn in; narrower ones get the text alone
MAX_COLUMNS = 100  # longer lines are hard to read


def panel_columns(console: Console) -> int | None:
    """Return how wide a panel on stdout is; None where there is none."""
    columns = terminal_columns()
    if columns is None or console.quiet or not may_color(sys.stdout, console.color):
        return None
    return columns


def terminal_columns() -> int | None:
    """Return how many columns of the terminal on stdout text is wrapped to; None where it is not."""
    if not is_terminal(sys.stdout) or os.environ.get("TERM") == "dumb":
        return None
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return None
    return min(columns, MAX_COLUMNS) if columns >= MIN_COLUMNS else None


def as_panel(
    title: str, document: Document, summary: DocumentSummary, run: ModelRun, seconds: float, columns: int
) -> str:
    """Return a summary as a panel with colours, `columns` wide, without a line break at its end."""
    from rich.box import HORIZONTALS
    from rich.console import Console as Screen
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    parts = []
    shown = named([one.text for one in summary.sentences], [one.speaker for one in summary.sentences])
    for text, sentence in zip(shown, summary.sentences, strict=True):
        space = "" if ends_unspaced(text) else " "
        end = " " if ends_as_sentence(sentence.text) else "\n"
        parts += [(text + space, ""), (f"[{place(sentence, document)}]", "cyan"), (end, "")]
    body = Text.assemble(*parts)
    body.rstrip()
    facts = Text(footer(document, summary, run, seconds), style="dim")
    name = Text(shorten_start(one_line(title), columns - 8), style="bold")
    screen = Screen(
        file=StringIO(), width=columns, force_terminal=True, color_system="standard", legacy_windows=False
    )
    with screen.capture() as drawn:
        screen.print(Panel(Group(body, Text(), facts), HORIZONTALS, title=name, title_align="left"))
    return "\n".join(line.rstrip() for line in drawn.get().splitlines())


def footer(document: Document, summary: DocumentSummary, run: ModelRun, seconds: float) -> str:
    """Return pages, words, seconds, model, and what was not read."""
    coverage = summary.coverage
    pages = len(document.pages)
    total = "" if document.is_beginning else f" of {count_words(document.text):,}"
    facts = [
        *([f"{pages:,} page{'s' if pages > 1 else ''}"] if pages else []),
        f"{count_words(summary.text):,}{total} words",
        f"{seconds:.1f} s",
        f"model {model_record(run.model)['id']}",
        *([f"not read: {page_ranges(coverage.pages_without_text)}"] if coverage.pages_without_text else []),
        *(["only the beginning is read"] if coverage.truncated else []),
    ]
    return " · ".join(facts)


def wrapped_bullets(
    sentences: Sequence[CitedSentence], document: Document, columns: int, *, cite: bool
) -> str:
    """Return the sentences of a summary as a list whose lines have at most `columns`."""
    from rich.console import Console as Screen
    from rich.text import Text

    screen = Screen(file=StringIO(), width=columns)
    lines = []
    for one in without_list_marks(sentences):
        text = cited([one], document) if cite else with_speaker(one.text, one.speaker)
        rows = [str(row).rstrip() for row in Text(text).wrap(screen, columns - 2)]
        lines += [f"{'- ' if number == 0 else '  '}{row}" for number, row in enumerate(rows)]
    return "\n".join(lines)
