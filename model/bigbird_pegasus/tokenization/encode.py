"""A tokenizer call, from texts to columns: pairs, texts split into words, overflowing rows, padding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.batch_encoding import BatchEncoding
from bigbird_pegasus.tokenization.collation import Lengths, Row, check_kind, check_side, collate, to_tensors
from bigbird_pegasus.tokenization.token_positions import RowSource, TextOrWords, TokenReader, kept_ranges

NO_TOKENS = Row([], [])


class RowEncoder(TokenReader, Protocol):
    """What encodes a whole text."""

    pad_token_id: int
    eos_token_id: int

    def row_of(self, text: TextOrWords, *, spans: bool) -> Row:
        """Return the tokens of a text, without ``</s>``."""


@dataclass(frozen=True)
class CallOptions:
    """What a call of the tokenizer wants; the three arguments of lengths are together here.

    Args:
        add_special_tokens: append ``</s>``; truncation counts it and keeps it.
        padding: True or "longest" to the longest row, "max_length" to `max_length`, False not at all.
            Padding has mask 0.
        truncation: True or "longest_first", "only_first", "only_second" (of a pair), False. Left out, a
            `max_length` without padding truncates.
        max_length: tokens of a row, ``</s>`` included; left out, ``model_max_length``.
        stride: tokens that neighbouring rows share, with `return_overflowing_tokens`.
        is_split_into_words: a text is a list of words, each encoded by itself.
        pad_to_multiple_of: padded rows are as long as a multiple of this.
        padding_side: "right" or "left"; left out, the tokenizer's own.
        truncation_side: where a text is cut, "right" or "left": the tokenizer's own.
        return_tensors: "pt" for int64 tensors (B, T), "np" for arrays, one text being B = 1; None for
            lists.
        return_attention_mask: False leaves it out.
        return_token_type_ids: also ``token_type_ids``, which are 0: these models know no types.
        return_overflowing_tokens: what truncation would drop are further rows;
            ``overflow_to_sample_mapping`` has the number of each row's text.
        return_special_tokens_mask: also ``special_tokens_mask``, 1 at ``</s>`` and padding.
        return_offsets_mapping: also ``offset_mapping``, (B, T, 2): the half-open span of each token in
            code points of the text as passed, without the space before it; in its word where the text is
            split. ``</s>`` and padding have (0, 0).
        return_length: also ``length``, of each row with its padding.
    """

    lengths: Lengths
    add_special_tokens: bool = True
    stride: int = 0
    is_split_into_words: bool = False
    padding_side: str = "right"
    truncation_side: str = "right"
    return_tensors: str | None = None
    return_attention_mask: bool = True
    return_token_type_ids: bool = False
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_offsets_mapping: bool = False
    return_length: bool = False


def encode(tokenizer: RowEncoder, text: Any, text_pair: Any, options: CallOptions) -> BatchEncoding:
    """Encode one text or pair, or a list of them.

    Raises:
        TokenizerError: what is given is no text, an option is impossible, or rows of different lengths were
            to become a tensor.
    """
    kind = check_kind(options.return_tensors)
    if not isinstance(options.stride, int) or options.stride < 0:
        raise TokenizerError(f"stride is {options.stride!r}; it is a number of tokens")
    check_side(options.truncation_side, "truncation_side")
    texts, single = _texts_of(text, text_pair, split=options.is_split_into_words)
    rows: list[Row] = []
    sources: list[RowSource] = []
    samples: list[int] = []
    for sample, pair in enumerate(texts):
        for row, source in _rows_of(tokenizer, pair, options):
            rows.append(row)
            sources.append(source)
            samples.append(sample)
    columns, missing = collate(rows, options.lengths, tokenizer.pad_token_id, options.padding_side)
    left = options.padding_side == "left"
    sources = [
        replace(source, left_padding=count if left else 0, right_padding=0 if left else count)
        for source, count in zip(sources, missing, strict=True)
    ]
    _choose_columns(columns, sources, options)
    data: dict[str, Any] = dict(columns)
    if options.return_overflowing_tokens:
        data["overflow_to_sample_mapping"] = samples
    if options.return_length:
        data["length"] = [len(ids) for ids in columns["input_ids"]]
    if kind is not None:
        data = to_tensors(data, kind)
    elif single and not options.return_overflowing_tokens:
        data = {name: column if name == "length" else column[0] for name, column in data.items()}
    return BatchEncoding(data, rows=sources, reader=tokenizer)


def _rows_of(
    tokenizer: RowEncoder, pair: tuple[TextOrWords, ...], options: CallOptions
) -> list[tuple[Row, RowSource]]:
    spans = options.return_offsets_mapping
    first = tokenizer.row_of(pair[0], spans=spans)
    second = tokenizer.row_of(pair[1], spans=spans) if len(pair) == 2 else NO_TOKENS
    ends = [tokenizer.eos_token_id] if options.add_special_tokens else []
    found = []
    for kept in kept_ranges(
        len(first.ids),
        len(second.ids),
        options.lengths.max_length - len(ends),
        options.lengths.truncation,
        options.stride,
        overflowing=options.return_overflowing_tokens,
        from_left=options.truncation_side == "left",
    ):
        ids, places = [], []
        for row, part in zip((first, second), kept, strict=True):
            ids += row.ids[part.start : part.stop]
            places += row.spans[part.start : part.stop]
        places += [(0, 0)] * len(ends) if spans else []
        found.append((Row(ids + ends, places), RowSource(pair, kept[: len(pair)], len(ends))))
    return found


def _choose_columns(
    columns: dict[str, list[Any]], sources: Sequence[RowSource], options: CallOptions
) -> None:
    """Leave out the columns that are not wanted, and add the mask of special tokens."""
    if not options.return_offsets_mapping:
        del columns["offset_mapping"]
    if options.return_token_type_ids:
        columns["token_type_ids"] = [[0] * len(ids) for ids in columns["input_ids"]]
    if not options.return_attention_mask:
        del columns["attention_mask"]
    if options.return_special_tokens_mask:
        columns["special_tokens_mask"] = [
            [int(place is None) for place in source.places()] for source in sources
        ]


def _texts_of(text: Any, text_pair: Any, *, split: bool) -> tuple[list[tuple[TextOrWords, ...]], bool]:
    """Return the texts, or pairs of them, of each row, and whether a single one was given.

    Raises:
        TokenizerError: it is something else.
    """
    single = _is_text(text, split=split)
    firsts = [text] if single else text
    if not single and text_pair is None and _are_pairs(firsts, split=split):
        return [tuple(_text(one, split=split) for one in pair) for pair in firsts], False
    if not isinstance(firsts, list | tuple):
        raise _no_text(split)
    if text_pair is None:
        return [(_text(one, split=split),) for one in firsts], single
    pair_is_single = _is_text(text_pair, split=split)
    seconds = [text_pair] if pair_is_single else text_pair
    if not isinstance(seconds, list | tuple) or pair_is_single != single or len(seconds) != len(firsts):
        raise TokenizerError("text and text_pair must be two texts, or two lists of one length")
    return [
        (_text(one, split=split), _text(other, split=split))
        for one, other in zip(firsts, seconds, strict=True)
    ], single


def _is_text(text: Any, *, split: bool) -> bool:
    if not split:
        return isinstance(text, str)
    return isinstance(text, list | tuple) and all(isinstance(word, str) for word in text)


def _are_pairs(texts: Any, *, split: bool) -> bool:
    return (
        isinstance(texts, list | tuple)
        and bool(texts)
        and all(
            isinstance(pair, list | tuple) and len(pair) == 2 and all(_is_text(t, split=split) for t in pair)
            for pair in texts
        )
    )


def _text(text: Any, *, split: bool) -> TextOrWords:
    if not _is_text(text, split=split):
        raise _no_text(split)
    return tuple(text) if split else text


def _no_text(split: bool) -> TokenizerError:
    if split:
        return TokenizerError("with is_split_into_words a text is a list of words, each a str")
    return TokenizerError("a text to encode must be a str, or a list or tuple of str")
