"""The files of a tokenizer in a checkpoint folder.

The vocabulary is loaded so that special tokens cannot come out of text. SentencePiece finds "user-defined"
pieces in any text; the vocabulary of BigBird-Pegasus declares ``<s>`` and ``[MASK]`` so, and a document that
holds the HTML tag ``<s>`` would put the decoder's start token into the encoder. Such pieces are marked as
"control" in memory before SentencePiece sees the file: the ids stay, text never matches.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceProcessor

from bigbird_pegasus.checkpoints.files import (
    MAX_VOCABULARY_BYTES,
    SPECIAL_TOKENS_FILE,
    TOKENIZER_CONFIG_FILE,
    VOCABULARY_FILE,
    lfs_hint,
    read_file,
    read_json_object,
)
from bigbird_pegasus.errors import CheckpointError, TokenizerError
from bigbird_pegasus.tokenization.protobuf import user_defined_to_control

REQUIRED_TOKEN_NAMES = ("pad_token", "eos_token", "unk_token")
OPTIONAL_TOKEN_NAMES = ("bos_token", "sep_token", "cls_token", "mask_token", "mask_token_sent")
SPECIAL_TOKEN_NAMES = REQUIRED_TOKEN_NAMES + OPTIONAL_TOKEN_NAMES


def tokenizer_arguments(folder: Path) -> dict[str, Any]:
    """Return the arguments of `PegasusTokenizer` that the files of a checkpoint folder give.

    Raises:
        TokenizerError: the folder has no ``spiece.model``, or a file of it is corrupt.
    """
    if not folder.is_dir():
        raise TokenizerError(f"{folder} is not a folder")
    if not (folder / VOCABULARY_FILE).is_file():
        hint = ""
        if (folder / "tokenizer.json").is_file():
            hint = "; tokenizer.json alone is not enough, copy spiece.model from the original checkpoint"
        raise TokenizerError(f"{folder} has no {VOCABULARY_FILE}{hint}")
    config = read_json(folder / SPECIAL_TOKENS_FILE) | read_json(folder / TOKENIZER_CONFIG_FILE)
    arguments: dict[str, Any] = {"vocab_file": folder / VOCABULARY_FILE}
    arguments |= {
        name: config[name]
        for name in ("offset", "model_max_length", "padding_side")
        if config.get(name) is not None
    }
    tokens = {name: _token_text(config[name], name) for name in SPECIAL_TOKEN_NAMES if name in config}
    arguments |= {name: token for name, token in tokens.items() if token or name not in REQUIRED_TOKEN_NAMES}
    additional = config.get("additional_special_tokens") or []
    if not isinstance(additional, list):
        raise TokenizerError(f"additional_special_tokens of {folder / TOKENIZER_CONFIG_FILE} is no list")
    texts = [_token_text(token, "additional_special_tokens") for token in additional]
    arguments["additional_special_tokens"] = [text for text in texts if text]
    return arguments


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where there is no file."""
    try:
        return read_json_object(path)
    except FileNotFoundError:
        return {}
    except CheckpointError as error:
        raise TokenizerError(str(error)) from error


def load_vocabulary(path: Path, never_from_text: Collection[str] = ()) -> SentencePieceProcessor:
    """Load a SentencePiece model; the pieces named in `never_from_text` keep their ids but match no text.

    Raises:
        TokenizerError: the file cannot be read or is no SentencePiece model.
    """
    try:
        model = read_file(path, MAX_VOCABULARY_BYTES)
    except OSError as error:  # CheckpointError among them
        raise TokenizerError(f"cannot read the vocabulary {path}: {error.strerror or error}") from error
    if not model:
        raise TokenizerError(f"the vocabulary {path} is empty")
    if hint := lfs_hint(model[:100]):
        raise TokenizerError(f"{path} cannot be read: {hint}")
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(user_defined_to_control(model, never_from_text))
    except (RuntimeError, LookupError) as error:  # SentencePiece refuses it, or it is no protobuf
        raise TokenizerError(f"{path} is not a SentencePiece model, or it is damaged") from error
    return processor


def _token_text(value: Any, name: str) -> str | None:
    """Return the text of a special token, which configurations write as null, text, or an object with it."""
    if isinstance(value, dict):
        value = value.get("content")
    if value is not None and not isinstance(value, str):
        raise TokenizerError(f"{name} of the tokenizer's configuration is {value!r}, which is no token")
    return value
