"""Write results to stdout: flushed bytes, and text under headers."""

import re
import sys

from bbp_cli.console import Console, may_color, one_line, styled
from bbp_cli.documents.inputs import Inputs
from bbp_cli.errors import ClosedOutputError, OutputError
from bbp_cli.files import write_utf8

_ALL_BUT_TWO_WORDS = re.compile(r".*(?=\s+\S+\s+\S*\Z)", re.DOTALL)


def emit(text: str) -> None:
    """Write text to stdout and flush it.

    Raises:
        ClosedOutputError: the reader has closed it.
        OutputError: it cannot be written, for instance because the disk is full.
    """
    if sys.stdout is None or sys.stdout.closed:
        raise OutputError("closed: there is nowhere to write the result", file="stdout")
    try:
        write_utf8(text, sys.stdout.buffer)
    except BrokenPipeError:
        raise ClosedOutputError("stdout is closed") from None
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file="stdout") from error


class TextPrinter:
    """Print results as text, one after the other; several get headers as those of `head`.

    A result can be printed while it grows, but for its last two words, which may change: "do n", "don't".
    """

    def __init__(self, *, several: bool, color: bool) -> None:
        self._several = several
        self._color = color
        self._printed_any = False
        self._shown: str | None = None  # of the current result; None before its header is printed

    @property
    def has_begun(self) -> bool:
        """Return whether a part of the current result is printed."""
        return self._shown is not None

    def grow(self, path: str, text: str) -> None:
        """Print a result that is not finished, all but its last two words."""
        self._begin(path)
        certain = _ALL_BUT_TWO_WORDS.match(text)
        self._show(certain[0] if certain else "")

    def finish(self, path: str, text: str, *, has_title: bool = False) -> None:
        """Print a finished result, or the rest of it; one that `has_title` needs no header."""
        if has_title:
            self._printed_any, self._shown = True, ""
        self._begin(path)
        self._show(text)
        emit("\n" if not text.endswith("\n") else "")
        self._shown = None

    def _begin(self, path: str) -> None:
        if self._shown is not None:
            return
        if self._several:
            header = styled(f"==> {one_line(path)} <==", "header", color=self._color)
            emit(("\n" if self._printed_any else "") + header + "\n")
        self._printed_any = True
        self._shown = ""

    def _show(self, text: str) -> None:
        shown = self._shown or ""
        if shown.startswith(text):
            return
        # The text changed before its last two words: print all of it again, on a new line.
        emit(text[len(shown) :] if text.startswith(shown) else "\n" + text)
        self._shown = text


def printer_for(inputs: Inputs, console: Console) -> TextPrinter:
    """Return a printer that knows whether results need headers and may be coloured."""
    return TextPrinter(several=len(inputs.items) > 1, color=may_color(sys.stdout, console.color))
