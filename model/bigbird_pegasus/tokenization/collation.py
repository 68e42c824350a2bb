"""From rows of token ids to a batch: truncation, padding, tensors. Nothing here knows a vocabulary.

Legend: B texts, T tokens of the longest row.
"""

from collections.abc import Mapping, Sequence
from numbers import Integral
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


def is_batch(column: Any) -> bool:
    """Return whether a column holds rows, not the values of a single one."""
    return bool(len(column)) and hasattr(column[0], "__len__")


class Row(NamedTuple):
    """Token ids and the span of each in its text; there are no spans unless they were asked for."""

    ids: list[int]
    spans: list[tuple[int, int]]


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
    if not isinstance(truncation, bool | str) or truncation not in _TRUNCATION:
        allowed = "a bool, 'longest_first', 'only_first' or 'only_second'"
        raise TokenizerError(f"truncation is {truncation!r}; it is {allowed}")
    if not isinstance(padding, bool | str) or padding not in _PADDING:
        raise TokenizerError(f"padding is {padding!r}; it is a bool, 'longest' or 'max_length'")
    for name, number in (("max_length", max_length), ("pad_to_multiple_of", pad_to_multiple_of)):
        if number is not None and not isinstance(number, Integral):
            raise TokenizerError(f"{name} is {number!r:.50}; it is a whole number")
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


def collate(
    rows: Sequence[Row], lengths: Lengths, pad_token_id: int, padding_side: str = "right"
) -> tuple[dict[str, list[Any]], list[int]]:
    """Return ``input_ids``, ``attention_mask`` and ``offset_mapping`` of the rows, and the padding of each.

    Raises:
        TokenizerError: there is no such side.
    """
    check_side(padding_side)
    target = 0
    if lengths.padding:
        longest = max((len(row.ids) for row in rows), default=0)
        target = lengths.max_length if lengths.padding == "max_length" else longest
        target = -(-target // lengths.multiple) * lengths.multiple
    missing = [max(0, target - len(row.ids)) for row in rows]

    def padded(values: list[Any], filler: Any, count: int) -> list[Any]:
        filling = [filler] * count
        return filling + values if padding_side == "left" else values + filling

    pairs = list(zip(rows, missing, strict=True))
    columns = {
        "input_ids": [padded(row.ids, pad_token_id, count) for row, count in pairs],
        "attention_mask": [padded([1] * len(row.ids), 0, count) for row, count in pairs],
        "offset_mapping": [padded(row.spans, (0, 0), count) for row, count in pairs],
    }
    return columns, missing


def check_side(side: str, name: str = "padding_side") -> None:
    """Raise TokenizerError where padding or truncation cannot be on such a side."""
    if side not in ("left", "right"):
        raise TokenizerError(f"{name} is {side!r}; it is 'left' or 'right'")


def check_kind(return_tensors: str | None) -> str | None:
    """Return the name of a kind of tensors, which may be an enumeration's member.

    Raises:
        TokenizerError: there is no such kind here.
    """
    kind = getattr(return_tensors, "value", return_tensors)
    if kind not in (None, "pt", "np"):
        raise TokenizerError(f"return_tensors is {kind!r}; it is 'pt', 'np' or None")
    return kind


def to_tensors(columns: Mapping[str, Any], kind: str = "pt") -> dict[str, Any]:
    """Return the columns as int64 tensors or arrays (B, T) or, for spans, (B, T, 2).

    Raises:
        TokenizerError: the rows have different lengths, or the kind is unknown.
    """
    check_kind(kind)
    for rows in columns.values():
        if is_batch(rows) and len({len(row) for row in rows}) > 1:
            raise TokenizerError(
                "rows of different lengths make no tensor: add padding=True, or truncation=True"
            )
    if kind == "np":
        import numpy

        return {name: numpy.array(rows, dtype=numpy.int64) for name, rows in columns.items()}
    import torch  # only here: lists need no torch

    return {name: torch.as_tensor(rows, dtype=torch.long) for name, rows in columns.items()}


_FILLERS = {"attention_mask": 0, "special_tokens_mask": 1, "token_type_ids": 0}


def pad_columns(
    encoded: Any, lengths: Lengths, pad_token_id: int, padding_side: str, *, attention_mask: bool
) -> dict[str, list[Any]]:
    """Return the columns of encodings made before, padded to one length.

    Args:
        encoded: a mapping of columns, or a list of mappings, one a row; columns that are not of tokens stay.
        lengths: see `lengths_of`.
        pad_token_id: what ``input_ids`` are filled up with.
        padding_side: "left" or "right".
        attention_mask: whether one is made where there is none.

    Raises:
        TokenizerError: there are no ``input_ids``.
    """
    if not isinstance(encoded, Mapping):
        rows_given = isinstance(encoded, list | tuple) and all(isinstance(row, Mapping) for row in encoded)
        if not rows_given or any(row.keys() != encoded[0].keys() for row in encoded):
            raise TokenizerError(
                "encodings to pad are a dict of columns, or a list of dicts with the same keys"
            )
        encoded = {name: [row[name] for row in encoded] for name in (encoded[0] if encoded else {})}
    columns = {name: _as_list(column) for name, column in encoded.items()}
    if "input_ids" not in columns:
        raise TokenizerError(f"there are no input_ids to pad, only {', '.join(columns) or 'nothing'}")
    single = not is_batch(columns["input_ids"])
    if single:
        columns = {name: [column] for name, column in columns.items()}
    rows = [Row(list(ids), []) for ids in columns["input_ids"]]
    padded, missing = collate(rows, lengths, pad_token_id, padding_side)
    if "attention_mask" not in columns and attention_mask:
        columns["attention_mask"] = [[1] * len(row.ids) for row in rows]
    for name, column in columns.items():
        if name == "input_ids":
            columns[name] = padded[name]
        elif name in _FILLERS:
            fills = [[_FILLERS[name]] * count for count in missing]
            pairs = zip(column, fills, strict=True)
            columns[name] = [f + list(v) if padding_side == "left" else list(v) + f for v, f in pairs]
    return {name: column[0] for name, column in columns.items()} if single else columns


def _as_list(column: Any) -> list[Any]:
    column = column.tolist() if hasattr(column, "tolist") else list(column)
    return [value.tolist() if hasattr(value, "tolist") else value for value in column]
