"""The errors bbp ends with on purpose, each with its exit code.

BbpError
├── UsageError         2    options or settings that cannot be obeyed
├── InputError         3    input unusable: missing, empty, no text, password, corrupt, undecodable
├── ModelError         4    model unavailable: not cached, download failed, files corrupt or unsupported
├── ResourceError      5    out of memory, device missing
├── PartialError       6    the run ended, some inputs failed (each was reported when it happened)
├── OutputError        7    output failed: disk full, permission, exists
└── ClosedOutputError  141  the reader of stdout went away (broken pipe); says nothing
Terminated             143  SIGTERM; like KeyboardInterrupt (130) no Exception: nothing catches it by chance

Any other exception is a bug in bbp: exit code 1.
"""

from collections.abc import Sequence


class BbpError(Exception):
    """An expected error: shown as one line, `bbp: error: FILE: message (hint)`.

    `code` names the kind in JSON records, `exit_code` is the process's, `file` what it is about.
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
    """Options, settings or their combination cannot be obeyed."""

    exit_code = 2
    code = "usage"


class InputError(BbpError):
    """An input cannot be used; `code` says why (`missing`, `empty`, `no_text`, `encrypted`, ...)."""

    exit_code = 3
    code = "input"


class ModelError(BbpError):
    """The model cannot be had or loaded."""

    exit_code = 4
    code = "model"


class ResourceError(BbpError):
    """Memory or a device is missing."""

    exit_code = 5
    code = "resources"


class PartialError(BbpError):
    """Some inputs of the run failed, and not all of them for one kind of reason."""

    exit_code = 6
    code = "partial"


class OutputError(BbpError):
    """A result cannot be written."""

    exit_code = 7
    code = "output"


class ClosedOutputError(BbpError):
    """Nobody reads stdout any more."""

    exit_code = 141
    code = "output_closed"


class Terminated(BaseException):
    """SIGTERM arrived: unwind, so that temporary files go, and end with 143."""

    exit_code = 143


def verdict(failures: Sequence[BbpError], total: int) -> BbpError:
    """Return the error that a run ends with: of one input its own, of several what they have in common."""
    if total == 1:
        return failures[0]
    if len(failures) == total and len({error.exit_code for error in failures}) == 1:
        return type(failures[0])(f"all {total} inputs failed")
    return PartialError(f"{len(failures)} of {total} inputs failed")
