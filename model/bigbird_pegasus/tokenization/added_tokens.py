"""Tokens that a caller adds to a vocabulary, with ids from its end on, found in texts before SentencePiece.

As published: an added token is found wherever a text spells it, inside a word too; the longest wins. What
stands between two of them is encoded as a text of its own, so that its first word begins as a word does, and
the space before an added token is a piece.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bigbird_pegasus.errors import TokenizerError

MAX_ADDED_TOKENS = 10_000
MAX_TOKEN_CHARACTERS = 200
_FLAGS = ("lstrip", "rstrip", "single_word")


@dataclass(frozen=True, eq=False)
class AddedToken:
    """A token to add: its text, and how it is found in texts, by the published names.

    It equals its text. `lstrip`, `rstrip` and `single_word` can be said, and are refused where it is added.
    """

    content: str = ""
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False
    special: bool = False

    def __str__(self) -> str:
        return self.content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str | AddedToken) and self.content == str(other)

    def __hash__(self) -> int:
        return hash(self.content)


class Part(NamedTuple):
    """A part of a text: where it begins, what it is, and the id it has as an added token, or None."""

    start: int
    text: str
    token_id: int | None


class AddedTokens:
    """The tokens that were added to a vocabulary, with their ids; pieces of its own keep theirs."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}  # in the order in which they were added
        self.special: set[str] = set()
        self._tokens: dict[int, str] = {}
        self._lengths: dict[str, list[int]] = {}  # of the tokens that begin with a character, longest first
        self._first: re.Pattern[str] | None = None  # the characters that tokens begin with

    def add(self, token: str, index: int, *, special: bool) -> None:
        """Give a token an id.

        Raises:
            TokenizerError: there are too many.
        """
        if len(self.ids) >= MAX_ADDED_TOKENS:
            raise TokenizerError(f"more than {MAX_ADDED_TOKENS} tokens are added to the vocabulary")
        self.ids[token] = index
        self._tokens[index] = token
        if special:
            self.special.add(token)
        lengths = {len(token), *self._lengths.get(token[0], ())}
        self._lengths[token[0]] = sorted(lengths, reverse=True)
        self._first = None

    def token(self, index: int) -> str | None:
        """Return the token of an id, or None of an id that was not added."""
        return self._tokens.get(index)

    def parts(self, text: str) -> Iterator[Part]:
        """Cut a text at its added tokens."""
        start = 0
        for place, token in self._found(text):
            if place > start:
                yield Part(start, text[start:place], None)
            yield Part(place, token, self.ids[token])
            start = place + len(token)
        if start < len(text) or not text:
            yield Part(start, text[start:], None)

    def _found(self, text: str) -> Iterator[tuple[int, str]]:
        if self._first is None:
            self._first = re.compile("[" + "".join(map(re.escape, self._lengths)) + "]")
        place = 0
        while match := self._first.search(text, place):
            place = match.start()
            candidates = (text[place : place + length] for length in self._lengths[match.group()])
            token = next((one for one in candidates if one in self.ids), None)
            if token is None:
                place += 1
                continue
            yield place, token
            place += len(token)


def listed(tokens: Any, special: bool = False) -> list[AddedToken]:
    """Return one token to add or several as such: each a str, or an object of transformers.

    Those that do not say it of themselves are `special` or not.

    Raises:
        TokenizerError: one is neither, is empty or very long, or asks for what is not offered.
    """
    one = isinstance(tokens, str) or not isinstance(tokens, Iterable)
    return [
        AddedToken(_token_text(token), special=special or getattr(token, "special", False) is True)
        for token in ([tokens] if one else tokens)
    ]


def read_added_tokens(decoder: Any) -> list[tuple[int, str, bool]]:
    """Return id, token and whether it is special, of the `added_tokens_decoder` of a configuration.

    Raises:
        TokenizerError: it is something else.
    """
    if not isinstance(decoder, Mapping):
        raise TokenizerError("added_tokens_decoder of the tokenizer maps ids to tokens")
    found = []
    for index, token in decoder.items():
        if not str(index).isdecimal() or len(str(index)) > 9:
            raise TokenizerError(f"added_tokens_decoder of the tokenizer: {index!r:.50} is no id")
        text = token.get("content") if isinstance(token, Mapping) else token
        flag = token.get("special") if isinstance(token, Mapping) else getattr(token, "special", False)
        found.append((int(index), _token_text(text), flag is True))
    return sorted(found)


def written_added_tokens(added: AddedTokens) -> dict[str, dict[str, Any]]:
    """Return the `added_tokens_decoder` that a configuration holds, as published."""
    flags = dict.fromkeys(_FLAGS, False)
    return {
        str(index): {"content": token, **flags, "normalized": False, "special": token in added.special}
        for token, index in sorted(added.ids.items(), key=lambda item: item[1])
    }


def _token_text(token: Any) -> str:
    text = token if isinstance(token, str) else getattr(token, "content", None)
    if not isinstance(text, str) or not 0 < len(text) <= MAX_TOKEN_CHARACTERS:
        raise TokenizerError(
            f"a token to add is a text of 1 to {MAX_TOKEN_CHARACTERS} characters, not {token!r:.100}"
        )
    asked = [name for name in _FLAGS if getattr(token, name, False) is True]
    if asked:
        raise TokenizerError(f"{text!r} is to be added with {asked[0]}=True, which is not offered")
    return text
