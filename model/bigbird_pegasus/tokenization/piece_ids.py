"""The ids of tokens, in the two layouts that checkpoints have.

BigBird-Pegasus (``offset=0``) uses the ids of its vocabulary file as they are. PEGASUS (``offset=103``) keeps
``<pad>`` 0 and ``</s>`` 1, puts ``<mask_1>`` 2, ``<mask_2>`` 3 and ``<unk_2>`` to ``<unk_102>`` at 4 to 104,
and moves every other piece of the file up by 103 (google-research/pegasus, ``pretrain_parsing_ops.cc``).
Tokens that are added take the ids that follow.
"""

from collections.abc import Collection, Iterable

from sentencepiece import SentencePieceProcessor

from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.added_tokens import AddedTokens
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
        self.added = AddedTokens()
        pieces: int = vocabulary.get_piece_size()
        self.size = pieces + offset  # without what is added
        self._count = self.size

    def __len__(self) -> int:
        return self._count

    def add(self, token: str, *, special: bool) -> None:
        """Let texts be searched for a token: with the id of its piece, or the next one where it has none."""
        index = self.find(token)
        if index is None:
            index = self._count
        self.added.add(token, index, special=special)
        self._count = max(self._count, index + 1)

    def add_listed(self, tokens: Iterable[tuple[int, str, bool]], special: Collection[str]) -> None:
        """Add what a configuration lists, by id; its own special tokens, and pieces by another id, stay.

        Raises:
            TokenizerError: an id is not the next one.
        """
        for index, token, is_special in tokens:
            if index < self.size:
                if token not in special and index not in self._reserved and self.find(token) == index:
                    self.add(token, special=is_special)
                continue
            self.add(token, special=is_special)
            if self.find(token) != index:
                raise TokenizerError(
                    f"added_tokens_decoder gives {token!r} the id {index}, but it is {self.find(token)}"
                )

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
        if token is None:
            return None
        if (known := self.added.ids.get(token, self._reserved_ids.get(token))) is not None:
            return known
        index: int = self._vocabulary.piece_to_id(replace_surrogates(token))
        return self.from_file(index) if self._vocabulary.id_to_piece(index) == token else None

    def piece(self, index: int) -> str:
        """Return the piece of a token id.

        Raises:
            TokenizerError: there is no such id.
        """
        if index in self._reserved:
            return self._reserved[index]
        if (added := self.added.token(index)) is not None:
            return added
        if not 0 <= index < self.size:
            raise TokenizerError(f"{index} is no id of this vocabulary, which has {len(self)}")
        piece: str = self._vocabulary.id_to_piece(self.in_file(index))
        return piece
