"""PegasusTokenizer: text to token ids and back, over SentencePiece.

A newline is written as the piece ``<n>`` where the vocabulary has it, as Google trained these models
(google-research/bigbird, ``substitute_newline="<n>"``), because SentencePiece would turn it into a space.

Special tokens never come out of text: a document that holds ``</s>`` gets the pieces that spell it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from bigbird_pegasus.checkpoints.files import CONFIG_FILE, TOKENIZER_CONFIG_FILE, VOCABULARY_FILE
from bigbird_pegasus.checkpoints.hub import checkpoint_folder, split_options
from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.batch_encoding import (
    BatchEncoding,
    Row,
    check_kind,
    check_side,
    lengths_of,
    pad_columns,
    to_tensors,
)
from bigbird_pegasus.tokenization.encode import CallOptions, encode
from bigbird_pegasus.tokenization.piece_ids import OFFSETS, PieceIds
from bigbird_pegasus.tokenization.segmentation import NEWLINE_PIECE, Segmenter
from bigbird_pegasus.tokenization.token_positions import TextOrWords
from bigbird_pegasus.tokenization.vocabulary import (
    SPECIAL_TOKEN_NAMES,
    load_vocabulary,
    read_json,
    tokenizer_arguments,
)

if TYPE_CHECKING:
    from torch import Tensor


# Published arguments of `from_pretrained` that choose among implementations: there is one.
_WITHOUT_EFFECT = frozenset({"config", "legacy", "tokenizer_type", "use_fast"})

_WORD_START = "▁"  # U+2581, SentencePiece's sign for a space

# English spacing undone as the published decoders do it; the order matters
_SPACED_MARKS = ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"))
_SPACED_ENDINGS = ((" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"))


class PegasusTokenizer:
    """The tokenizer of BigBird-Pegasus and PEGASUS checkpoints. It never changes after it is made.

    Args:
        vocab_file: the SentencePiece model, ``spiece.model`` of a checkpoint folder.
        offset: 0 (BigBird-Pegasus) or 103 (PEGASUS), see `piece_ids`.
        model_max_length: the tokens, ``</s>`` among them, that ``truncation=True`` alone keeps.
        padding_side: "right" or "left"; calls may say otherwise.
        pad_token, eos_token, unk_token: must be in the vocabulary.
        bos_token, sep_token, cls_token, mask_token, mask_token_sent, additional_special_tokens: as the
            checkpoint names them; a token that the vocabulary does not have has no id and is None here.

    ``newline_token`` is ``"<n>"`` where the vocabulary has that piece, else None.

    Raises:
        TokenizerError: the file is missing or no SentencePiece model, or does not fit the other arguments.
    """

    truncation_side = "right"
    is_fast = True
    model_input_names = ("input_ids", "attention_mask")

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
    ) -> None:
        check_side(padding_side)
        self.padding_side = padding_side
        if isinstance(offset, bool) or offset not in OFFSETS:
            raise TokenizerError(f"offset is {offset!r}; it is 0 for BigBird-Pegasus and 103 for PEGASUS")
        is_number = isinstance(model_max_length, int | float) and not isinstance(model_max_length, bool)
        if not is_number or not 1 <= model_max_length < float("inf"):
            raise TokenizerError(f"model_max_length is {model_max_length!r}; it must be a number from 1 up")
        self.vocab_file = Path(vocab_file)
        self.offset = int(offset)
        self.model_max_length = int(model_max_length)  # published configurations without a limit say 1e30

        self.pad_token, self.eos_token, self.unk_token = pad_token, eos_token, unk_token
        additional = list(additional_special_tokens or ())
        optional = filter(None, (bos_token, sep_token, cls_token, mask_token, mask_token_sent))
        special = {pad_token, eos_token, unk_token, *additional, *optional}
        special.discard(NEWLINE_PIECE)  # a newline is text, whatever a configuration says
        self._vocabulary = load_vocabulary(self.vocab_file, special)
        masks = (mask_token_sent or "<mask_1>", mask_token or "<mask_2>")
        self._ids = PieceIds(self._vocabulary, self.offset, masks)
        if offset and self._vocabulary.id_to_piece([0, 1]) != [pad_token, eos_token]:
            raise TokenizerError(
                f"{self.vocab_file} does not begin with {pad_token} and {eos_token}, as offset {offset} needs"
            )
        self.pad_token_id = self._required_id(pad_token)
        self.eos_token_id = self._required_id(eos_token)
        self.unk_token_id = self._required_id(unk_token)
        if not self._vocabulary.is_unknown(self._ids.in_file(self.unk_token_id)):
            raise TokenizerError(f"{unk_token} is not the unknown piece of {self.vocab_file}")
        self.bos_token = self._known(bos_token)
        self.sep_token = self._known(sep_token)
        self.cls_token = self._known(cls_token)
        self.mask_token = self._known(mask_token)
        self.mask_token_sent = self._known(mask_token_sent)
        self.bos_token_id = self._ids.find(bos_token)
        self.sep_token_id = self._ids.find(sep_token)
        self.cls_token_id = self._ids.find(cls_token)
        self.mask_token_id = self._ids.find(mask_token)
        self.mask_token_sent_id = self._ids.find(mask_token_sent)
        self.additional_special_tokens = [token for token in additional if self._ids.find(token) is not None]
        special_ids = {self._ids.find(token) for token in special} | self._ids.reserved
        self._special_ids = frozenset(index for index in special_ids if index is not None)
        self._segmenter = Segmenter(self._vocabulary)
        self.newline_token = self._segmenter.newline_piece

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        **options: Any,
    ) -> "PegasusTokenizer":
        """Load the tokenizer of a checkpoint: its ``spiece.model`` and ``tokenizer_config.json``.

        Args:
            name_or_path: a folder, or ``owner/name`` on the Hub, see `checkpoint_folder`.
            revision: branch, tag or commit of a model on the Hub.
            local_files_only: never download.
            options: arguments of the class, which take precedence over the folder's; `subfolder`,
                `cache_dir`, `token` and `force_download` of `checkpoint_folder`. `config`, `legacy`,
                `tokenizer_type`, `trust_remote_code` and `use_fast` are accepted: there is one
                implementation, and no code is ever fetched.

        Raises:
            TokenizerError: a file is missing or corrupt, or there are more ids than ``vocab_size`` in
                ``config.json``.
            CheckpointError: the Hub does not give it.
        """
        where, options = split_options(options)
        options = {name: value for name, value in options.items() if name not in _WITHOUT_EFFECT}
        where |= {"revision": revision, "local_files_only": local_files_only}
        folder = checkpoint_folder(name_or_path, **where)
        arguments = tokenizer_arguments(folder) | options
        tokenizer = cls(**arguments)
        model_ids = read_json(folder / CONFIG_FILE).get("vocab_size")
        if isinstance(model_ids, int) and len(tokenizer) > model_ids:
            raise TokenizerError(
                f"{tokenizer.vocab_file} with offset {tokenizer.offset} has {len(tokenizer)} ids, but the"
                f" vocab_size in config.json is {model_ids}: is the offset in {TOKENIZER_CONFIG_FILE} right?"
            )
        return tokenizer

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``spiece.model`` and ``tokenizer_config.json`` into the folder, which is made if need be.

        With offset 0 the mask token is listed under ``additional_special_tokens``: transformers 5 puts a
        named mask token in front of the vocabulary, and every id after it would be one too high.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        config: dict[str, Any] = {"tokenizer_class": "PegasusTokenizer", "offset": self.offset}
        config |= {"model_max_length": self.model_max_length}
        config |= {name: getattr(self, name) for name in SPECIAL_TOKEN_NAMES}
        config["additional_special_tokens"] = self.additional_special_tokens
        if self.offset == 0:
            masks = [token for token in (self.mask_token_sent, self.mask_token) if token]
            config |= {"mask_token": None, "mask_token_sent": None}
            config["additional_special_tokens"] = self.additional_special_tokens + masks
        (folder / VOCABULARY_FILE).write_bytes(self.vocab_file.read_bytes())
        (folder / TOKENIZER_CONFIG_FILE).write_text(
            json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Encode one text or a list of them.

        Args:
            text: one text, or a list or tuple of B texts, or of B pairs of texts.
            text_pair: a second text for each, put after the first and before ``</s>``.
            text_target: texts whose ids come back as ``labels`` (as ``input_ids`` where there is no `text`).
            text_pair_target: a second text for each of those.
            add_special_tokens: append ``</s>``; truncation counts it and keeps it.
            padding: True or "longest" to the longest row, "max_length" to `max_length`, False not at all.
                Padding has mask 0.
            truncation: True or "longest_first", "only_first", "only_second" (of a pair), False. Left out, a
                `max_length` without padding truncates.
            max_length: tokens of a row, ``</s>`` included; left out, ``model_max_length``.
            stride: tokens that neighbouring rows share, with `return_overflowing_tokens`.
            is_split_into_words: a text is a list of words, each encoded by itself.
            pad_to_multiple_of: padded rows are as long as a multiple of this.
            padding_side: "right" or "left"; left out, the tokenizer's own.
            return_tensors: "pt" for int64 tensors (B, T), "np" for arrays, one text being B = 1; None for
                lists.
            return_token_type_ids: accepted and not obeyed: these models have none, and none are published.
            return_attention_mask: False leaves it out.
            return_overflowing_tokens: what truncation would drop are further rows;
                ``overflow_to_sample_mapping`` has the number of each row's text.
            return_special_tokens_mask: also ``special_tokens_mask``, 1 at ``</s>`` and padding.
            return_offsets_mapping: also ``offset_mapping``, (B, T, 2): the half-open span of each token in
                code points of the text as passed, without the space before it; in its word where the text is
                split. ``</s>`` and padding have (0, 0).
            return_length: also ``length``, of each row with its padding.
            verbose: accepted; nothing is printed.

        Returns:
            ``input_ids`` and ``attention_mask``, flat lists for one text and lists of lists for many.

        Raises:
            TokenizerError: an argument is impossible, or rows of different lengths were to become a tensor.
        """
        options = CallOptions(
            lengths_of(padding, truncation, max_length, pad_to_multiple_of, self.model_max_length),
            add_special_tokens,
            stride,
            is_split_into_words,
            self.padding_side if padding_side is None else padding_side,
            return_tensors,
            return_attention_mask is not False,
            return_overflowing_tokens,
            return_special_tokens_mask,
            return_offsets_mapping,
            return_length,
        )
        if text is None:
            if text_target is None:
                raise TokenizerError("there is nothing to encode: give text or text_target")
            return encode(self, text_target, text_pair_target, options)
        encoding = encode(self, text, text_pair, options)
        if text_target is not None:
            encoding["labels"] = encode(self, text_target, text_pair_target, options)["input_ids"]
        return encoding

    def encode(self, text: str, text_pair: str | None = None, **options: Any) -> Any:
        """Return the ``input_ids`` of a call with these arguments: a list, or on request a tensor (1, T)."""
        return self(text, text_pair, **options)["input_ids"]

    def tokenize(self, text: str, pair: str | None = None, add_special_tokens: bool = False) -> list[str]:
        """Return the pieces of a text or pair; characters outside the vocabulary are ``<unk>``."""
        ids: list[int] = self.encode(text, pair, add_special_tokens=add_special_tokens)
        return self.convert_ids_to_tokens(ids)

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad encodings that were made before: one, a dict of their columns, or a list of such dicts.

        ``input_ids``, ``attention_mask`` and ``special_tokens_mask`` are padded; other columns stay as they
        are. For the arguments see `__call__`.

        Raises:
            TokenizerError: there are no ``input_ids``, or an argument is impossible.
        """
        check_kind(return_tensors)
        lengths = lengths_of(padding, False, max_length, pad_to_multiple_of, self.model_max_length)
        side = self.padding_side if padding_side is None else padding_side
        mask = return_attention_mask is not False
        columns = pad_columns(encoded_inputs, lengths, self.pad_token_id, side, attention_mask=mask)
        kind = check_kind(return_tensors)
        return BatchEncoding(columns if kind is None else to_tensors(columns, kind))

    def add_tokens(self, new_tokens: str | Sequence[str], special_tokens: bool = False) -> int:
        """Return 0 where the vocabulary has all of the tokens already: it cannot grow.

        Raises:
            TokenizerError: it lacks one.
        """
        wanted = [new_tokens] if isinstance(new_tokens, str) else [str(token) for token in new_tokens]
        missing = [token for token in wanted if self._ids.find(token) is None]
        if missing:
            raise TokenizerError(
                f"the vocabulary lacks {missing[0]!r} and cannot grow: take one of its unused pieces, such "
                "as <unk_7> with offset 103, or add the piece to spiece.model"
            )
        return 0

    def add_special_tokens(self, special_tokens_dict: Mapping[str, Any]) -> int:
        """Return 0 where the vocabulary has all of the tokens already; see `add_tokens`.

        Raises:
            TokenizerError: it lacks one.
        """
        values = special_tokens_dict.values()
        return self.add_tokens([str(t) for v in values for t in ([v] if isinstance(v, str) else v)])

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Return how many special tokens a text or pair gets: ``</s>``."""
        return 1

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Return the ids of a text or pair with ``</s>``."""
        return [*token_ids_0, *(token_ids_1 or []), self.eos_token_id]

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """Return 1 for each special token and 0 for others: of the ids, or of those with ``</s>`` added."""
        if already_has_special_tokens:
            return [int(index in self._special_ids) for index in token_ids_0]
        return [0] * (len(token_ids_0) + len(token_ids_1 or [])) + [1]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Return the text that pieces spell."""
        text = "".join(tokens).replace(_WORD_START, " ")
        if tokens and tokens[0].startswith(_WORD_START):
            text = text[1:]
        return text.replace(self.newline_token, "\n") if self.newline_token else text

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

    @overload
    def decode(
        self, token_ids: "Tensor", skip_special_tokens: bool = ..., clean_up_tokenization_spaces: bool = ...
    ) -> Any: ...
    @overload
    def decode(
        self,
        token_ids: int | Sequence[int],
        skip_special_tokens: bool = ...,
        clean_up_tokenization_spaces: bool = ...,
    ) -> str: ...
    @overload
    def decode(
        self,
        token_ids: Sequence[Sequence[int]],
        skip_special_tokens: bool = ...,
        clean_up_tokenization_spaces: bool = ...,
    ) -> list[str]: ...
    def decode(
        self, token_ids: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> Any:
        """Return the text of token ids: one id, a list, a tensor (T,); or the texts of many rows (B, T).

        ``<n>`` becomes a newline. `skip_special_tokens` leaves out every special token, ``<unk>`` among them;
        `clean_up_tokenization_spaces` takes the spaces before English punctuation away.

        Raises:
            TokenizerError: an id is not in the vocabulary (such as -100 in labels).
        """
        if hasattr(token_ids, "tolist"):
            token_ids = token_ids.tolist()
        if isinstance(token_ids, int):
            token_ids = [token_ids]
        if token_ids and not isinstance(token_ids[0], int) and hasattr(token_ids[0], "__len__"):
            return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in token_ids]
        pieces = self.convert_ids_to_tokens([int(index) for index in token_ids], skip_special_tokens)
        text = self.convert_tokens_to_string(pieces)
        if clean_up_tokenization_spaces:
            for spaced, tight in _SPACED_MARKS + _SPACED_ENDINGS:
                text = text.replace(spaced, tight)
        return text

    def batch_decode(
        self,
        sequences: "Tensor | Sequence[Sequence[int]] | Sequence[Tensor]",
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
    ) -> list[str]:
        """`decode` for each row of (B, T)."""
        return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in sequences]

    def __len__(self) -> int:
        return self.vocab_size

    @property
    def vocab_size(self) -> int:
        """Return how many ids there are; all are below this."""
        return len(self._ids)

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
            TokenizerError: there is no such id.
        """
        if isinstance(ids, int):
            return self._ids.piece(ids)
        return [
            self._ids.piece(index)
            for index in ids
            if not (skip_special_tokens and index in self._special_ids)
        ]

    @overload
    def convert_tokens_to_ids(self, tokens: str) -> int: ...
    @overload
    def convert_tokens_to_ids(self, tokens: list[str] | tuple[str, ...]) -> list[int]: ...
    def convert_tokens_to_ids(self, tokens: str | list[str] | tuple[str, ...]) -> int | list[int]:
        """Return the id of a piece, or the ids of a list of them; that of ``<unk>`` for what is no piece."""
        if not isinstance(tokens, str):
            return [self.convert_tokens_to_ids(token) for token in tokens]
        index = self._ids.find(tokens)
        return self.unk_token_id if index is None else index

    def _known(self, token: str | None) -> str | None:
        return None if self._ids.find(token) is None else token

    def _required_id(self, token: str) -> int:
        index = self._ids.find(token)
        if index is None:
            raise TokenizerError(f"{self.vocab_file} has no piece {token}")
        return index

    def row_of(self, text: TextOrWords, *, spans: bool) -> Row:
        """Return the tokens of a text, without ``</s>``; of a text that is split, those of its words."""
        if not isinstance(text, str):
            words = [self.row_of(word, spans=spans) for word in text]
            return Row(
                [i for word in words for i in word.ids], [span for word in words for span in word.spans]
            )
        if not spans:
            return Row([self._ids.from_file(index) for index in self._segmenter.ids(text)], [])
        indices, found = self._segmenter.ids_and_spans(text)
        return Row([self._ids.from_file(index) for index in indices], found)

    def token_spans(self, text: TextOrWords) -> list[tuple[int, int]]:
        """Return the span of each token of a text, without ``</s>``."""
        return self.row_of(text, spans=True).spans

    def token_words(self, text: TextOrWords) -> list[int | None]:
        """Return the number of the word that each token of a text is of; None for newlines.

        A word begins at a space, at a newline, or where the caller has split the text.
        """
        if not isinstance(text, str):
            return [n for n, word in enumerate(text) for _ in self.row_of(word, spans=False).ids]
        found: list[int | None] = []
        number, begins = -1, True
        for piece in self.tokenize(text):
            is_newline = piece == self.newline_token
            number += not is_newline and (begins or piece.startswith(_WORD_START))
            found.append(None if is_newline else number)
            begins = is_newline
        return found
