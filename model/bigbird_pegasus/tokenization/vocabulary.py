"""The files of a tokenizer in a checkpoint folder.

The vocabulary is loaded so that special tokens cannot come out of text. SentencePiece finds "user-defined"
pieces in any text; the vocabulary of BigBird-Pegasus declares ``<s>`` and ``[MASK]`` so, and a document that
holds the HTML tag ``<s>`` would put the decoder's start token into the encoder. Such pieces are marked as
"control" in memory before SentencePiece sees the file: the ids stay, text never matches.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceProcessor

from bigbird_pegasus.checkpoints.files import (
    ADDED_TOKENS_FILE,
    MAX_VOCABULARY_BYTES,
    SPECIAL_TOKENS_FILE,
    TOKENIZER_CONFIG_FILE,
    VOCABULARY_FILE,
    lfs_hint,
    read_file,
    read_json_object,
)
from bigbird_pegasus.errors import CheckpointError, TokenizerError
from bigbird_pegasus.tokenization.added_tokens import AddedTokens, written_added_tokens
from bigbird_pegasus.tokenization.protobuf import user_defined_to_control

REQUIRED_TOKEN_NAMES = ("pad_token", "eos_token", "unk_token")
OPTIONAL_TOKEN_NAMES = ("bos_token", "sep_token", "cls_token", "mask_token", "mask_token_sent")
ADDITIONAL_TOKEN_NAMES = ("additional_special_tokens", "extra_special_tokens")  # the older name first
SPECIAL_TOKEN_NAMES = REQUIRED_TOKEN_NAMES + OPTIONAL_TOKEN_NAMES


def tokenizer_arguments(folder: Path, model_ids: Any = None) -> dict[str, Any]:
    """Return the arguments of `PegasusTokenizer` that the files of a checkpoint folder give.

    Special tokens that were added beyond the ids of the model, `model_ids`, are left out: transformers 4
    added the mask tokens of PEGASUS to vocabularies that lack them, and no model has a row for them.

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
        for name in ("offset", "model_max_length", "padding_side", "truncation_side")
        if config.get(name) is not None
    }
    tokens = {name: _token_text(config[name], name) for name in SPECIAL_TOKEN_NAMES if name in config}
    arguments |= {name: token for name, token in tokens.items() if token or name not in REQUIRED_TOKEN_NAMES}
    additional = [token for name in ADDITIONAL_TOKEN_NAMES for token in _tokens_of(config, name)]
    arguments["additional_special_tokens"] = list(dict.fromkeys(additional))
    arguments["added_tokens_decoder"] = _added_tokens(folder, config, model_ids)
    return arguments


def write_tokenizer(
    folder: Path, vocabulary: Path, config: dict[str, Any], added: AddedTokens
) -> tuple[str, ...]:
    """Write a vocabulary and a configuration into a folder, with the tokens that were added, as published.

    Returns the paths of the files.
    """
    names = [TOKENIZER_CONFIG_FILE, VOCABULARY_FILE]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / VOCABULARY_FILE).write_bytes(vocabulary.read_bytes())
    if added.ids:
        config = config | {"added_tokens_decoder": written_added_tokens(added)}
        _write_json(folder / ADDED_TOKENS_FILE, added.ids)
        names.append(ADDED_TOKENS_FILE)
    else:
        (folder / ADDED_TOKENS_FILE).unlink(missing_ok=True)
    _write_json(folder / TOKENIZER_CONFIG_FILE, config)
    return tuple(str(folder / name) for name in names)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _tokens_of(config: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts of a list of special tokens; transformers 5 may name them in an object."""
    tokens = config.get(name) or []
    if isinstance(tokens, dict):
        tokens = list(tokens.values())
    if not isinstance(tokens, list):
        raise TokenizerError(f"{name} of {TOKENIZER_CONFIG_FILE} is no list")
    return [text for token in tokens if (text := _token_text(token, name))]


def _added_tokens(folder: Path, config: Mapping[str, Any], model_ids: Any) -> dict[str, Any]:
    """Return the added tokens by id: those of the configuration, or of the file that older folders have."""
    decoder = config.get("added_tokens_decoder")
    if decoder is None:
        listed = read_json(folder / ADDED_TOKENS_FILE).items()
        decoder = {str(index): token for token, index in listed}
    if not isinstance(decoder, dict):
        if decoder:
            raise TokenizerError(
                f"added_tokens_decoder of {folder / TOKENIZER_CONFIG_FILE} maps ids to tokens"
            )
        return {}
    limit = model_ids if isinstance(model_ids, int) else None
    return {
        index: token
        for index, token in decoder.items()
        if limit is None
        or not (isinstance(token, dict) and token.get("special") is True and _id(index) >= limit)
    }


def _id(index: str) -> int:
    return int(index) if index.isdecimal() and len(index) < 10 else -1


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
