"""Text → sentences: spans of code points that together hold all of the text but the white space between them.

A sentence never crosses a blank line, nor a line break behind which something else begins: an item of a list,
a speaker's turn, a row of a table, a quoted e-mail. Marks and abbreviations are sentencex's, by language.
"""

import re
from dataclasses import dataclass
from functools import partial

LONGEST_PIECE = 1_000_000  # characters given to sentencex at once; only text without any paragraph is longer
PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*|\f\s*")
USUAL_LANGUAGE = "en"
# Where a full stop makes an ordinal: "am 3. Mai", "60. Geburtstag".
_ORDINAL_LANGUAGES = frozenset(("de", "da", "no", "fi", "cs", "pl", "hu", "tr"))
_ORDINAL = re.compile(r"(?:^|[\s(])(?:\d{1,3}|[IVX]{1,5})\.\s+\Z")
_ITEM_NUMBER = re.compile(r"\s*\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivx]{1,5})[.)]\s+\Z")
# Markdown: **Said.** ends behind the full stop.
_END_OF_EMPHASIS = re.compile(r"(?:\*{1,3}|_{1,3})(?:\s+|\Z)")
_LETTER = re.compile(r"[^\W\d_]")
_TITLE = re.compile(r"(?:^|[\s(])(?:MM?|Mme|Mlle|Sra?|Srta|Sig|Dott)\.\s+\Z")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A span of the text without white space around it, and whether a paragraph begins with it."""

    start: int
    end: int
    starts_paragraph: bool


def split_sentences(text: str) -> list[Sentence]:
    """Sentences in order. Together they hold all of the text but the white space between them.

    Bullets and the like count as white space, see `bigbird_pegasus.text.lines.without_marks`.
    """
    from bigbird_pegasus.text.language import guess_language
    from bigbird_pegasus.text.lines import lines_of, without_marks

    anew = [line.start for line in lines_of(text) if line.starts_anew]
    text = without_marks(text)
    lengths_in = partial(_sentence_lengths, language=guess_language(text) or USUAL_LANGUAGE)
    sentences = []
    starts_paragraph = True
    paragraphs = {match.end() for match in PARAGRAPH_END.finditer(text)}
    starts = sorted({0, *paragraphs, *anew})
    for position, end in zip(starts, [*starts[1:], len(text)], strict=True):
        starts_paragraph = starts_paragraph or position in paragraphs
        for length in lengths_in(text[position:end]):
            start, position = position, position + length
            piece = text[start:position]
            if stripped := piece.strip():
                start += len(piece) - len(piece.lstrip())
                sentences.append(Sentence(start, start + len(stripped), starts_paragraph))
                starts_paragraph = False
    return sentences


def _sentence_lengths(paragraph: str, language: str) -> list[int]:
    """Lengths of consecutive pieces of a paragraph, white space included; they add up to its length."""
    lengths: list[int] = []
    while len(paragraph) > LONGEST_PIECE:
        head = paragraph[: paragraph.rfind(" ", 1, LONGEST_PIECE) + 1] or paragraph[:LONGEST_PIECE]
        whole = [len(sentence) for sentence in _segment(language, head)]
        if len(whole) > 1:
            whole.pop()  # it may go on behind the cut: the next round sees it whole
        lengths += whole
        paragraph = paragraph[sum(whole) :]
    return lengths + [len(sentence) for sentence in _segment(language, paragraph)]


def _segment(language: str, text: str) -> list[str]:
    """The pieces of sentencex, but none is without letters or ends with an ordinal, a number or a title."""
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
