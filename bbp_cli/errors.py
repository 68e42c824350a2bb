"""The errors that bbp expects and reports, each with its exit code.

BbpError
├── UsageError         2    options or settings that are invalid or contradict each other
├── InputError         3    input unusable: missing, empty, no text, password, corrupt, undecodable
├── ModelError         4    model unavailable: not cached, download failed, files corrupt or unsupported
├── ResourceError      5    out of memory, device missing
├── PartialError       6    some inputs failed, others have results (each failure was reported in its turn)
├── OutputError        7    output failed: disk full, permission, exists
├── GateError          8    `--fail-on`: a result is there and not good enough
└── ClosedOutputError  141  the reader of stdout went away (broken pipe); no message
Interrupted            130  Ctrl-C in a run of several inputs, whose message says how many are done
Terminated             143  SIGTERM; like KeyboardInterrupt (130) not an Exception, so nothing catches it

Any other exception is a bug in bbp: exit code 1.
"""

from collections.abc import Sequence

FAILURES_NAMED = 10  # at the end of a run


class BbpError(Exception):
    """An expected error: shown as one line, `bbp: error: FILE: message (hint)`.

    `code` names the kind of error in JSON records, `exit_code` is that of the process, `file` is the file
    that caused it.
    """

    exit_code = 1
    code = "error"

    def __init__(
        self, message: str, *, hint: str | None = None, file: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file = file
        self.code = code or type(self).code
        self.failed: tuple[str, ...] = ()  # names of inputs, of the error of a whole run


class UsageError(BbpError):
    """Options or settings are invalid, or contradict each other."""

    exit_code = 2
    code = "usage"


class InputError(BbpError):
    """An input cannot be used; `code` says why (`missing`, `empty`, `no_text`, `encrypted`, ...)."""

    exit_code = 3
    code = "input"


class ModelError(BbpError):
    """The model cannot be found, downloaded or loaded."""

    exit_code = 4
    code = "model"


class ResourceError(BbpError):
    """There is too little memory, or the device is missing."""

    exit_code = 5
    code = "resources"


class PartialError(BbpError):
    """Some inputs failed, or all of them with different exit codes."""

    exit_code = 6
    code = "partial"


class OutputError(BbpError):
    """A result cannot be written."""

    exit_code = 7
    code = "output"


class GateError(BbpError):
    """A result does not pass a quality gate of `--fail-on`."""

    exit_code = 8
    code = "gate"


class ClosedOutputError(BbpError):
    """The reader of stdout has closed it."""

    exit_code = 141
    code = "output_closed"


class Interrupted(BaseException):
    """Ctrl-C arrived in a run of several inputs; the message says how many are done."""

    exit_code = 130


class Terminated(BaseException):
    """SIGTERM arrived: unwind the stack, so that temporary files are removed, and exit with 143."""

    exit_code = 143


def run_error(failures: Sequence[BbpError], total: int, names: Sequence[str]) -> BbpError:
    """Return the error of a whole run: that of its only input, or one that counts and names the failures."""
    if total == 1:
        error = failures[0]
    elif len(failures) == total and len({error.exit_code for error in failures}) == 1:
        error = type(failures[0])(failures_text(names, total))
    else:
        error = PartialError(failures_text(names, total))
    error.failed = tuple(names)
    return error


def failures_text(names: Sequence[str], total: int) -> str:
    """Return how many of all inputs failed, and the names of the first of them."""
    count = f"all {total}" if len(names) == total else f"{len(names)} of {total}"
    return f"{count} inputs failed: {some_names(names)}"


def some_names(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - FAILURES_NAMED} more" if len(names) > FAILURES_NAMED else ""
    return ", ".join(names[:FAILURES_NAMED]) + more
