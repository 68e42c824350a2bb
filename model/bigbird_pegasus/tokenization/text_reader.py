"""From texts to the rows of their tokens: added tokens, segments between them, spans, words."""

from bigbird_pegasus.tokenization.collation import Row
from bigbird_pegasus.tokenization.decoding import WORD_START
from bigbird_pegasus.tokenization.piece_ids import PieceIds
from bigbird_pegasus.tokenization.segmentation import Segmenter
from bigbird_pegasus.tokenization.token_positions import TextOrWords


class TextReader:
    """Encodes whole texts, without ``</s>``."""

    def __init__(self, segmenter: Segmenter, ids: PieceIds) -> None:
        self._segmenter = segmenter
        self._ids = ids

    def row_of(self, text: TextOrWords, *, spans: bool) -> Row:
        """Return the tokens of a text; of a text that is split, those of its words."""
        if not isinstance(text, str):
            words = [self.row_of(word, spans=spans) for word in text]
            ids = [index for word in words for index in word.ids]
            return Row(ids, [span for word in words for span in word.spans])
        if not self._ids.added.ids:
            return self._segment(text, spans=spans)
        return self._row_with_added(text, spans=spans)

    def _row_with_added(self, text: str, *, spans: bool) -> Row:
        ids: list[int] = []
        found: list[tuple[int, int]] = []
        space = self._ids.find(WORD_START)
        for start, part, index in self._ids.added.parts(text):
            end = start + len(part)
            if index is not None:
                ids.append(index)
                found.append((start, end))
                continue
            segment = self._segment(part, spans=spans)
            ids += segment.ids
            found += [(start + first, start + last) for first, last in segment.spans]
            if end < len(text) and space is not None and self._segmenter.ends_blank(part):
                ids.append(space)
                found.append((end, end))
        return Row(ids, found if spans else [])

    def _segment(self, text: str, *, spans: bool) -> Row:
        if not spans:
            return Row([self._ids.from_file(index) for index in self._segmenter.ids(text)], [])
        indices, found = self._segmenter.ids_and_spans(text)
        return Row([self._ids.from_file(index) for index in indices], found)

    def token_words(self, text: TextOrWords) -> list[int | None]:
        """Return the number of the word that each token of a text is of; None for newlines.

        A word begins at a space, at a newline, or where the caller has split the text; an added token is one.
        """
        if not isinstance(text, str):
            return [n for n, word in enumerate(text) for _ in self.row_of(word, spans=False).ids]
        found: list[int | None] = []
        number, begins = -1, True
        for index in self.row_of(text, spans=False).ids:
            piece = self._ids.piece(index)
            is_newline = piece == self._segmenter.newline_piece
            is_added = piece in self._ids.added.ids
            number += not is_newline and (begins or is_added or piece.startswith(WORD_START))
            found.append(None if is_newline else number)
            begins = is_newline or is_added
        return found
