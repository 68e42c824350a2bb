"""The tokens of a PEGASUS vocabulary: pieces, special tokens with their names, tokens that are added."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, overload

from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.added_tokens import AddedToken, listed, read_added_tokens
from bigbird_pegasus.tokenization.argument_checks import ids_of, pieces_of
from bigbird_pegasus.tokenization.collation import check_side
from bigbird_pegasus.tokenization.piece_ids import OFFSETS, PieceIds
from bigbird_pegasus.tokenization.segmentation import NEWLINE_PIECE, Segmenter
from bigbird_pegasus.tokenization.text_reader import TextReader
from bigbird_pegasus.tokenization.vocabulary import (
    ADDITIONAL_TOKEN_NAMES,
    OPTIONAL_TOKEN_NAMES,
    REQUIRED_TOKEN_NAMES,
    SPECIAL_TOKEN_NAMES,
    load_vocabulary,
)


class PegasusVocabulary:
    """Tokens and ids. They change only by `add_tokens`, `add_special_tokens` and by setting a special token.

    Args:
        vocab_file: the SentencePiece model, ``spiece.model`` of a checkpoint folder.
        offset: 0 (BigBird-Pegasus) or 103 (PEGASUS), see `piece_ids`.
        model_max_length: the tokens, ``</s>`` among them, that ``truncation=True`` alone keeps.
        padding_side: "right" or "left"; calls may say otherwise.
        truncation_side: "right" or "left": where texts are cut.
        pad_token, eos_token, unk_token: must be in the vocabulary.
        bos_token, sep_token, cls_token, mask_token, mask_token_sent, additional_special_tokens: as the
            checkpoint names them; a token that the vocabulary does not have has no id and is None here.
        added_tokens_decoder: tokens that were added to the vocabulary, by their ids, as configurations have
            them.

    ``newline_token`` is ``"<n>"`` where the vocabulary has that piece, else None.

    Raises:
        TokenizerError: the file is missing or no SentencePiece model, or does not fit the other arguments.
    """

    pad_token: str
    eos_token: str
    unk_token: str
    bos_token: str | None
    sep_token: str | None
    cls_token: str | None
    mask_token: str | None
    mask_token_sent: str | None
    pad_token_id: int
    eos_token_id: int
    unk_token_id: int
    bos_token_id: int | None
    sep_token_id: int | None
    cls_token_id: int | None
    mask_token_id: int | None
    mask_token_sent_id: int | None
    _special_ids: frozenset[int]

    def __init__(
        self,
        vocab_file: str | Path,
        offset: int = 103,
        model_max_length: float = 4096,
        *,
        pad_token: str = "<pad>",
        eos_token: str = "</s>",
        unk_token: str = "<unk>",
        bos_token: str | None = "<s>",
        sep_token: str | None = None,
        cls_token: str | None = None,
        mask_token: str | None = "<mask_2>",
        mask_token_sent: str | None = "<mask_1>",
        additional_special_tokens: Iterable[str] | None = None,
        padding_side: str = "right",
        truncation_side: str = "right",
        added_tokens_decoder: Mapping[Any, Any] | None = None,
    ) -> None:
        check_side(padding_side)
        check_side(truncation_side, "truncation_side")
        self.padding_side, self.truncation_side = padding_side, truncation_side
        if isinstance(offset, bool) or offset not in OFFSETS:
            raise TokenizerError(f"offset is {offset!r}; it is 0 for BigBird-Pegasus and 103 for PEGASUS")
        is_number = isinstance(model_max_length, int | float) and not isinstance(model_max_length, bool)
        if not is_number or not 1 <= model_max_length < float("inf"):
            raise TokenizerError(f"model_max_length is {model_max_length!r}; it must be a number from 1 up")
        self.vocab_file = Path(vocab_file)
        self.offset = int(offset)
        self.model_max_length = int(model_max_length)  # published configurations without a limit say 1e30

        additional = list(additional_special_tokens or ())
        optional = filter(None, (bos_token, sep_token, cls_token, mask_token, mask_token_sent))
        special = {pad_token, eos_token, unk_token, *additional, *optional}
        special.discard(NEWLINE_PIECE)
        self._vocabulary = load_vocabulary(self.vocab_file, special)
        masks = (mask_token_sent or "<mask_1>", mask_token or "<mask_2>")
        self._ids = PieceIds(self._vocabulary, self.offset, masks)
        self._ids.add_listed(read_added_tokens(added_tokens_decoder or {}), special)
        first = self._vocabulary.id_to_piece([0, 1])
        named = [token for token in (pad_token, eos_token) if token not in self._ids.added.ids]
        if offset and [piece for piece in first if piece in named] != named:
            raise TokenizerError(
                f"{self.vocab_file} does not begin with {pad_token} and {eos_token}, as offset {offset} needs"
            )
        for name, token in zip(REQUIRED_TOKEN_NAMES, (pad_token, eos_token, unk_token), strict=True):
            if self._ids.find(token) is None:
                raise TokenizerError(f"{self.vocab_file} has no piece {token!r:.50}")
            super().__setattr__(name, token)
            super().__setattr__(f"{name}_id", self._ids.find(token))
        if not self._vocabulary.is_unknown(self._ids.in_file(self.unk_token_id)):
            raise TokenizerError(f"{unk_token} is not the unknown piece of {self.vocab_file}")
        others = (bos_token, sep_token, cls_token, mask_token, mask_token_sent)
        for name, optional_token in zip(OPTIONAL_TOKEN_NAMES, others, strict=True):
            index = self._ids.find(optional_token)
            super().__setattr__(name, None if index is None else optional_token)
            super().__setattr__(f"{name}_id", index)
        self.additional_special_tokens = [token for token in additional if self._ids.find(token) is not None]
        self._list_special_ids()
        segmenter = Segmenter(self._vocabulary)
        self.newline_token = segmenter.newline_piece
        self._reader = TextReader(segmenter, self._ids)
        self.row_of, self.token_words = self._reader.row_of, self._reader.token_words

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a special token with its id, or its id with it; any other attribute as usual.

        Raises:
            TokenizerError: the vocabulary does not have the token, or a required one would be None.
        """
        base = name.removesuffix("_id")
        if base not in SPECIAL_TOKEN_NAMES:
            super().__setattr__(name, value)
            return
        token = value if base == name or value is None else self.convert_ids_to_tokens(value)
        index = self._ids.find(token)
        if index is None and (token is not None or base in REQUIRED_TOKEN_NAMES):
            raise TokenizerError(
                f"{base} is {token!r}, which is not in the vocabulary: add_special_tokens first"
            )
        super().__setattr__(base, token)
        super().__setattr__(f"{base}_id", index)
        self._list_special_ids()

    def add_tokens(self, new_tokens: Any, special_tokens: bool = False) -> int:
        """Add tokens that texts are searched for from now on, with ids from the end of the vocabulary on.

        A piece of the vocabulary keeps its id. The model needs `resize_token_embeddings(len(tokenizer))`.

        Args:
            new_tokens: one or several, each a str.
            special_tokens: decoding leaves them out with `skip_special_tokens`.

        Returns:
            How many were added: not those that were before, or that are special tokens.

        Raises:
            TokenizerError: one is no text, is empty or too long, or there are too many.
        """
        known = {*self._ids.added.ids, *self.all_special_tokens}
        new = [token for token in dict.fromkeys(listed(new_tokens, special_tokens)) if token not in known]
        for token in new:
            self._ids.add(token.content, special=token.special)
        self._list_special_ids()
        return len(new)

    def add_special_tokens(self, special_tokens_dict: Mapping[str, Any]) -> int:
        """Add special tokens and give them their names, such as `{"cls_token": "[CLS]"}`.

        `additional_special_tokens` (now also `extra_special_tokens`) is a list of those without a name.

        Returns:
            How many were added; see `add_tokens`.

        Raises:
            TokenizerError: a name is unknown, or see `add_tokens`.
        """
        if not isinstance(special_tokens_dict, Mapping):
            raise TokenizerError("special tokens are given by their names, such as {'cls_token': '[CLS]'}")
        given = dict(special_tokens_dict)
        lists = [given.pop(name) for name in ADDITIONAL_TOKEN_NAMES if given.get(name) is not None]
        if unknown := given.keys() - set(SPECIAL_TOKEN_NAMES):
            raise TokenizerError(f"{min(unknown)} is no special token: {', '.join(SPECIAL_TOKEN_NAMES)} are")
        named = {name: listed([token])[0].content for name, token in given.items()}
        additional = [token.content for tokens in lists for token in listed(tokens)]
        count = self.add_tokens([*named.values(), *additional], special_tokens=True)
        for name, token in named.items():
            setattr(self, name, token)
        if lists:
            self.additional_special_tokens = additional
            self._list_special_ids()
        return count

    def get_added_vocab(self) -> dict[str, int]:
        """Return the tokens that were added, with their ids."""
        return dict(self._ids.added.ids)

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The tokens that were added, by their ids."""
        added = self._ids.added
        return {n: AddedToken(token, special=token in added.special) for token, n in added.ids.items()}

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """The ids of the tokens that were added: `get_added_vocab`."""
        return self.get_added_vocab()

    @property
    def extra_special_tokens(self) -> list[str]:
        """The special tokens without a name: transformers 5 calls `additional_special_tokens` so."""
        return self.additional_special_tokens

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """The special tokens by their names, those that there are."""
        found = {name: getattr(self, name) for name in SPECIAL_TOKEN_NAMES if getattr(self, name) is not None}
        more = {"additional_special_tokens": self.additional_special_tokens}
        return found | (more if self.additional_special_tokens else {})

    @property
    def vocab(self) -> dict[str, int]:
        """Every piece with its id."""
        return self.get_vocab()

    def __len__(self) -> int:
        """Return how many ids there are; all are below this."""
        return len(self._ids)

    @property
    def vocab_size(self) -> int:
        """Return how many ids there are without added tokens."""
        return self._ids.size

    def _list_special_ids(self) -> None:
        names = {getattr(self, name) for name in SPECIAL_TOKEN_NAMES} | self._ids.added.special
        names |= {*self.additional_special_tokens}
        names.discard(NEWLINE_PIECE)  # a newline is text, whatever a configuration says
        found = {self._ids.find(token) for token in names}
        self._special_ids = self._ids.reserved.union(index for index in found if index is not None)

    @property
    def all_special_ids(self) -> list[int]:
        """The ids that `skip_special_tokens` leaves out, ascending."""
        return sorted(self._special_ids)

    @property
    def all_special_tokens(self) -> list[str]:
        """The tokens of `all_special_ids`."""
        return self.convert_ids_to_tokens(self.all_special_ids)

    def get_vocab(self) -> dict[str, int]:
        """Every piece with its id."""
        return {piece: index for index, piece in enumerate(self.convert_ids_to_tokens(range(len(self))))}

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = ...) -> str: ...
    @overload
    def convert_ids_to_tokens(self, ids: Sequence[int], skip_special_tokens: bool = ...) -> list[str]: ...
    def convert_ids_to_tokens(
        self, ids: int | Sequence[int], skip_special_tokens: bool = False
    ) -> str | list[str]:
        """Return the piece of an id, or the pieces of a list of ids.

        Raises:
            TokenizerError: there is no such id, or it is no whole number.
        """
        if isinstance(ids, Integral):
            return self._ids.piece(int(ids))
        return [
            self._ids.piece(index)
            for index in ids_of(ids)
            if not (skip_special_tokens and index in self._special_ids)
        ]

    @overload
    def convert_tokens_to_ids(self, tokens: str) -> int: ...
    @overload
    def convert_tokens_to_ids(self, tokens: list[str] | tuple[str, ...]) -> list[int]: ...
    def convert_tokens_to_ids(self, tokens: str | list[str] | tuple[str, ...]) -> int | list[int]:
        """Return the id of a piece, or the ids of a list of them; that of ``<unk>`` for what is no piece.

        Raises:
            TokenizerError: it is no text, nor a list of them.
        """
        if not isinstance(tokens, str):
            return [self.convert_tokens_to_ids(token) for token in pieces_of(tokens)]
        index = self._ids.find(tokens)
        return self.unk_token_id if index is None else index
