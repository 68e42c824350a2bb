"""PegasusTokenizer: text to token ids and back, over SentencePiece.

A newline is written as the piece ``<n>`` where the vocabulary has it, as Google trained these models
(google-research/bigbird, ``substitute_newline="<n>"``), because SentencePiece would turn it into a space.

Special tokens never come out of text: a document that holds ``</s>`` gets the pieces that spell it.
Tokens that a caller has added do, see `added_tokens`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from bigbird_pegasus.checkpoints.files import CONFIG_FILE, TOKENIZER_CONFIG_FILE, VOCABULARY_FILE
from bigbird_pegasus.checkpoints.folders import made_folder, path_of
from bigbird_pegasus.checkpoints.hub import checkpoint_folder, split_options
from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.argument_checks import ids_of, pieces_of, text_of
from bigbird_pegasus.tokenization.batch_encoding import BatchEncoding
from bigbird_pegasus.tokenization.collation import check_kind, lengths_of, pad_columns, to_tensors
from bigbird_pegasus.tokenization.decoding import spelt, without_spaces_before_marks
from bigbird_pegasus.tokenization.encode import CallOptions, encode
from bigbird_pegasus.tokenization.pegasus_vocabulary import PegasusVocabulary
from bigbird_pegasus.tokenization.token_positions import TextOrWords
from bigbird_pegasus.tokenization.vocabulary import (
    SPECIAL_TOKEN_NAMES,
    read_json,
    tokenizer_arguments,
    write_tokenizer,
)

if TYPE_CHECKING:
    from torch import Tensor


# Published arguments of `from_pretrained` that choose among implementations: there is one.
_WITHOUT_EFFECT = frozenset(
    {"add_prefix_space", "config", "do_lower_case", "legacy", "tokenizer_type", "use_fast"}
)


# What there is in place of published names that are not offered.
HINTS = {
    "apply_chat_template": "these models have no chats: encode the text itself",
    "backend_tokenizer": "SentencePiece does the work; `encodings` of a call has rows one by one",
    "create_token_type_ids_from_sequences": "call the tokenizer with return_token_type_ids=True",
    "prepare_for_model": "call the tokenizer with texts, or `pad` ids",
    "prepare_seq2seq_batch": "call the tokenizer with text_target",
    "push_to_hub": "`hf upload` sends a saved folder to the Hub",
    "train_new_from_iterator": "SentencePiece trains a vocabulary, whose file this class takes",
    "truncate_sequences": "call the tokenizer with truncation=True",
}


class PegasusTokenizer(PegasusVocabulary):
    """The tokenizer of BigBird-Pegasus and PEGASUS checkpoints.

    It is made and named as `PegasusVocabulary` says, and changes only as that does.
    """

    is_fast = True
    model_input_names = ("input_ids", "attention_mask")
    name_or_path = ""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        **options: Any,
    ) -> "PegasusTokenizer":
        """Load the tokenizer of a checkpoint: its ``spiece.model`` and ``tokenizer_config.json``.

        Args:
            pretrained_model_name_or_path: a folder, or ``owner/name`` on the Hub, see `checkpoint_folder`.
            revision: branch, tag or commit of a model on the Hub.
            local_files_only: never download.
            options: arguments of the class, which take precedence over the folder's; `subfolder`,
                `cache_dir`, `token` and `force_download` of `checkpoint_folder`. `add_prefix_space`,
                `config`, `do_lower_case`, `legacy`, `tokenizer_type`, `trust_remote_code` and `use_fast`
                are accepted and change nothing: the vocabulary says how a text is read, there is one
                implementation, and no code is ever fetched.

        Raises:
            TokenizerError: a file is missing or corrupt, or there are more ids than ``vocab_size`` in
                ``config.json``.
            CheckpointError: the Hub does not give it.
        """
        where, options = split_options(options)
        options = {name: value for name, value in options.items() if name not in _WITHOUT_EFFECT}
        where |= {"revision": revision, "local_files_only": local_files_only}
        folder = checkpoint_folder(pretrained_model_name_or_path, **where)
        model_ids = read_json(folder / CONFIG_FILE).get("vocab_size")
        tokenizer = cls(**tokenizer_arguments(folder, model_ids) | options)
        tokenizer.name_or_path = str(pretrained_model_name_or_path)
        if isinstance(model_ids, int) and len(tokenizer) > model_ids:
            raise TokenizerError(
                f"{tokenizer.vocab_file} with offset {tokenizer.offset} has {len(tokenizer)} ids, but the"
                f" vocab_size in config.json is {model_ids}: "
                + (
                    "resize_token_embeddings of the model, and save it"
                    if tokenizer.get_added_vocab()
                    else f"is the offset in {TOKENIZER_CONFIG_FILE} right?"
                )
            )
        return tokenizer

    def save_pretrained(
        self, save_directory: str | Path, *, filename_prefix: None = None, push_to_hub: bool = False
    ) -> tuple[str, ...]:
        """Write ``spiece.model`` and ``tokenizer_config.json`` into the folder, which is made if need be.

        Returns the paths of the files. Other names of files and uploads are not offered.

        With offset 0 the mask token is listed under ``additional_special_tokens``: transformers 5 puts a
        named mask token in front of the vocabulary, and every id after it would be one too high.
        """
        if filename_prefix is not None:
            raise TokenizerError("filename_prefix is not offered: save into a folder of its own")
        if push_to_hub:
            raise TokenizerError(f"push_to_hub is not offered: {HINTS['push_to_hub']}")
        config: dict[str, Any] = {"tokenizer_class": "PegasusTokenizer", "offset": self.offset}
        config |= {"model_max_length": self.model_max_length}
        config |= {name: getattr(self, name) for name in SPECIAL_TOKEN_NAMES}
        config["additional_special_tokens"] = self.additional_special_tokens
        if self.offset == 0:
            masks = [token for token in (self.mask_token_sent, self.mask_token) if token]
            config |= {"mask_token": None, "mask_token_sent": None}
            config["additional_special_tokens"] = self.additional_special_tokens + masks
        sides = {name: getattr(self, name) for name in ("padding_side", "truncation_side")}
        config |= {name: side for name, side in sides.items() if side != "right"}
        return write_tokenizer(path_of(save_directory), self.vocab_file, config, self._ids.added)

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
            add_special_tokens and all that follow: see `CallOptions`, where they are described. Left out,
                `max_length` is ``model_max_length`` and `padding_side` the tokenizer's own.
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
            self.truncation_side,
            return_tensors,
            return_attention_mask is not False,
            bool(return_token_type_ids),
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

    def encode_plus(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """Do what a call does: its name in older scripts."""
        return self(text, text_pair, **options)

    def batch_encode_plus(self, batch_text_or_text_pairs: Any, **options: Any) -> BatchEncoding:
        """Do what a call does: its name in older scripts."""
        return self(batch_text_or_text_pairs, **options)

    @contextmanager
    def as_target_tokenizer(self) -> Iterator[None]:
        """Do nothing within a `with`: older scripts encode targets there, which are encoded as all texts."""
        yield

    def encode(self, text: str, text_pair: str | None = None, **options: Any) -> Any:
        """Return the ``input_ids`` of a call with these arguments: a list, or on request a tensor (1, T)."""
        return self(text, text_pair, **options)["input_ids"]

    def tokenize(self, text: str, pair: str | None = None, add_special_tokens: bool = False) -> list[str]:
        """Return the pieces of a text or pair; characters outside the vocabulary are ``<unk>``.

        Raises:
            TokenizerError: it is no text.
        """
        ids: list[int] = self.encode(text_of(text), pair, add_special_tokens=add_special_tokens)
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

    @property
    def max_len_single_sentence(self) -> int:
        """The tokens of the longest text, without ``</s>``."""
        return self.model_max_length - 1

    @property
    def max_len_sentences_pair(self) -> int:
        """The tokens of the longest pair of texts, without ``</s>``."""
        return self.model_max_length - 1

    @property
    def init_kwargs(self) -> dict[str, Any]:
        """The arguments that would make such a tokenizer."""
        names = ("offset", "model_max_length", "padding_side", "truncation_side", *SPECIAL_TOKEN_NAMES)
        more = {
            "additional_special_tokens": self.additional_special_tokens,
            "vocab_file": str(self.vocab_file),
        }
        return {name: getattr(self, name) for name in names} | more | {"name_or_path": self.name_or_path}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, padding_side={self.padding_side!r}, "
            f"truncation_side={self.truncation_side!r}, special_tokens={self.special_tokens_map}, "
            f"added_tokens_decoder={self.added_tokens_decoder})"
        )

    def __getattr__(self, name: str) -> Any:
        hint = f" is not offered: {HINTS[name]}" if name in HINTS else " is no attribute of a tokenizer"
        raise AttributeError(f"{name}{hint}")

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str]:
        """Write ``spiece.model`` into a folder and return its path; a prefix is put before its name."""
        name = VOCABULARY_FILE if filename_prefix is None else f"{filename_prefix}-{VOCABULARY_FILE}"
        path = made_folder(save_directory) / name
        path.write_bytes(self.vocab_file.read_bytes())
        return (str(path),)

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Take the spaces before English punctuation away."""
        return without_spaces_before_marks(text_of(out_string))

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Return how many special tokens a text or pair gets: ``</s>``."""
        return 1

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Return the ids of a text or pair with ``</s>``."""
        return [*ids_of(token_ids_0), *ids_of(() if token_ids_1 is None else token_ids_1), self.eos_token_id]

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """Return 1 for each special token and 0 for others: of the ids, or of those with ``</s>`` added."""
        if already_has_special_tokens:
            return [int(index in self._special_ids) for index in ids_of(token_ids_0)]
        return [0] * (len(self.build_inputs_with_special_tokens(token_ids_0, token_ids_1)) - 1) + [1]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Return the text that pieces spell."""
        return spelt(pieces_of(tokens), self.newline_token)

    @overload
    def decode(
        self,
        token_ids: "Tensor",
        skip_special_tokens: bool = ...,
        clean_up_tokenization_spaces: bool = ...,
        spaces_between_special_tokens: bool = ...,
    ) -> Any: ...
    @overload
    def decode(
        self,
        token_ids: int | Sequence[int],
        skip_special_tokens: bool = ...,
        clean_up_tokenization_spaces: bool = ...,
        spaces_between_special_tokens: bool = ...,
    ) -> str: ...
    @overload
    def decode(
        self,
        token_ids: Sequence[Sequence[int]],
        skip_special_tokens: bool = ...,
        clean_up_tokenization_spaces: bool = ...,
        spaces_between_special_tokens: bool = ...,
    ) -> list[str]: ...
    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
        spaces_between_special_tokens: bool = True,
    ) -> Any:
        """Return the text of token ids: one id, a list, a tensor (T,); or the texts of many rows (B, T).

        ``<n>`` becomes a newline. `skip_special_tokens` leaves out every special token, ``<unk>`` among them;
        `clean_up_tokenization_spaces` takes the spaces before English punctuation away;
        `spaces_between_special_tokens` is accepted and changes nothing, as published.

        Raises:
            TokenizerError: an id is not in the vocabulary (such as -100 in labels).
        """
        if hasattr(token_ids, "tolist"):
            token_ids = token_ids.tolist()
        if isinstance(token_ids, int):
            token_ids = [token_ids]
        first = token_ids[0] if isinstance(token_ids, Sequence) and token_ids else None
        if hasattr(first, "__len__") and not isinstance(token_ids, str):
            return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in token_ids]
        pieces = self.convert_ids_to_tokens(token_ids, skip_special_tokens)
        text = spelt(pieces, self.newline_token)
        return without_spaces_before_marks(text) if clean_up_tokenization_spaces else text

    def batch_decode(
        self,
        sequences: "Tensor | Sequence[Sequence[int]] | Sequence[Tensor]",
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
        spaces_between_special_tokens: bool = True,
    ) -> list[str]:
        """`decode` for each row of (B, T).

        Raises:
            TokenizerError: these are no rows, or see `decode`.
        """
        no_rows = isinstance(sequences, str) or getattr(sequences, "ndim", 1) == 0
        if no_rows or not isinstance(sequences, Iterable):
            raise TokenizerError(f"rows of token ids are needed, not {sequences!r:.50}")
        return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in sequences]

    def token_spans(self, text: TextOrWords) -> list[tuple[int, int]]:
        """Return the span of each token of a text or its words (else a TokenizerError), without ``</s>``."""
        words = text if isinstance(text, str) else tuple(pieces_of(text))
        return self._reader.row_of(words, spans=True).spans


PegasusTokenizerFast = PegasusTokenizer  # its published name where the other one was slow
