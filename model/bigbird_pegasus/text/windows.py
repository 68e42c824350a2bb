"""Sentences → tokens → windows that fit the model. Every offset is a code point of the text.

A window ends at a sentence end; only a sentence longer than a whole window is split, between words. Together
the windows hold every sentence, so nothing is lost; with an overlap, a window begins with the last sentences
of the one before. Where only the beginning of a document is read (`truncate`), `first_window` takes the place
of `pack`.
"""

import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from bigbird_pegasus.text.parsed_text import ParsedText
from bigbird_pegasus.text.sentences import PARAGRAPH_END, Sentence

if TYPE_CHECKING:
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer


SENTENCES_AT_ONCE = 1_000  # encoded together: bounds the memory that lists of token ids take
_SPACE = re.compile(r"\s+")
_ANY_SPACE = re.compile(rf"({PARAGRAPH_END.pattern})|\s")


@dataclass(frozen=True, slots=True)
class Window:
    """Sentences `first` to `last - 1`, which have `tokens` tokens, from `first_token` of the text on.

    The window before ends with the first `shared` of them too.
    """

    first: int
    last: int
    first_token: int
    tokens: int
    shared: int = 0


@dataclass(frozen=True, slots=True)
class EncodedText:
    """The sentences of a text, how many tokens each has, and all their ids one after the other."""

    sentences: list[Sentence]
    counts: list[int]
    ids: "array[int]"

    def window_ids(self, window: Window) -> "array[int]":
        """Return the token ids of a window's sentences."""
        return self.ids[window.first_token : window.first_token + window.tokens]


def encode(text: ParsedText, tokenizer: "PegasusTokenizer", limit: int) -> EncodedText:
    """Encode the sentences of a text one by one; those of more than `limit` tokens are split.

    Encoded so, the tokens of a sentence do not depend on its window; a piece never crosses a space anyway.
    """

    def ids_of(sentences: Sequence[Sentence]) -> list[list[int]]:
        texts = [text.plain[sentence.start : sentence.end] for sentence in sentences]
        return encode_sentences(tokenizer, texts, [sentence.starts_paragraph for sentence in sentences])

    encoded = EncodedText([], [], array("i"))
    for start in range(0, len(text.sentences), SENTENCES_AT_ONCE):
        group = text.sentences[start : start + SENTENCES_AT_ONCE]
        for sentence, ids in zip(group, ids_of(group), strict=True):
            parts, ids_of_parts = [sentence], [ids]
            if len(ids) > limit:
                parts = split_long(text.raw, sentence, limit, lambda part: len(ids_of([part])[0]))
                ids_of_parts = ids_of(parts)
            for part, part_ids in zip(parts, ids_of_parts, strict=True):
                encoded.sentences.append(part)
                encoded.counts.append(len(part_ids))
                encoded.ids.extend(part_ids)
    return encoded


def split_long(
    text: str, sentence: Sentence, limit: int, count_tokens: Callable[[Sentence], int]
) -> list[Sentence]:
    """Cut a sentence between words into parts of at most `limit` tokens each, by halves.

    A single word of more than `limit` tokens is cut between characters.
    """
    if count_tokens(sentence) <= limit or sentence.end - sentence.start == 1:
        return [sentence]
    middle = (sentence.start + sentence.end) // 2
    gap = _nearest_gap(text, sentence, middle)
    left_end, right_start = gap or (middle, middle)
    left = Sentence(sentence.start, left_end, sentence.starts_paragraph)
    right = Sentence(right_start, sentence.end, False)
    return [*split_long(text, left, limit, count_tokens), *split_long(text, right, limit, count_tokens)]


def _nearest_gap(text: str, sentence: Sentence, middle: int) -> tuple[int, int] | None:
    """Return the white space nearest to the middle of a sentence, or None where it is a single word."""
    after = _SPACE.search(text, middle, sentence.end)
    head = text[sentence.start : middle]
    end = len(head) if head[-1:].isspace() else len(head) - len(head.split()[-1])
    before = (sentence.start + len(head[:end].rstrip()), sentence.start + end) if end else None
    if after is None or (before is not None and middle - before[1] < after.start() - middle):
        return before
    return after.span()


def pack(counts: Sequence[int], limit: int, overlap: int = 0) -> list[Window]:
    """Return windows of consecutive sentences with at most `limit` tokens, about equally full.

    Equal ones, so that no window is left with a few sentences that say nothing by themselves.
    `counts` holds the tokens of each sentence, none of them above `limit`. With `overlap` a window begins
    with so many sentences of the one before, or with as many as take half of `limit` and leave room for its
    own.
    """
    if overlap and sum(counts) > limit:
        return _overlapping(counts, limit, overlap)
    return _apart(counts, limit)


