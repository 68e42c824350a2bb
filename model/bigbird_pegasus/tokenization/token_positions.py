"""Where the tokens of an encoded row come from: of which text, which word of it, which characters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from bigbird_pegasus.errors import TokenizerError

TextOrWords = str | tuple[str, ...]
"""A text, or its words where the caller has split it."""


class CharSpan(NamedTuple):
    """Code points `start` to `end`, half-open, of a text."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Tokens `start` to `end`, half-open, of a row."""

    start: int
    end: int


class TokenReader(Protocol):
    """What a tokenizer says of the tokens of a whole text."""

    def token_words(self, text: TextOrWords) -> list[int | None]:
        """Return the number of the word that each token is of; None for a newline."""

    def token_spans(self, text: TextOrWords) -> list[tuple[int, int]]:
        """Return the span of each token in its text, or in its word where the text is split."""

    def convert_ids_to_tokens(self, ids: Any) -> Any:
        """Return the pieces of ids."""


@dataclass(frozen=True)
class RowSource:
    """The texts of a row, which of their tokens it holds, and how many special tokens and padding follow."""

    texts: tuple[TextOrWords, ...]
    kept: tuple[range, ...]
    ends: int
    left_padding: int = 0
    right_padding: int = 0

    def places(self) -> list[tuple[int, int] | None]:
        """Return (text, token of it) for each token of the row; None for special tokens and padding."""
        found: list[tuple[int, int] | None] = [None] * self.left_padding
        for number, kept in enumerate(self.kept):
            found += [(number, position) for position in kept]
        return found + [None] * (self.ends + self.right_padding)

    def sequences(self) -> list[int | None]:
        """Return the number of the text of each token."""
        return [None if place is None else place[0] for place in self.places()]

    def words(self, reader: TokenReader) -> list[int | None]:
        """Return the number of the word, in its text, of each token."""
        of_texts = [reader.token_words(text) for text in self.texts]
        return [None if place is None else of_texts[place[0]][place[1]] for place in self.places()]

    def spans(self, reader: TokenReader) -> list[tuple[int, int] | None]:
        """Return the span, in its text, of each token."""
        of_texts = [reader.token_spans(text) for text in self.texts]
        return [None if place is None else of_texts[place[0]][place[1]] for place in self.places()]


def kept_ranges(
    left: int,
    right: int,
    room: int,
    strategy: str | None,
    stride: int,
    *,
    overflowing: bool,
    from_left: bool = False,
) -> list[tuple[range, range]]:
    """Return which tokens of two texts, of `left` and `right` tokens, each row of at most `room` holds.

    There is one row, cut at the right ends, or at the left ones with `from_left`; with `overflowing` as many
    as hold all tokens, what is kept first, and neighbours share `stride` of them. "longest_first" leaves the
    shorter text whole if it fits half the room, else both get half of it.

    Raises:
        TokenizerError: the only text that may be cut is not longer than what there is to cut, or the rows
            have no room beside what they share.
    """
    if strategy is None or left + right <= room:
        return [(range(left), range(right))]
    first, second = _cut(left, right, room, strategy)
    if not overflowing:
        if from_left:
            return [(range(left - first, left), range(right - second, right))]
        return [(range(first), range(second))]
    if right and strategy == "longest_first":
        raise TokenizerError("overflowing tokens of pairs need truncation 'only_first' or 'only_second'")
    if strategy == "only_second":
        return [(range(left), part) for part in _windows(right, second, stride, from_left)]
    return [(part, range(right)) for part in _windows(left, first, stride, from_left)]


def _cut(left: int, right: int, room: int, strategy: str) -> tuple[int, int]:
    excess = left + right - room
    if strategy == "longest_first":
        half = room // 2
        larger = max(room - min(left, right), room - half)
        return (room - larger, larger) if left <= right else (larger, room - larger)
    first, second = (left - excess, right) if strategy == "only_first" else (left, right - excess)
    if first < 0 or second < 0:
        raise TokenizerError(f"truncation={strategy!r} cannot bring the pair of texts down to {room} tokens")
    return first, second


def _windows(tokens: int, size: int, stride: int, from_left: bool) -> Sequence[range]:
    if stride >= size:
        raise TokenizerError(f"stride is {stride}: rows have room for {size} tokens")
    found = [range(start, min(start + size, tokens)) for start in range(0, tokens, size - stride)]
    complete = next(number for number, part in enumerate(found) if part.stop == tokens)
    found = found[: complete + 1]
    return [range(tokens - part.stop, tokens - part.start) for part in found] if from_left else found
