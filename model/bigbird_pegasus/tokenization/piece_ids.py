"""The ids of tokens, in the two layouts that checkpoints have.

BigBird-Pegasus (``offset=0``) uses the ids of its vocabulary file as they are. PEGASUS (``offset=103``) keeps
``<pad>`` 0 and ``</s>`` 1, puts ``<mask_1>`` 2, ``<mask_2>`` 3 and ``<unk_2>`` to ``<unk_102>`` at 4 to 104,
and moves every other piece of the file up by 103 (google-research/pegasus, ``pretrain_parsing_ops.cc``).
"""

from sentencepiece import SentencePieceProcessor

from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.segmentation import replace_surrogates

OFFSETS = (0, 103)
UNMOVED = 2  # ids of ``<pad>`` and ``</s>``, in front of the reserved ones


class PieceIds:
    """Pieces and token ids of a vocabulary file, with reserved ids in between where there is an offset."""

    def __init__(self, vocabulary: SentencePieceProcessor, offset: int, masks: tuple[str, str]) -> None:
        """Take the vocabulary and the names of the two mask tokens, which are reserved with an offset."""
        self._vocabulary = vocabulary
        self._offset = offset
        names = [*masks, *(f"<unk_{i}>" for i in range(2, offset))] if offset else []
        self._reserved = dict(enumerate(names, start=UNMOVED))
        self._reserved_ids = {token: index for index, token in self._reserved.items()}

    def __len__(self) -> int:
        size: int = self._vocabulary.get_piece_size()
        return size + self._offset

    @property
    def reserved(self) -> frozenset[int]:
        """The ids that no piece of the file has."""
        return frozenset(self._reserved)

    def from_file(self, index: int) -> int:
        """Return the token id of an id in the vocabulary file."""
        return index if index < UNMOVED else index + self._offset

    def in_file(self, index: int) -> int:
        """Return the id in the vocabulary file of a token id that is not reserved."""
        return index if index < UNMOVED else index - self._offset

    def find(self, token: str | None) -> int | None:
        """Return the id of a token, or None where the vocabulary does not have it."""
        if token is None or token in self._reserved_ids:
            return None if token is None else self._reserved_ids[token]
        index: int = self._vocabulary.piece_to_id(replace_surrogates(token))
        return self.from_file(index) if self._vocabulary.id_to_piece(index) == token else None

    def piece(self, index: int) -> str:
        """Return the piece of a token id.

        Raises:
            TokenizerError: there is no such id.
        """
        if index in self._reserved:
            return self._reserved[index]
        if not 0 <= index < len(self):
            raise TokenizerError(f"{index} is no id of this vocabulary, which has {len(self)}")
        piece: str = self._vocabulary.id_to_piece(self.in_file(index))
        return piece
