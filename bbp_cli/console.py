"""What bbp says on stderr, and when colour is allowed: one line an event, no markup."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Literal

from bbp_cli.errors import BbpError

ColorChoice = Literal["auto", "always", "never"]

_STYLES = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "header": "\x1b[1m"}
_RESET = "\x1b[0m"


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether a person watches this stream; a closed or missing one is nobody."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def may_color(stream: IO[str] | None, choice: ColorChoice = "auto") -> bool:
    """Whether to style this stream: `--color`, then NO_COLOR, FORCE_COLOR, TERM=dumb, then the terminal.

    Each stream is judged alone (https://no-color.org, https://force-color.org).
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, *, color: bool) -> str:
    """Return the text in a style, or as it is."""
    return f"{_STYLES[style]}{text}{_RESET}" if color else text


def one_line(text: str) -> str:
    """Return the text on one line, control characters and lone surrogates escaped, as in names."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def say(line: str) -> None:
    """Write one line to stderr; where stderr is missing or closed there is nobody to tell."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(line.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def report(error: BbpError, color: ColorChoice = "auto") -> None:
    """`bbp: error: FILE: message (hint)` on stderr."""
    parts = [one_line(part) for part in (error.file, error.message) if part]
    hint = f" ({one_line(error.hint)})" if error.hint else ""
    say(f"bbp: {styled('error:', 'error', color=may_color(sys.stderr, color))} {': '.join(parts)}{hint}")


@dataclass(frozen=True)
class Console:
    """How much bbp says while it works: `-q` only errors, `-v` also what it does."""

    quiet: bool = False
    verbose: bool = False
    color: ColorChoice = "auto"

    @property
    def shows_progress(self) -> bool:
        """A moving bar is for a person: stderr is a terminal that can move its cursor, and not `-q`."""
        return is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb" and not self.quiet

    def warn(self, file: str | None, text: str) -> None:
        """`bbp: warning: FILE: text`; silent with `-q` (the JSON record still carries it)."""
        if self.quiet:
            return
        label = styled("warning:", "warning", color=may_color(sys.stderr, self.color))
        say(f"bbp: {label} {one_line(f'{file}: {text}' if file else text)}")

    def error(self, error: BbpError) -> None:
        """Print the line of an input that failed while others continue."""
        report(error, self.color)

    def file_done(self, text: str) -> None:
        """Print the plain line per file that replaces the progress bar where stderr is no terminal."""
        if not self.quiet and not self.shows_progress:
            say(f"bbp: {one_line(text)}")

    def detail(self, text: str) -> None:
        """Print what only `-v` shows."""
        if self.verbose:
            say(f"bbp: {one_line(text)}")

    @contextmanager
    def progress(self, description: str, total: int) -> Iterator[Callable[[], None]]:
        """Show a bar on stderr while the block runs; call what it yields after each of the `total` steps.

        Lines said meanwhile appear above the bar. Nothing is shown where stderr is no terminal.
        """
        with self._bar(description, total, in_bytes=False) as advance:
            yield lambda: advance(1)

    @contextmanager
    def transfer(self, description: str, size: int) -> Iterator[Callable[[int], None]]:
        """Show a bar for `size` bytes; call what it yields with the number of bytes that arrived."""
        with self._bar(description, size, in_bytes=True) as advance:
            yield advance

    @contextmanager
    def _bar(self, description: str, total: int, *, in_bytes: bool) -> Iterator[Callable[[int], None]]:
        if not self.shows_progress:
            yield lambda _steps: None
            return
        from rich.console import Console as Terminal
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        name = TextColumn("{task.description}", markup=False)
        count = DownloadColumn() if in_bytes else MofNCompleteColumn()
        terminal = Terminal(file=sys.stderr, no_color=not may_color(sys.stderr, self.color))
        bar = Progress(
            name,
            BarColumn(),
            count,
            TimeRemainingColumn(),
            console=terminal,
            transient=True,
            redirect_stdout=False,
        )
        with bar:
            task = bar.add_task(one_line(description), total=total)
            yield lambda steps: bar.advance(task, steps)
