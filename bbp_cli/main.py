"""The outermost edge of the process: every way to end has one exit code and at most one line on stderr.

Nothing heavy is imported before the signal handlers stand: Ctrl-C and SIGTERM are answered at any time.
"""

import errno
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from bbp_cli.console import ColorChoice, one_line, report, say
from bbp_cli.errors import BbpError, ClosedOutputError, OutputError, Terminated, UsageError

INTERRUPTED = 130
YES = ("1", "true", "t", "yes", "y", "on")  # as Typer reads a variable that stands for a flag
_PLAIN = (  # pydantic's words, which Typer passes on, and ours
    (re.compile(r"Input should be greater than or equal to"), "must be at least"),
    (re.compile(r"Input should be less than or equal to"), "must be at most"),
    (re.compile(r"Input should be a valid integer.*"), "must be a whole number"),
    (re.compile(r"Input should be a valid number.*"), "must be a number"),
    (re.compile(r"Input should be a valid boolean.*"), "must be 1 or 0"),
    (re.compile(r"Value error, "), ""),
    (re.compile(r" \(env var: '(\w+)'\)"), r" (or \1)"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `bbp` command and return its exit code; raises nothing."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # --debug is read here alone; commands have the option so that --help shows it and parsing takes it.
    debug = "--debug" in words or os.environ.get("BBP_DEBUG", "").strip().lower() in YES
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a shell lets it be ignored
        signal.signal(signal.SIGINT, _interrupt)
    if not (debug or sys.warnoptions):
        warnings.simplefilter("ignore")  # libraries speak to developers; bbp reports what concerns its user
    try:
        try:
            code = _run(words)
        finally:
            _flush_stdout()
    except BbpError as error:
        code = error.exit_code
        if debug:
            traceback.print_exc()
        if not isinstance(error, ClosedOutputError):
            report(error, _color_choice(words))
    except KeyboardInterrupt:
        say("bbp: interrupted")
        code = INTERRUPTED
    except Terminated:
        say("bbp: terminated")
        code = Terminated.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort of the process, and it says so
        code = 1
        _report_bug(error, debug)
    _let_go_of_stdout()
    return code


def _run(words: list[str]) -> int:
    """Run the Typer app without its own error handling, and translate its usage errors to ours."""
    from bbp_cli.commands.app import command

    try:
        code = command().main(args=words, prog_name="bbp", standalone_mode=False)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or error.filename:
            raise
        raise _cannot_write(error) from error  # help and version: bbp's own writing is looked after elsewhere
    except Exception as error:
        if not hasattr(error, "format_message"):  # how every error of Typer's command line can be told
            raise
        context = getattr(error, "ctx", None)
        name = context.command_path if context is not None else "bbp"
        raise UsageError(_plain(str(error.format_message())), hint=f"see {name} --help") from error
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # Typer answers a broken pipe with exit 1
            raise ClosedOutputError("stdout is closed") from None
        return stop.code if isinstance(stop.code, int) else 1
    if code == INTERRUPTED:  # Typer turns Ctrl-C into this code
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _plain(message: str) -> str:
    for pattern, replacement in _PLAIN:
        message = pattern.sub(replacement, message, count=1)
    return message.removesuffix(".")


def _color_choice(words: Sequence[str]) -> ColorChoice:
    """Return `--color` or BBP_COLOR, read by hand: what is to be reported may be that parsing failed."""
    asked = os.environ.get("BBP_COLOR", "")
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--color":
            asked = following
        elif word.startswith("--color="):
            asked = word.removeprefix("--color=")
    if asked == "always":
        return "always"
    return "never" if asked == "never" else "auto"


def _terminate(_number: int, frame: FrameType | None) -> None:
    if _is_importing(frame):
        _end_at_once("terminated", Terminated.exit_code)
    raise Terminated


def _interrupt(_number: int, frame: FrameType | None) -> None:
    if _is_importing(frame):
        _end_at_once("interrupted", INTERRUPTED)
    raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _end_at_once(how: str, code: int) -> NoReturn:
    """End inside an import: libraries catch what is raised there, and go on or fail in strange ways."""
    say(f"bbp: {how}")
    os._exit(code)


def _report_bug(error: Exception, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    advice = "" if debug else " (run again with --debug and report what it prints)"
    say(f"bbp: error: this is a bug in bbp: {type(error).__name__}: {one_line(str(error))}{advice}")


def _flush_stdout() -> None:
    """Write what help and version left in the buffer, while a failure can still be told."""
    if sys.stdout is None or sys.stdout.closed:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise ClosedOutputError("stdout is closed") from None
    except OSError as error:
        raise _cannot_write(error) from error


def _cannot_write(error: OSError) -> OutputError:
    return OutputError(f"cannot write: {error.strerror}", file="stdout")


def _let_go_of_stdout() -> None:
    """Point stdout at nothing when it cannot be flushed, or Python complains about it while it ends."""
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
