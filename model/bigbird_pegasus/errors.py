"""The errors this package raises on purpose.

BigBirdPegasusError
├── ConfigError      a configuration value that is unknown or impossible
│   └── ModelKindError  an option is for the other kind of model; `needs` says which
├── CheckpointError  a checkpoint folder that lacks a file, holds a corrupt one, or does not fit the model
│   └── HubError     the Hugging Face Hub does not give a model; `reason` says why
├── TokenizerError   a vocabulary that cannot be used
├── ModelInputError  tensors that a model cannot take; the message has their shapes
└── NotFiniteError   a model computes NaN: its weights are damaged, or too large for their type
"""

import difflib
from collections.abc import Iterable
from enum import Enum, auto
from typing import Literal

MAX_MESSAGE_CHARACTERS = 320


class BigBirdPegasusError(Exception):
    """Base of every error of this package: catch it to catch them all.

    Its message is one line of at most `MAX_MESSAGE_CHARACTERS`: it may quote what a file holds.
    """

    def __init__(self, message: str) -> None:
        super().__init__(shorten(message))


class ConfigError(BigBirdPegasusError, ValueError):
    """A configuration value is unknown or impossible; the message names the key and what is allowed."""


class ModelKindError(ConfigError):
    """An option of `summarize` is for the other kind of model: `needs` is "writes" or "chooses"."""

    def __init__(self, needs: Literal["writes", "chooses"], message: str) -> None:
        super().__init__(message)
        self.needs: Literal["writes", "chooses"] = needs


class CheckpointError(BigBirdPegasusError, OSError):
    """A checkpoint is missing a file, has a corrupt one, or its tensors do not fit the model."""


class TokenizerError(BigBirdPegasusError, ValueError):
    """A vocabulary file is missing, corrupt, or does not fit what was asked of it."""


class ModelInputError(BigBirdPegasusError, ValueError):
    """A model was given tensors that it cannot take: of a wrong shape, or with values that mean nothing."""


class NotFiniteError(BigBirdPegasusError, ArithmeticError):
    """A model computes NaN: its weights are damaged, or too large for their type."""


class HubReason(Enum):
    """Why the Hub did not give a model."""

    OFFLINE = auto()  # not in the cache, and downloads are forbidden
    NO_MODEL = auto()  # no such repository, or one that this token may not see
    NO_REVISION = auto()
    NO_FILE = auto()  # a file is listed and not there
    INCOMPLETE = auto()  # the repository lacks a file that a model needs
    GATED = auto()  # its owner must grant access first
    DENIED = auto()  # no token, or one that may not read it
    REFUSED = auto()  # any other HTTP status that is an error
    NO_CONNECTION = auto()
    NO_HUB = auto()  # something answers that is not a Hub
    WRONG_CONTENT = auto()  # a file has another digest than the Hub lists
    TOO_LARGE = auto()  # a file is listed with more bytes than any of its kind
    NO_ROOM = auto()  # on the disk
    CACHE = auto()  # the cache cannot be written
    SETTINGS = auto()  # a variable of huggingface_hub holds an impossible value


class HubError(CheckpointError):
    """A model cannot be fetched from the Hugging Face Hub."""

    def __init__(self, reason: HubReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def shorten(text: str, most: int = MAX_MESSAGE_CHARACTERS) -> str:
    """Return a text on one line, its middle left out where it has more than `most` characters."""
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= most else f"{line[: most // 2]} … {line[3 - most + most // 2 :]}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ": did you mean …?" with the known name that is closest, or nothing where none is close."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f": did you mean {close[0]}?" if close else ""
