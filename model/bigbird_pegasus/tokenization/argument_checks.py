"""Checks of what a caller gives a tokenizer beside texts: token ids, and pieces."""

import operator
from collections.abc import Iterable
from typing import Any

from bigbird_pegasus.errors import TokenizerError


def ids_of(given: Any) -> list[int]:
    """Return token ids as a list: those of a list, or of a tensor or array (T,).

    Raises:
        TokenizerError: these are no whole numbers.
    """
    listed = given.tolist() if hasattr(given, "tolist") else given
    if not isinstance(listed, Iterable) or isinstance(listed, str | bytes):
        raise TokenizerError(f"{given!r:.50} is no token id, nor a list or tensor of them")
    try:
        return [operator.index(index) for index in listed]
    except TypeError as error:
        raise TokenizerError(f"token ids are whole numbers, not {given!r:.50}") from error


def pieces_of(given: Any) -> list[str]:
    """Return pieces as a list.

    Raises:
        TokenizerError: it is none, or something in it is no text.
    """
    one = not isinstance(given, Iterable) or getattr(given, "ndim", 1) == 0  # a tensor's number is iterable
    pieces = [given] if one else list(given)
    if not all(isinstance(piece, str) for piece in pieces):
        raise TokenizerError(f"{given!r:.50} is no token, nor a list of them")
    return pieces


def text_of(given: Any) -> str:
    """Return a text as it is.

    Raises:
        TokenizerError: it is none.
    """
    if not isinstance(given, str):
        raise TokenizerError(f"a text is a str, not {given!r:.50}")
    return given
