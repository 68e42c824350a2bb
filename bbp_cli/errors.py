"""The errors that bbp expects and reports, each with its exit code.

BbpError
├── UsageError         2    options or settings that are invalid or contradict each other
├── InputError         3    input unusable: missing, empty, no text, password, corrupt, undecodable
├── ModelError         4    model unavailable: not cached, download failed, files corrupt or unsupported
├── ResourceError      5    out of memory, device missing
├── PartialError       6    some inputs failed, others have results (each failure was reported in its turn)
├── OutputError        7    output failed: disk full, permission, exists
└── ClosedOutputError  141  the reader of stdout went away (broken pipe); no message
Terminated             143  SIGTERM; like KeyboardInterrupt (130) not an Exception, so nothing catches it

Any other exception is a bug in bbp: exit code 1.
"""

from collections.abc import Sequence


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


class ClosedOutputError(BbpError):
    """The reader of stdout has closed it."""

    exit_code = 141
    code = "output_closed"


class Terminated(BaseException):
    """SIGTERM arrived: unwind the stack, so that temporary files are removed, and exit with 143."""

    exit_code = 143


def run_error(failures: Sequence[BbpError], total: int) -> BbpError:
    """Return the error of a whole run: that of its only input, or one that counts the failures."""
    if total == 1:
        return failures[0]
    if len(failures) == total and len({error.exit_code for error in failures}) == 1:
        return type(failures[0])(f"all {total} inputs failed")
    return PartialError(f"{len(failures)} of {total} inputs failed")