def pack_sections(counts: Sequence[int], starts: Sequence[int], limit: int, overlap: int = 0) -> list[Window]:
    """Return the windows of each section by itself; `starts` are the sentences that begin one, and 0."""
    windows = []
    first_token = 0
    for first, last in pairwise([*starts, len(counts)]):
        own = counts[first:last]
        windows += [
            Window(first + w.first, first + w.last, first_token + w.first_token, w.tokens, w.shared)
            for w in pack(own, limit, overlap)
        ]
        first_token += sum(own)
    return windows


def _overlapping(counts: Sequence[int], limit: int, overlap: int) -> list[Window]:
    longest = max(sum(counts[start : start + overlap]) for start in range(len(counts)))
    cores = _apart(counts, limit - min(longest, limit // 2))
    windows = cores[:1]
    for core in cores[1:]:
        first, tokens = core.first, core.tokens
        shared = 0
        while shared < overlap and first > windows[-1].first and tokens + counts[first - 1] <= limit:
            if shared and tokens + counts[first - 1] - core.tokens > limit // 2:
                break
            first, tokens, shared = first - 1, tokens + counts[first - 1], shared + 1
        begin = core.first_token - (tokens - core.tokens)
        windows.append(Window(first, core.last, begin, tokens, shared))
    return windows


def _apart(counts: Sequence[int], limit: int) -> list[Window]:
    windows: list[Window] = []
    left = sum(counts)
    first = first_token = tokens = 0
    target = _even_share(left, limit)
    for index, count in enumerate(counts):
        too_long = tokens + count > limit
        nearer_without = tokens + count / 2 > target
        if tokens and (too_long or nearer_without):
            windows.append(Window(first, index, first_token, tokens))
            left -= tokens
            first, first_token, tokens = index, first_token + tokens, 0
            target = _even_share(left, limit)
        tokens += count
    if tokens or not windows:
        windows.append(Window(first, len(counts), first_token, tokens))
    return windows


def first_window(counts: Sequence[int], limit: int) -> Window:
    """Return as many sentences from the beginning as fit into `limit` tokens.

    The first window of `pack` may hold about half of that, for it leaves as much to the second one.
    """
    tokens = 0
    for index, count in enumerate(counts):
        if tokens + count > limit:
            return Window(0, index, 0, tokens)
        tokens += count
    return Window(0, len(counts), 0, tokens)


def window_input(encoded: EncodedText, window: Window, tokenizer: "PegasusTokenizer") -> list[int]:
    """Return the tokens of a window and `</s>`, without the line break at the very beginning."""
    ids = list(encoded.window_ids(window))
    if tokenizer.newline_token and ids[:1] == [tokenizer.convert_tokens_to_ids(tokenizer.newline_token)]:
        ids = ids[1:]
    return [*ids, tokenizer.eos_token_id]


def unwrapped(text: str) -> str:
    """Return the text with lines joined by spaces, and one line break between paragraphs; no offset changes.

    A document wrapped at 72 columns then reads like one that is not, as it does sentence by sentence.
    """
    return _ANY_SPACE.sub(lambda space: "\n".ljust(len(space[0])) if space[1] else " ", text)


def _even_share(tokens: int, limit: int) -> float:
    """Return how full each window is when as few windows as possible share the tokens evenly."""
    windows = -(-tokens // limit)
    return tokens / max(1, windows)


# --- from sentences to tokens -------------------------------------------------------------------------


def encode_sentences(
    tokenizer: "PegasusTokenizer", sentences: Sequence[str], starts_paragraph: Sequence[bool]
) -> list[list[int]]:
    """Return the token ids of each sentence, white space collapsed, `<n>` before one that starts a paragraph.

    Sentences are encoded one by one, so a document wrapped at 72 columns reads like one that is not, and
    what a sentence's tokens are does not depend on the window it falls into.
    """
    if not sentences:
        return []
    newline = [tokenizer.convert_tokens_to_ids(tokenizer.newline_token)] if tokenizer.newline_token else []
    encoded = tokenizer([" ".join(s.split()) for s in sentences], add_special_tokens=False)["input_ids"]
    return [
        [*newline, *ids] if starts else list(ids)
        for ids, starts in zip(encoded, starts_paragraph, strict=True)
    ]
