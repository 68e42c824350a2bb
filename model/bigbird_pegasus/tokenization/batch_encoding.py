"""From rows of token ids to a batch: truncation, padding, tensors. Nothing here knows a vocabulary.

Legend: B texts, T tokens of the longest row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bigbird_pegasus.errors import TokenizerError

UNLIMITED_TOKENS = 10**20  # published configurations without a limit say 1e30

_TRUNCATION = {
    True: "longest_first",
    "longest_first": "longest_first",
    "only_first": "only_first",
    "only_second": "only_second",
    False: None,
    "do_not_truncate": None,
}
_PADDING = {
    True: "longest",
    "longest": "longest",
    "max_length": "max_length",
    False: None,
    "do_not_pad": None,
}


class BatchEncoding(dict[str, Any]):
    """What a tokenizer call returns: a dict, so that ``model(**encoding)`` works, with keys as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this encoding has no {name!r}, only {', '.join(self)}") from None

    def to(self, device: Any) -> "BatchEncoding":
        """Move every tensor to the device, in place; lists stay as they are. Returns itself."""
        for name, value in self.items():
            if hasattr(value, "to"):
                self[name] = value.to(device)
        return self


class Row(NamedTuple):
    """Token ids and the span of each in its text; there are no spans unless they were asked for."""

    ids: list[int]
    spans: list[tuple[int, int]]

    def cut(self, length: int) -> "Row":
        """Return the first tokens, with their spans."""
        return Row(self.ids[:length], self.spans[:length])


class Lengths(NamedTuple):
    """What a call asked of the lengths of its rows, defaults filled in; see `lengths_of`."""

    truncation: str | None  # "longest_first", "only_first", "only_second"
    padding: str | None  # "longest", "max_length"
    max_length: int
    multiple: int


def lengths_of(
    padding: bool | str,
    truncation: bool | str | None,
    max_length: int | None,
    pad_to_multiple_of: int | None,
    model_max_length: int,
) -> Lengths:
    """Check what a call says about lengths and fill in the defaults.

    Raises:
        TokenizerError: an unknown strategy, a length below 1, or a `max_length` that is no multiple.
    """
    if truncation is None:
        truncation = max_length is not None and padding is False
    if truncation not in _TRUNCATION:
        allowed = "a bool, 'longest_first', 'only_first' or 'only_second'"
        raise TokenizerError(f"truncation is {truncation!r}; it is {allowed}")
    if padding not in _PADDING:
        raise TokenizerError(f"padding is {padding!r}; it is a bool, 'longest' or 'max_length'")
    lengths = Lengths(
        _TRUNCATION[truncation],
        _PADDING[padding],
        model_max_length if max_length is None else max_length,
        1 if pad_to_multiple_of is None else pad_to_multiple_of,
    )
    if lengths.max_length < 1:
        raise TokenizerError(f"max_length is {max_length}; it must be at least 1")
    if lengths.multiple < 1:
        raise TokenizerError(f"pad_to_multiple_of is {pad_to_multiple_of}; it must be at least 1")
    if lengths.padding == "max_length" and lengths.max_length > UNLIMITED_TOKENS:
        raise TokenizerError(
            "padding='max_length' needs a max_length: this tokenizer has no limit of its own"
        )
    limited = lengths.truncation and lengths.padding and lengths.max_length < UNLIMITED_TOKENS
    if limited and lengths.max_length % lengths.multiple:
        raise TokenizerError(
            f"max_length {lengths.max_length} is no multiple of pad_to_multiple_of {lengths.multiple}"
        )
    return lengths


def truncate(first: Row, second: Row, room: int, strategy: str | None) -> Row:
    """Return one row of at most `room` tokens: the first and then the second, cut at their right ends.

    "longest_first" leaves the shorter row whole if it fits half the room, else both get half of it.

    Raises:
        TokenizerError: the only row that may be cut is not longer than what there is to cut.
    """
    left, right = len(first.ids), len(second.ids)
    excess = left + right - room
    if strategy is not None and excess > 0:
        if strategy == "longest_first":
            half = room // 2
            larger = max(room - min(left, right), room - half)
            left, right = (room - larger, larger) if left <= right else (larger, room - larger)
        elif strategy == "only_first":
            left -= excess
        else:
            right -= excess
        if left < 0 or right < 0:
            raise TokenizerError(
                f"truncation={strategy!r} cannot bring the pair of texts down to {room} tokens"
            )
    kept_first, kept_second = first.cut(left), second.cut(right)
    return Row(kept_first.ids + kept_second.ids, kept_first.spans + kept_second.spans)


def collate(rows: Sequence[Row], lengths: Lengths, pad_token_id: int) -> dict[str, list[Any]]:
    """Return ``input_ids``, ``attention_mask`` and ``offset_mapping`` of the rows, padded on the right."""
    target = 0
    if lengths.padding:
        longest = max((len(row.ids) for row in rows), default=0)
        target = lengths.max_length if lengths.padding == "max_length" else longest
        target = -(-target // lengths.multiple) * lengths.multiple
    missing = [max(0, target - len(row.ids)) for row in rows]
    return {
        "input_ids": [row.ids + [pad_token_id] * count for row, count in zip(rows, missing, strict=True)],
        "attention_mask": [
            [1] * len(row.ids) + [0] * count for row, count in zip(rows, missing, strict=True)
        ],
        "offset_mapping": [row.spans + [(0, 0)] * count for row, count in zip(rows, missing, strict=True)],
    }


def to_tensors(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """Return the columns as int64 tensors (B, T) or, for spans, (B, T, 2).

    Raises:
        TokenizerError: the rows have different lengths.
    """
    import torch  # only here: lists need no torch

    for rows in columns.values():
        if len({len(row) for row in rows}) > 1:
            raise TokenizerError(
                "rows of different lengths make no tensor: add padding=True, or truncation=True"
            )
    return {name: torch.tensor(rows, dtype=torch.long) for name, rows in columns.items()}
