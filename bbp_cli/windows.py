"""Text → sentence spans → windows that fit the model. Every offset is a code point of the text.

A window ends at a sentence end; only a sentence longer than a whole window is split, between words. Together
the windows hold every sentence once, so nothing is lost and nothing is read twice.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LANGUAGE = (
    "en"  # of sentencex's list of abbreviations; its rules for marks and spaces hold for other languages too
)
LONGEST_PIECE = 1_000_000  # characters given to sentencex at once; only text without any paragraph is longer
_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*|\f\s*")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Sentence:
    """A span of the text without white space around it, and whether a paragraph begins with it."""

    start: int
    end: int
    starts_paragraph: bool


@dataclass(frozen=True)
class Window:
    """Sentences `first` to `last - 1`, which have `tokens` tokens."""

    first: int
    last: int
    tokens: int


def split_sentences(text: str) -> list[Sentence]:
    """Sentences in order. Together they hold all of the text but white space between them."""
    sentences = []
    position = 0
    for end in [*(match.end() for match in _PARAGRAPH_END.finditer(text)), len(text)]:
        starts_paragraph = True
        for length in _sentence_lengths(text[position:end]):
            start, position = position, position + length
            piece = text[start:position]
            if stripped := piece.strip():
                start += len(piece) - len(piece.lstrip())
                sentences.append(Sentence(start, start + len(stripped), starts_paragraph))
                starts_paragraph = False
    return sentences


def _sentence_lengths(paragraph: str) -> list[int]:
    """Lengths of consecutive pieces of a paragraph, white space included; they add up to its length."""
    from sentencex import segment

    lengths: list[int] = []
    while len(paragraph) > LONGEST_PIECE:
        head = paragraph[: paragraph.rfind(" ", 1, LONGEST_PIECE) + 1] or paragraph[:LONGEST_PIECE]
        whole = [len(sentence) for sentence in segment(LANGUAGE, head)]
        if len(whole) > 1:
            whole.pop()  # it may go on behind the cut: the next round sees it whole
        lengths += whole
        paragraph = paragraph[sum(whole) :]
    return lengths + [len(sentence) for sentence in segment(LANGUAGE, paragraph)]


def split_long(
    text: str, sentence: Sentence, limit: int, count_tokens: Callable[[str], int]
) -> list[Sentence]:
    """Cut a sentence between words into parts of at most `limit` tokens each, as equal as words allow.

    A single word of more than `limit` tokens is cut between characters.
    """
    if count_tokens(text[sentence.start : sentence.end]) <= limit or sentence.end - sentence.start == 1:
        return [sentence]
    starts = [match.start() for match in _WORD.finditer(text, sentence.start, sentence.end)]
    middle = (sentence.start + sentence.end) // 2
    cut = min(starts[1:], key=lambda start: abs(start - middle)) if len(starts) > 1 else middle
    left_end = cut - (len(text[sentence.start : cut]) - len(text[sentence.start : cut].rstrip()))
    left = Sentence(sentence.start, left_end, sentence.starts_paragraph)
    right = Sentence(cut, sentence.end, False)
    return [*split_long(text, left, limit, count_tokens), *split_long(text, right, limit, count_tokens)]


def pack(counts: Sequence[int], limit: int) -> list[Window]:
    """Windows of consecutive sentences with at most `limit` tokens, about equally full.

    Equal ones, so that no window is left with a few sentences that say nothing by themselves.
    `counts` holds the tokens of each sentence, none of them above `limit`.
    """
    windows: list[Window] = []
    left = sum(counts)
    first = tokens = 0
    target = _even_share(left, limit)
    for index, count in enumerate(counts):
        too_long = tokens + count > limit
        nearer_without = tokens + count / 2 > target
        if tokens and (too_long or nearer_without):
            windows.append(Window(first, index, tokens))
            left -= tokens
            first, tokens = index, 0
            target = _even_share(left, limit)
        tokens += count
    if tokens or not windows:
        windows.append(Window(first, len(counts), tokens))
    return windows


def _even_share(tokens: int, limit: int) -> float:
    """How full each window is when as few windows as possible share the tokens evenly."""
    windows = -(-tokens // limit)
    return tokens / max(1, windows)
