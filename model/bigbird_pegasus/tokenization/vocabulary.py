"""The files of a tokenizer in a checkpoint folder.

The vocabulary is loaded so that special tokens cannot come out of text. SentencePiece finds "user-defined"
pieces in any text; the vocabulary of BigBird-Pegasus declares ``<s>`` and ``[MASK]`` so, and a document that
holds the HTML tag ``<s>`` would put the decoder's start token into the encoder. Such pieces are marked as
"control" in memory before SentencePiece sees the file: the ids stay, text never matches.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceProcessor

from bigbird_pegasus.checkpoints.files import (
    SPECIAL_TOKENS_FILE,
    TOKENIZER_CONFIG_FILE,
    VOCABULARY_FILE,
    read_json_object,
)
from bigbird_pegasus.errors import CheckpointError, TokenizerError

REQUIRED_TOKEN_NAMES = ("pad_token", "eos_token", "unk_token")
OPTIONAL_TOKEN_NAMES = ("bos_token", "sep_token", "cls_token", "mask_token", "mask_token_sent")
SPECIAL_TOKEN_NAMES = REQUIRED_TOKEN_NAMES + OPTIONAL_TOKEN_NAMES

# sentencepiece_model.proto: ModelProto {pieces = 1, trainer_spec = 2, normalizer_spec = 3},
# SentencePiece {piece = 1, score = 2, type = 3}
_PIECES_FIELD, _TRAINER_FIELD, _NORMALIZER_FIELD = 1, 2, 3
_PIECE_FIELD, _TYPE_FIELD = 1, 3
_CONTROL, _USER_DEFINED = 3, 4
_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_WIDTH = {1: 8, 5: 4}  # bytes of protobuf's two wire types of fixed size


def tokenizer_arguments(folder: Path) -> dict[str, Any]:
    """The arguments of `PegasusTokenizer` that a checkpoint folder gives; it may hold other keys as well.

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
        name: config[name] for name in ("offset", "model_max_length") if config.get(name) is not None
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
        model = path.read_bytes()
    except OSError as error:
        raise TokenizerError(f"cannot read the vocabulary {path}: {error.strerror}") from error
    if not model:
        raise TokenizerError(f"the vocabulary {path} is empty")
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(_as_control(model, never_from_text))
    except (RuntimeError, LookupError) as error:  # SentencePiece refuses it, or it is no protobuf
        raise TokenizerError(f"{path} is not a SentencePiece model, or it is damaged") from error
    return processor


def _as_control(model: bytes, names: Collection[str]) -> bytes:
    """The serialized model in which the user-defined pieces of these names are control pieces."""
    changed = bytearray(model)
    wanted = {name.encode(errors="replace") for name in names if 0 < len(name) < 32}  # one length byte each
    # serializers write fields in order: the piece stands first, and 96,000 messages need no parsing
    beginnings = tuple(bytes([_PIECE_FIELD << 3 | _LENGTH_DELIMITED, len(name)]) + name for name in wanted)
    missing = {_PIECES_FIELD, _TRAINER_FIELD, _NORMALIZER_FIELD}
    for field, start, end in _fields(model, 0, len(model)):
        missing.discard(field)
        if field == _PIECES_FIELD and model.startswith(beginnings, start):
            values = {inner: (first, last) for inner, first, last in _fields(model, start, end)}
            first, last = values.get(_TYPE_FIELD, (0, 0))
            if model[slice(*values[_PIECE_FIELD])] in wanted and model[first:last] == bytes([_USER_DEFINED]):
                changed[first] = _CONTROL
    if missing:  # a file cut between two pieces is a valid message and would load
        raise LookupError("the model has no pieces, no trainer or no normalizer")
    return bytes(changed)


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of every field of one protobuf message. Raises LookupError where it is none."""
    while position < end:
        tag, position = _varint(data, position)
        wire_type = tag & 7
        start = position
        if wire_type == _LENGTH_DELIMITED:
            length, start = _varint(data, position)
            position = start + length
        elif wire_type == _VARINT:
            _, position = _varint(data, position)
        else:
            position += _FIXED_WIDTH[wire_type]
        if position > end:
            raise LookupError("a field reaches past the end of its message")
        yield tag >> 3, start, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The variable-length integer at this position, and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        shift += 7
        if byte < 0x80:
            return value, position


def _token_text(value: Any, name: str) -> str | None:
    """A special token as the configurations write it: null, its text, or an object with its text."""
    if isinstance(value, dict):
        value = value.get("content")
    if value is not None and not isinstance(value, str):
        raise TokenizerError(f"{name} of the tokenizer's configuration is {value!r}, which is no token")
    return value
