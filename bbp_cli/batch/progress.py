"""How far a run is, on stderr: a display on a terminal, elsewhere a line every few seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bbp_cli.console import Console, may_color, one_line, shorten_start

LINE_EVERY_S = 5.0
MIN_NAME_COLUMNS = 12


@dataclass
class RunProgress:
    """What is shown of a run of several inputs; of a single one the windows are shown.

    `shown` opens the display and `document` is the `ProgressBar` of the scheduler inside of it.
    """

    total: int
    console: Console
    done: int = 0
    failed: int = 0
    tokens: int = 0
    drafts: bool = False  # show the text so far in place of the windows
    _started: float = field(default_factory=lambda: time.monotonic())
    _last_line: float = field(default_factory=lambda: time.monotonic())
    _display: Any = None  # rich.progress.Progress; imported where there is a terminal
    _overall: Any = None
    _current: Any = None
    _draft: Any = None  # rich.live.Live

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the display while the block runs."""
        if self.total == 1 or not self.console.shows_progress:
            yield
            return
        self._display = make_display(self.console)
        self._overall = self._display.add_task("files", total=self.total, facts="")
        self._current = self._display.add_task("", total=None, facts="")
        with self._display:
            yield
        self._display = None

    @contextmanager
    def document(self, name: str, windows: int) -> Iterator[Callable[[], None]]:
        """Show a document and its windows; the block calls the yielded function after each of them."""
        if self.drafts and self.console.shows_progress:
            with make_draft_display(self.console) as self._draft:
                yield lambda: None
            return
        if self._display is None:
            with self.console.progress(name, windows) as step:
                yield step
            return
        shown = shorten_start(one_line(name), name_columns(self._display.console.width))
        self._display.reset(self._current, total=windows, description=shown, facts="windows")
        yield lambda: self._display.advance(self._current)

    def show_draft(self, text: str) -> None:
        """Show, with `drafts`, the text so far of the only document."""
        if self._draft is not None:
            self._draft.update(DraftText(text))

    def count(self, name: str, *, tokens: int = 0, failed: bool = False) -> None:
        """Count an input that is settled."""
        self.done += 1
        self.failed += failed
        self.tokens += tokens
        if self._display is not None:
            self._display.update(self._overall, completed=self.done, facts=self._facts)
            shown = shorten_start(one_line(name), name_columns(self._display.console.width))
            self._display.update(self._current, description=shown)
        elif self.total > 1 and time.monotonic() - self._last_line >= LINE_EVERY_S:
            self._last_line = time.monotonic()
            numbers = {"done": self.done, "failed": self.failed, "total": self.total, "tokens": self.tokens}
            text = f"{self.done}/{self.total} {name} ({self._facts})"
            self.console.note(text, "status", file=name, **numbers)

    @property
    def _facts(self) -> str:
        seconds = max(time.monotonic() - self._started, 1e-3)
        facts = [f"{self.failed} failed"] if self.failed else []
        if self.tokens:
            facts.append(f"{self.tokens / seconds:,.0f} tokens/s")
        left = (self.total - self.done) * seconds / max(1, self.done)
        return ", ".join([*facts, f"{_duration(left)} left"])


def name_columns(columns: int) -> int:
    """Return how many columns a file's name has in a window of so many."""
    return max(MIN_NAME_COLUMNS, columns // 3)


def make_display(console: Console) -> Any:
    """Return the display: the documents in one row, the one that is read in another, cut to the window."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Column

    name = Column(no_wrap=True, overflow="ellipsis", min_width=MIN_NAME_COLUMNS, ratio=2)
    facts = Column(no_wrap=True, overflow="ellipsis", ratio=2)
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=name),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=4)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[facts]}", markup=False, table_column=facts),
        console=_terminal(console),
        transient=True,
        redirect_stdout=False,
        expand=True,
    )


@dataclass(frozen=True)
class DraftText:
    """A text that may change until it is finished: its last lines, as many as the window has room for."""

    text: str

    def __rich_console__(self, terminal: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        shown = Text("\n".join(map(one_line, self.text.splitlines())), style="dim")
        lines = shown.wrap(terminal, options.max_width)
        yield from lines[-max(1, options.size.height - 1) :]


def make_draft_display(console: Console) -> Any:
    """Return a display whose `update` takes a `DraftText`; it is drawn in place, and gone when it ends."""
    from rich.live import Live

    return Live(DraftText(""), console=_terminal(console), transient=True, redirect_stdout=False)


def _terminal(console: Console) -> Any:
    from rich.console import Console as Terminal

    return Terminal(file=sys.stderr, no_color=not may_color(sys.stderr, console.color))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
    )
