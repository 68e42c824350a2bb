"""From a text to the ids of its pieces in the vocabulary file, and to the span of each piece in the text.

Positions are code points of the text as the caller passed it: before newlines become ``<n>`` and before
SentencePiece normalises (NFKC, spaces collapsed).
"""

import re
from bisect import bisect_right
from collections.abc import Callable

from sentencepiece import SentencePieceProcessor

NEWLINE_PIECE = "<n>"
MIN_CHUNK_CHARACTERS = 200

_NEWLINE = re.compile(r"\r\n?|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CHUNK_BOUNDARY = re.compile("(?<=[!-~]) (?=[!-~])")  # between ASCII only: nothing is normalised across it
_SPACES = " \N{LOWER ONE EIGHTH BLOCK}"  # the second is SentencePiece's sign for the first


class Segmenter:
    """Cuts texts into the pieces of a vocabulary, in time proportional to their length.

    ``newline_piece`` is ``"<n>"`` where the vocabulary has this piece for text. Else it is None, and newlines
    are spaces.
    """

    def __init__(self, vocabulary: SentencePieceProcessor) -> None:
        self._vocabulary = vocabulary
        index: int = vocabulary.piece_to_id(NEWLINE_PIECE)
        known = vocabulary.id_to_piece(index) == NEWLINE_PIECE and not vocabulary.is_control(index)
        self.newline_piece = NEWLINE_PIECE if known else None
        self._newline_id = index if known else None
        self._blank_characters: dict[str, bool] = {}

    def ids(self, text: str) -> list[int]:
        """Return the ids of the pieces."""
        source = self._source(replace_surrogates(text))
        # One by one: for a list of texts SentencePiece starts threads, which takes longer than a sentence.
        return [index for chunk in _chunks(source) for index in self._vocabulary.encode(chunk)]

    def ids_and_spans(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the ids of the pieces and the half-open span of each, without the space before a word.

        Spans ascend and do not overlap. Of several pieces for one character one has its span and the others
        are empty, as is the span of a space.
        """
        text = replace_surrogates(text)
        original = _positions_before_newlines(text) if self.newline_piece else _same_position
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        chunk_start = 0
        for chunk in _chunks(self._source(text)):
            found = self._vocabulary.encode(chunk, return_type="offset_mapping")
            ids += found["ids"]
            for index, (start, end) in zip(found["ids"], found["offsets"], strict=True):
                start, end = original(chunk_start + start), original(chunk_start + end)
                while start < end and index != self._newline_id and self._is_blank(text[start]):
                    start += 1
                spans.append((start, end))
            chunk_start += len(chunk)
        return ids, spans

    def _source(self, text: str) -> str:
        return _NEWLINE.sub(NEWLINE_PIECE, text) if self.newline_piece else text

    def ends_blank(self, text: str) -> bool:
        """Return whether a text ends with what is a space to SentencePiece."""
        is_newline = self.newline_piece is not None and text[-1:] in "\r\n"
        return bool(text) and not is_newline and self._is_blank(text[-1])

    def _is_blank(self, character: str) -> bool:
        """Return whether SentencePiece reads this character as a space, or not at all."""
        blank = self._blank_characters.get(character)
        if blank is None:
            blank = not self._vocabulary.normalize(character).strip(_SPACES)
            self._blank_characters[character] = blank
        return blank


def replace_surrogates(text: str) -> str:
    """Replace each half of a surrogate pair, which has no UTF-8, by U+FFFD.

    One for one: pairs are not joined, because spans count code points of the caller's text.
    """
    return _SURROGATE.sub("\ufffd", text)


def _chunks(source: str) -> list[str]:
    """Cut the text before spaces into chunks of at least `MIN_CHUNK_CHARACTERS` characters.

    Pieces never cross a space, and the first word of a chunk is marked as one after a space is: the pieces
    are those of the whole text. But SentencePiece adds up scores in float32, too coarse late in a long
    document: whole, a sentence would get other ids there than at the beginning.
    """
    chunks = []
    start = 0
    while boundary := _CHUNK_BOUNDARY.search(source, start + MIN_CHUNK_CHARACTERS):
        chunks.append(source[start : boundary.start()])
        start = boundary.start()
    return [*chunks, source[start:]]


def _same_position(position: int) -> int:
    return position


def _positions_before_newlines(text: str) -> Callable[[int], int]:
    """Return the function from positions in the text with ``<n>`` for newlines to those in the text."""
    matches = list(_NEWLINE.finditer(text))
    ends = [0, *(match.end() for match in matches)]
    next_starts = [*(match.start() for match in matches), len(text)]
    substituted_ends = [0]
    growth = 0
    for match in matches:
        growth += len(NEWLINE_PIECE) - len(match.group())
        substituted_ends.append(match.end() + growth)

    def original(position: int) -> int:
        line = bisect_right(substituted_ends, position) - 1
        # a position inside of an <n>, which a vocabulary may cut in two, is that of the newline
        return min(ends[line] + position - substituted_ends[line], next_starts[line])

    return original
