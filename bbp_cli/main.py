"""Entry point of the process: turn every error and signal into an exit code and at most one line on stderr.

Nothing heavy is imported before the signal handlers are set, so Ctrl-C and SIGTERM work from the start.
"""

import errno
import os
import re
import shlex
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from bigbird_pegasus.errors import BigBirdPegasusError

from bbp_cli.console import ColorChoice, log_event, one_line, print_error, print_line
from bbp_cli.errors import (
    BbpError,
    ClosedOutputError,
    Interrupted,
    ModelError,
    OutputError,
    ResourceError,
    Terminated,
    UsageError,
)
from bbp_cli.files import exists

INTERRUPTED = Interrupted.exit_code
YES = ("1", "true", "t", "yes", "y", "on")  # what Typer takes for true in a variable of a flag
_REWORDED = (  # messages of Typer, and shorter ones
    (re.compile(r"\S+ is not in the range (\S+)<=x<=(\S+?)\.?$"), r"must be from \1 to \2"),
    (re.compile(r"\S+ is not in the range x>=(\S+?)\.?$"), r"must be at least \1"),
    (re.compile(r"\S+ is not in the range x>(\S+?)\.?$"), r"must be more than \1"),
    (re.compile(r"is not a valid int(eger)?( range)?"), "is not a whole number"),
    (re.compile(r"is not a valid float( range)?"), "is not a number"),
    (re.compile(r"\S+ is not a valid boolean.*"), "must be 1 or 0"),
    (re.compile(r"No such command ''\.?"), "the name of the command is empty"),
    (
        re.compile(r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)\.?$", re.DOTALL),
        r"too many arguments: \1",
    ),
    (re.compile(r" \(env var: '(\w+)'\)"), r" (or \1)"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `bbp` command and return its exit code; no exception leaves it."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Read when numpy is imported: the threads of its library would only be started, see `kernels.blas`.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # --debug is read by hand, because it also holds for errors in parsing. The commands declare the option so
    # that --help shows it and the parser accepts it.
    debug = "--debug" in words or os.environ.get("BBP_DEBUG", "").strip().lower() in YES
    log_json = "--log-json" in words
    failed: tuple[str, ...] = ()
    signal.signal(signal.SIGTERM, _terminate)
    # A shell starts background jobs of a script with SIGINT ignored: then it stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    if not (debug or sys.warnoptions):
        warnings.simplefilter("ignore")  # warnings of libraries are for developers; bbp prints its own
    try:
        try:
            code = _run(words)
        finally:
            _flush_stdout()
    except BbpError as error:
        code, failed = error.exit_code, error.failed
        if debug:
            traceback.print_exc()
        if not isinstance(error, ClosedOutputError):
            print_error(error, _color_choice(words), log_json=log_json)
    except KeyboardInterrupt:
        print_line("bbp: interrupted")
        code = INTERRUPTED
    except (Interrupted, Terminated) as stop:
        print_line(f"bbp: {str(stop) or 'terminated'}")
        code = stop.exit_code
    except Exception as error:  # noqa: BLE001 - last resort of the process; reported as a bug
        code = 1
        _report_bug(error, debug)
    _discard_unwritten_stdout()
    if log_json:
        log_event("exit", code=code, failed=failed)
    return code


def _run(words: list[str]) -> int:
    """Run the Typer app without its own error handling, and return the exit code.

    Raises:
        UsageError: the command line is wrong.
        ModelError: the model package raised an error that no command translates: the model loads,
            and cannot do what is asked of it.
        ResourceError: memory ran out where no command expects it.
        ClosedOutputError, OutputError: the help or the version cannot be written.
    """
    from bbp_cli.commands.app import command

    try:
        code = command().main(args=_with_values(words), prog_name="bbp", standalone_mode=False)
    except BigBirdPegasusError as error:
        raise ModelError(str(error), code="model_unusable") from error
    except MemoryError as error:
        raise ResourceError("out of memory", hint="try shorter input", code="memory") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or error.filename:
            raise
        raise _cannot_write(error) from error  # of help and version; `files` and `output` handle results
    except Exception as error:
        # Typer has its own copy of click's exceptions, without a public base class; all have this method.
        if not hasattr(error, "format_message"):
            raise
        context = getattr(error, "ctx", None)
        name = context.command_path if context is not None else "bbp"
        message = _reworded(str(error.format_message()))
        raise UsageError(message, hint=_hint(message, name, words)) from error
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # Typer answers a broken pipe with exit 1
            raise ClosedOutputError("stdout is closed") from None
        return stop.code if isinstance(stop.code, int) else 1
    if code == INTERRUPTED:  # Typer catches KeyboardInterrupt and returns this code
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _hint(message: str, name: str, words: Sequence[str]) -> str:
    if message.startswith("No such command") and name == "bbp" and exists(words[0]):
        return f"to summarize it: bbp summarize {shlex.quote(words[0])}"
    return f"see {name} --help"


def _with_values(words: list[str]) -> list[str]:
    """Write out the value of `--retry-failed [all]`: the parser knows no values that may be absent."""
    written = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == "--retry-failed" and following != "all":
            written += [word, "transient"]
        else:
            written.append(word)
    return written


def _reworded(message: str) -> str:
    for pattern, replacement in _REWORDED:
        message = pattern.sub(replacement, message, count=1)
    return message.removesuffix(".")


def _color_choice(words: Sequence[str]) -> ColorChoice:
    """Return `--color` or BBP_COLOR, read by hand, because the error may be one of parsing."""
    asked = os.environ.get("BBP_COLOR", "")
    for word, following in zip(words, [*words[1:], ""], strict=False):
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
    """Return whether the signal arrived while a module is imported."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _end_at_once(how: str, code: int) -> NoReturn:
    """End the process without unwinding.

    Inside an import raising is not safe: some libraries catch every exception of an optional import and
    continue without it, or with a half imported module.
    """
    print_line(f"bbp: {how}")
    os._exit(code)


def _report_bug(error: Exception, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    advice = "" if debug else " (run again with --debug and report what it prints)"
    print_line(f"bbp: error: this is a bug in bbp: {type(error).__name__}: {one_line(str(error))}{advice}")


def _flush_stdout() -> None:
    """Write what help and version left in the buffer, while a failure can still be reported."""
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


def _discard_unwritten_stdout() -> None:
    """Redirect stdout to /dev/null where it cannot be flushed: Python would fail on it again at exit."""
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
