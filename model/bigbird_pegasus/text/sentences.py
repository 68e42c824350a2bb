"""Text → sentences: spans of code points that together hold all of the text but the white space between them.

A sentence never crosses a blank line, nor a line break after which another block begins: an item of a list,
a speaker's turn, a row of a table, a quoted e-mail. Marks and abbreviations are sentencex's, by language.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bigbird_pegasus.text.lines import Line

MAX_PIECE_CHARS = 1_000_000  # given to sentencex at once; only text without any paragraph is longer
PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*|\f\s*")
DEFAULT_LANGUAGE = "en"
# Where a full stop makes an ordinal: "am 3. Mai", "60. Geburtstag".
_ORDINAL_LANGUAGES = frozenset(("de", "da", "no", "fi", "cs", "pl", "hu", "tr"))
_ORDINAL = re.compile(r"(?:^|[\s(])(?:\d{1,3}|[IVX]{1,5})\.\s+\Z")
_ITEM_NUMBER = re.compile(r"\s*\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivx]{1,5})[.)]\s+\Z")
# Markdown: **Said.** ends after the full stop.
_END_OF_EMPHASIS = re.compile(r"(?:\*{1,3}|_{1,3})(?:\s+|\Z)")
_LETTER = re.compile(r"[^\W\d_]")
_TITLE = re.compile(r"(?:^|[\s(])(?:MM?|Mme|Mlle|Sra?|Srta|Sig|Dott)\.\s+\Z")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A span of the text without white space around it, and whether a paragraph begins with it."""

    start: int
    end: int
    starts_paragraph: bool


def split_sentences(plain: str, lines: Sequence[Line], language: str | None) -> tuple[Sentence, ...]:
    """Return the sentences in order. Together they hold all of the text but the white space between them.

    Args:
        plain: the text with its markup blanked, see `bigbird_pegasus.text.lines.blank_markup`.
        lines: of the text; where one starts a block, a sentence begins.
        language: ISO 639-1 code; None is treated as English.
    """
    lengths_in = partial(_sentence_lengths, language=language or DEFAULT_LANGUAGE)
    sentences = []
    starts_paragraph = True
    paragraphs = {match.end() for match in PARAGRAPH_END.finditer(plain)}
    blocks = {line.start for line in lines if line.starts_block}
    starts = sorted({0, *paragraphs, *blocks})
    for position, end in zip(starts, [*starts[1:], len(plain)], strict=True):
        starts_paragraph = starts_paragraph or position in paragraphs
        for length in lengths_in(plain[position:end]):
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
    while len(paragraph) > MAX_PIECE_CHARS:
        head = paragraph[: paragraph.rfind(" ", 1, MAX_PIECE_CHARS) + 1] or paragraph[:MAX_PIECE_CHARS]
        whole = [len(sentence) for sentence in _segment(language, head)]
        if len(whole) > 1:
            whole.pop()  # it may go on after the cut: the next round sees it whole
        lengths += whole
        paragraph = paragraph[sum(whole) :]
    return lengths + [len(sentence) for sentence in _segment(language, paragraph)]


def _segment(language: str, text: str) -> list[str]:
    """Return sentencex's pieces, joined where one has no letters or ends with an ordinal or a title."""
    from sentencex import segment  # type: ignore[import-untyped]  # it has no annotations

    pieces: list[str] = []
    goes_on = False
    for piece in segment(language, text):
        if pieces and (emphasis := _END_OF_EMPHASIS.match(piece)):
            pieces[-1] += emphasis[0]
            piece = piece[emphasis.end() :]
        numbers_item = _ITEM_NUMBER.fullmatch(piece) is not None
        if goes_on or (pieces and not numbers_item and not _LETTER.search(piece)):
            pieces[-1] += piece
        else:
            pieces.append(piece)
        goes_on = (
            numbers_item
            or _TITLE.search(piece) is not None
            or (language in _ORDINAL_LANGUAGES and _ORDINAL.search(piece) is not None)
        )
    return pieces
