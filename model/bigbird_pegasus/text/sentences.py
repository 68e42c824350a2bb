"""Text → sentences: spans of code points that together hold all of the text but the white space between them.

A sentence never crosses a blank line, nor a line break after which another block begins: an item of a list,
a speaker's turn, a row of a table, a quoted e-mail. Marks and abbreviations are sentencex's, by language.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

from bigbird_pegasus.text.lines import Line
from bigbird_pegasus.text.sentence_boundaries import mended_ends
from bigbird_pegasus.text.speech import piece_lengths

MAX_PIECE_CHARS = 5_000  # given to sentencex at once: some marks cost it time quadratic in the length
PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*|\f\s*")
# Besides, sentencex panics inside the line and paragraph separators of Unicode.
_BREAK = re.compile(r"[\n\r\v\x1c-\x1e\x85\u2028\u2029]")
DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A span of the text without white space around it, and whether a paragraph begins with it."""

    start: int
    end: int
    starts_paragraph: bool


def split_sentences(
    plain: str, lines: Sequence[Line], language: str | None, *, is_unpunctuated: bool = False
) -> tuple[Sentence, ...]:
    """Return the sentences in order. Together they hold all of the text but the white space between them.

    Args:
        plain: the text with its markup blanked, see `bigbird_pegasus.text.lines.blank_markup`.
        lines: of the text; where one starts a block, a sentence begins.
        language: ISO 639-1 code; None is treated as English.
        is_unpunctuated: the text is speech without full stops: pieces of it are sentences.
    """
    lengths_in: Callable[[str], list[int]] = partial(_sentence_lengths, language=language or DEFAULT_LANGUAGE)
    if is_unpunctuated:
        lengths_in = piece_lengths
    sentences = []
    starts_paragraph = True
    # Where lines are broken says nothing but in `lines`, and where nothing else tells sentences apart.
    on_one_line = plain if is_unpunctuated else _BREAK.sub(" ", plain)
    paragraphs = {match.end() for match in PARAGRAPH_END.finditer(plain)}
    blocks = {line.start for line in lines if line.starts_block}
    starts = sorted({0, *paragraphs, *blocks})
    for position, end in zip(starts, [*starts[1:], len(plain)], strict=True):
        starts_paragraph = starts_paragraph or position in paragraphs
        lengths = (
            piece_lengths(plain[position:end]) if is_unpunctuated else lengths_in(on_one_line[position:end])
        )
        for length in lengths:
            start, position = position, position + length
            piece = plain[start:position]
            if stripped := piece.strip():
                start += len(piece) - len(piece.lstrip())
                sentences.append(Sentence(start, start + len(stripped), starts_paragraph))
                starts_paragraph = False
    return tuple(sentences)


def _sentence_lengths(paragraph: str, language: str) -> list[int]:
    """Return the lengths of consecutive pieces of a paragraph, white space included."""
    lengths: list[int] = []
    start = 0
    while len(paragraph) - start > MAX_PIECE_CHARS:
        most = start + MAX_PIECE_CHARS
        head = paragraph[start : paragraph.rfind(" ", start + 1, most) + 1 or most]
        whole = _piece_lengths(head, language)
        if len(whole) > 1:
            whole.pop()  # it may go on after the cut: the next round sees it whole
        lengths += whole
        start += sum(whole)
    return lengths + _piece_lengths(paragraph[start:], language)


def _piece_lengths(text: str, language: str) -> list[int]:
    """Return the lengths of sentencex's pieces, mended by `sentence_boundaries`."""
    from sentencex import segment  # type: ignore[import-untyped]  # it has no annotations

    ends = list(accumulate(len(piece) for piece in segment(language, text)))
    return [b - a for a, b in pairwise([0, *mended_ends(text, ends, language)])]
