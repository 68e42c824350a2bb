"""Text → sentences: spans of code points that together hold all of the text but the white space between them.

A sentence never crosses a blank line, nor a line break after which another block begins: an item of a list,
a speaker's turn, a row of a table, a quoted e-mail. Marks and abbreviations are sentencex's, by language.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.lines import Line
from bigbird_pegasus.text.sentence_boundaries import mended_ends
from bigbird_pegasus.text.speech import piece_lengths

MAX_PIECE_CHARS = 5_000  # given to sentencex at once: some marks cost it time quadratic in the length
PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*|\f\s*")
# Besides, sentencex panics inside the line and paragraph separators of Unicode.
_BREAK = re.compile(r"[\n\r\v\x1c-\x1e\x85\u2028\u2029]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
DEFAULT_LANGUAGE = "en"
# A blank line is inside of a sentence that a page ends in, where the last word above asks for another, …
_ENDS_OPEN = re.compile(
    r"[^\W\d_] (?:a|an|the|of|on|in|at|to|or|and|with|between|by|for|from|that|which|is|are|was|were|as|into"
    r"|than|be|not|this|these|its|their)\Z"
)
_GOES_ON_BELOW = re.compile(r"(?:[a-z]{2,}|a)(?:[ \n,.;:]|\Z)")
_MIN_UNFINISHED_WORDS = 8  # … or so much of a sentence has no end
_MAX_ABOVE_CHARS = 300


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
    paragraphs = _paragraph_starts(plain, lines)
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


def _paragraph_starts(plain: str, lines: Sequence[Line]) -> set[int]:
    """Return where paragraphs begin: behind blank lines and page breaks that are in no sentence."""
    kinds = {line.start: line.kind for line in lines}
    breaks = [match.span() for match in PARAGRAPH_END.finditer(plain)]
    starts = set()
    kind_above: str | None = lines[0].kind if lines else None
    for (end, start), (next_end, next_start) in pairwise([*breaks, (len(plain), len(plain))]):
        above = plain[max(0, end - _MAX_ABOVE_CHARS) : end].rstrip()
        below = plain[start:next_end].rstrip()
        is_prose = kind_above in ("text", "item") and kinds.get(start) == "text"
        if not (is_prose and _goes_on(above, below, plain[next_start : next_start + 1])):
            starts.add(start)
        kind_above = kinds.get(start)
    return starts


def _goes_on(above: str, below: str, behind: str) -> bool:
    """Return whether the sentence at the end of a paragraph goes on in the one below it.

    `behind` is the first letter of the paragraph after that.
    """
    if not _GOES_ON_BELOW.match(below):
        return False
    if _ENDS_OPEN.search(above):
        return True
    unfinished = re.split(r"[.!?:;]", above)[-1]
    return (
        above[-1:].isalnum()
        and len(unfinished.split()) >= _MIN_UNFINISHED_WORDS
        and ends_as_sentence(below)
        and not behind.islower()  # items of a list without bullets
    )


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
    if not _LETTER_OR_DIGIT.search(text):  # a rule, or blanked markup
        return [len(text)]
    from sentencex import segment  # type: ignore[import-untyped]  # it has no annotations

    ends = list(accumulate(len(piece) for piece in segment(language, text)))
    return [b - a for a, b in pairwise([0, *mended_ends(text, ends, language)])]
