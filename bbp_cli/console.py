"""Messages on stderr, one line each, and the rules for colour."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Literal

from bigbird_pegasus.errors import shorten

from bbp_cli.errors import BbpError

ColorChoice = Literal["auto", "always", "never"]

_STYLES = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "header": "\x1b[1m"}
_RESET = "\x1b[0m"

MAX_MESSAGE = 320  # characters of an error, which may quote a file; with file and hint a line has 500
NAME_COLUMNS = 32  # of a file's name beside a bar
PLAIN_LINES = 20  # of progress in a whole run, at least, where no bar is shown


def is_terminal(stream: IO[str] | None) -> bool:
    """Return whether the stream is a terminal; False where it is closed or missing."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def may_color(stream: IO[str] | None, choice: ColorChoice = "auto") -> bool:
    """Return whether to colour the stream, by `--color`, NO_COLOR, FORCE_COLOR, TERM=dumb, is it a terminal.

    The first that is set decides, for each stream separately (https://no-color.org, https://force-color.org).
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, *, color: bool) -> str:
    """Return the text in a style, or unchanged where `color` is False."""
    return f"{_STYLES[style]}{text}{_RESET}" if color else text


def one_line(text: str) -> str:
    """Return the text on one line, control characters and lone surrogates escaped (names may have them)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shorten_start(text: str, columns: int) -> str:
    """Return the end of a text behind "…" where it has more characters than columns: names differ there."""
    return text if len(text) <= columns else f"…{text[len(text) - max(1, columns - 1) :]}"


def plain_line_is_due(done: int, total: int) -> bool:
    """Return whether a run prints a line of progress now: `PLAIN_LINES` times, or up to twice that."""
    return done % max(1, total // PLAIN_LINES) == 0


def print_line(line: str) -> None:
    """Write one line to stderr, or nothing where stderr is missing or closed."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(line.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def log_event(event: str, **fields: object) -> None:
    """Write an event of `--log-json` to stderr: a JSON object on a line."""
    print_line(json.dumps({"event": event, **fields}))


def print_error(error: BbpError, color: ColorChoice = "auto", *, log_json: bool = False) -> None:
    """Write `bbp: error: FILE: message (hint)` to stderr, or an event."""
    if log_json:
        what = {"code": error.code, "exit": error.exit_code, "message": error.message, "hint": error.hint}
        log_event("error", file=error.file, **what)
        return
    parts = [one_line(part) for part in (error.file, shorten(error.message, MAX_MESSAGE)) if part]
    hint = f" ({one_line(error.hint)})" if error.hint else ""
    label = styled("error:", "error", color=may_color(sys.stderr, color))
    print_line(f"bbp: {label} {': '.join(parts)}{hint}")


@dataclass(frozen=True)
class Console:
    """Messages of a run: all but errors are silenced by `-q`; `-v` adds details.

    With `log_json` each is a JSON object, and there is no display.
    """

    quiet: bool = False
    verbose: bool = False
    color: ColorChoice = "auto"
    log_json: bool = False

    @property
    def shows_progress(self) -> bool:
        """Return whether to show progress: stderr is a terminal that can move its cursor, without `-q`."""
        is_capable = is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        return is_capable and not self.quiet and not self.log_json

    def warn(self, file: str | None, text: str) -> None:
        """Write `bbp: warning: FILE: text`, but not with `-q` (the JSON record still has it)."""
        if self.quiet:
            return
        if self.log_json:
            log_event("warning", file=file, message=text)
            return
        label = styled("warning:", "warning", color=may_color(sys.stderr, self.color))
        print_line(f"bbp: {label} {one_line(f'{file}: {text}' if file else text)}")

    def error(self, error: BbpError) -> None:
        """Write the error of one input of several; the run continues."""
        print_error(error, self.color, log_json=self.log_json)

    def file_done(self, text: str) -> None:
        """Write a line for something finished, where no progress bar is shown."""
        if not self.shows_progress:
            self.note(text, "status", message=text)

    def note(self, text: str, event: str, **fields: object) -> None:
        """Write a line, or the fields of an event, but not with `-q`."""
        if self.quiet:
            return
        if self.log_json:
            log_event(event, **fields)
        else:
            print_line(f"bbp: {one_line(text)}")

    def detail(self, text: str) -> None:
        """Write a line with `-v` only."""
        if self.verbose and self.log_json:
            log_event("detail", message=text)
        elif self.verbose:
            print_line(f"bbp: {one_line(text)}")

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show what is being done while the block runs, on a terminal; nothing of it is left."""
        if not self.shows_progress:
            yield
            return
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        sys.stderr.write(f"{what} …"[: columns - 1])  # a second line would stay
        sys.stderr.flush()
        try:
            yield
        finally:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    @contextmanager
    def progress(self, description: str, total: int) -> Iterator[Callable[[], None]]:
        """Show a progress bar of windows while the block runs, which calls the yielded function after each.

        Other lines appear above the bar. Nothing is shown where stderr is not a terminal.
        """
        name = shorten_start(one_line(description), NAME_COLUMNS)
        with self._bar(name, total, in_bytes=False) as advance:
            yield lambda: advance(1)

    @contextmanager
    def transfer(self, description: str, size: int) -> Iterator[Callable[[int], None]]:
        """Show a bar of `size` bytes; the block calls the yielded function with the bytes of each chunk."""
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
        unit = TextColumn("" if in_bytes else "window" if total == 1 else "windows")
        terminal = Terminal(file=sys.stderr, no_color=not may_color(sys.stderr, self.color))
        bar = Progress(
            name,
            BarColumn(),
            count,
            unit,
            TimeRemainingColumn(),
            console=terminal,
            transient=True,
            redirect_stdout=False,
        )
        with bar:
            task = bar.add_task(one_line(description), total=total)
            yield lambda steps: bar.advance(task, steps)
