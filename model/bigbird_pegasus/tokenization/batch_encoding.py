"""What a tokenizer call returns: its columns, and where their tokens come from.

Legend: B texts, T tokens of the longest row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.collation import is_batch, to_tensors
from bigbird_pegasus.tokenization.token_positions import CharSpan, RowSource, TokenReader, TokenSpan

ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class EncodedRow:
    """One row of an encoding, by the names that `tokenizers.Encoding` has for what it holds."""

    ids: list[int]
    type_ids: list[int]
    tokens: list[str]
    offsets: list[tuple[int, int]]
    attention_mask: list[int]
    special_tokens_mask: list[int]
    word_ids: list[int | None]
    sequence_ids: list[int | None]
    n_sequences: int

    def __len__(self) -> int:
        return len(self.ids)


class BatchEncoding(dict[str, Any]):
    """What a tokenizer call returns: a dict, so that ``model(**encoding)`` works, with keys as attributes.

    What a call of a tokenizer made also knows where its tokens come from; `batch_index` is the row. Numbers
    and slices in place of a key are rows, see `EncodedRow`.

    Args:
        data: columns by their names.
        encoding: not offered.
        tensor_type: "pt" or "np" makes tensors of them.
        prepend_batch_axis: the columns are of one row.
        n_sequences: accepted: the rows know it.
        rows, reader: what the tokens were made of.
        columns: further ones.

    Raises:
        TokenizerError: `encoding`, or see `convert_to_tensors`.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        encoding: None = None,
        tensor_type: str | None = None,
        prepend_batch_axis: bool = False,
        n_sequences: int | None = None,
        *,
        rows: Sequence[RowSource] = (),
        reader: TokenReader | None = None,
        **columns: Any,
    ) -> None:
        if encoding is not None:
            raise TokenizerError("encoding is not offered: there is no tokenizers.Encoding here")
        super().__init__(data or {}, **columns)
        self.__dict__.update(_rows=rows, _reader=reader)
        self.convert_to_tensors(tensor_type, prepend_batch_axis)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this encoding has no {name!r}, only {', '.join(self)}") from None

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | slice):
            if isinstance(key, int):
                return self._row(key)
            if self.is_fast:
                return [self._row(index) for index in range(len(self.__dict__["_rows"]))[key]]
            return {name: column[key] for name, column in self.items()}
        return super().__getitem__(key)

    @property
    def data(self) -> dict[str, Any]:
        """The columns as a plain dict."""
        return dict(self)

    @property
    def is_fast(self) -> bool:
        """Say whether words, sequences and characters can be asked for, as published."""
        return self.__dict__["_reader"] is not None

    @property
    def encodings(self) -> list[EncodedRow] | None:
        """The rows, one by one; None of an encoding that no call of a tokenizer made."""
        return [self._row(index) for index in range(len(self.__dict__["_rows"]))] if self.is_fast else None

    @property
    def n_sequences(self) -> int:
        """The number of texts of a row: 1, or 2 of pairs."""
        return len(self._source(0)[0].texts)

    def tokens(self, batch_index: int = 0) -> list[str]:
        """Return the pieces of a row."""
        _, reader = self._source(batch_index)
        found: list[str] = reader.convert_ids_to_tokens(self._ids(batch_index))
        return found

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """Return the number of the word, in its text, that each token of a row is of.

        None for special tokens, padding and newlines.
        """
        row, reader = self._source(batch_index)
        return row.words(reader)

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """Return the number of the text that each token of a row is of: 0, or 1 of the second of a pair."""
        return self._source(batch_index)[0].sequences()

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """Return the number of the text that a token of a row is of; None for special tokens and padding."""
        batch, token = _in_batch(batch_or_token_index, token_index)
        return _at(self.sequence_ids(batch), token)

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """Return the number of the word, in its text, that a token of a row is of; see `word_ids`."""
        batch, token = _in_batch(batch_or_token_index, token_index)
        return _at(self.word_ids(batch), token)

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """Return the characters of a token of a row; None for special tokens and padding."""
        batch, token = _in_batch(batch_or_token_index, token_index)
        row, reader = self._source(batch)
        span = _at(row.spans(reader), token)
        return None if span is None else CharSpan(*span)

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """Return the token of a row that holds a character of its text; None where none does."""
        batch, character = _in_batch(batch_or_char_index, char_index)
        row, reader = self._source(batch)
        pairs = zip(row.spans(reader), row.sequences(), strict=True)
        for number, (span, sequence) in enumerate(pairs):
            if sequence == sequence_index and span is not None and span[0] <= character < span[1]:
                return number
        return None

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """Return the word that holds a character of a row's text; None where none does."""
        batch, character = _in_batch(batch_or_char_index, char_index)
        token = self.char_to_token(batch, character, sequence_index)
        return None if token is None else self.word_ids(batch)[token]

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """Return the tokens of a word of a row's text, the first and the one after the last; None of none."""
        batch, word = _in_batch(batch_or_word_index, word_index)
        pairs = list(zip(self.word_ids(batch), self.sequence_ids(batch), strict=True))
        found = [number for number, pair in enumerate(pairs) if pair == (word, sequence_index)]
        return TokenSpan(found[0], found[-1] + 1) if found else None

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """Return the characters of a word of a row's text; None where the row has no such word."""
        batch, word = _in_batch(batch_or_word_index, word_index)
        tokens = self.word_to_tokens(batch, word, sequence_index)
        if tokens is None:
            return None
        spans = [
            span for n in range(*tokens) if (span := self.token_to_chars(batch, n)) and span[0] < span[1]
        ]
        return CharSpan(spans[0].start, spans[-1].end) if spans else None

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> Self:
        """Turn the columns into tensors, in place: "pt" or "np". Returns itself.

        Raises:
            TokenizerError: the kind is unknown, or rows have different lengths.
        """
        if tensor_type is not None:
            columns = {name: [column] if prepend_batch_axis else column for name, column in self.items()}
            self.update(to_tensors(columns, str(getattr(tensor_type, "value", tensor_type))))
        return self

    def to(self, device: Any, *, non_blocking: bool = False) -> Self:
        """Move every tensor to the device, in place; lists stay as they are. Returns itself."""
        for name, value in self.items():
            if hasattr(value, "to"):
                self[name] = value.to(device, non_blocking=non_blocking)
        return self

    def _ids(self, batch_index: int) -> list[int]:
        ids = self["input_ids"]
        ids = ids.tolist() if hasattr(ids, "tolist") else ids
        return list(ids[batch_index] if is_batch(ids) else ids)

    def _row(self, index: int) -> EncodedRow:
        source, reader = self._source(index)
        places, padded = source.places(), (source.left_padding, source.right_padding)
        tokens = len(places) - sum(padded)
        return EncodedRow(
            ids=self._ids(index),
            type_ids=[0] * len(places),
            tokens=self.tokens(index),
            offsets=[(0, 0) if span is None else span for span in source.spans(reader)],
            attention_mask=[0] * padded[0] + [1] * tokens + [0] * padded[1],
            special_tokens_mask=[int(place is None) for place in places],
            word_ids=source.words(reader),
            sequence_ids=source.sequences(),
            n_sequences=len(source.texts),
        )

    def _source(self, batch_index: int) -> tuple[RowSource, TokenReader]:
        rows, reader = self.__dict__["_rows"], self.__dict__["_reader"]
        if reader is None or not isinstance(batch_index, int) or not -len(rows) <= batch_index < len(rows):
            raise TokenizerError(f"this encoding does not know the texts of row {batch_index}")
        return rows[batch_index], reader


def _in_batch(first: int, second: int | None) -> tuple[int, int]:
    """Return row and place of two arguments, of which the first is the place where there is one alone."""
    return (0, first) if second is None else (first, second)


def _at(values: list[ValueT], token: int) -> ValueT:
    """Return what there is of a token of a row.

    Raises:
        TokenizerError: the row does not have so many.
    """
    if not -len(values) <= token < len(values):
        raise TokenizerError(f"there is no token {token}: the row has {len(values)}")
    return values[token]
