"""The few fields of a serialized SentencePiece model that are read or changed here, without protobuf.

The package protobuf would be a dependency of a megabyte for one byte a piece, and generated code fits only
some of its releases. The wire format is stable and small: a message is a row of fields, each a tag (number
and wire type), then a variable-length integer, a length and as many bytes, or 4 or 8 bytes.

Source: protobuf.dev/programming-guides/encoding; sentencepiece_model.proto.
"""

from collections.abc import Collection, Iterator

# ModelProto {pieces = 1, trainer_spec = 2, normalizer_spec = 3}; SentencePiece {piece = 1, type = 3}
_PIECES_FIELD, _TRAINER_FIELD, _NORMALIZER_FIELD = 1, 2, 3
_PIECE_FIELD, _TYPE_FIELD = 1, 3
_CONTROL, _USER_DEFINED = 3, 4  # values of a piece's type
_VARINT, _LENGTH_DELIMITED = 0, 2  # wire types
_FIXED_WIDTH_BYTES = {1: 8, 5: 4}  # of the two wire types of fixed size
_MAX_VARINT_BYTES = 10  # of 64 bits
MAX_NAME_BYTES = 31  # so that lengths of a name and of its message take one byte each


def user_defined_to_control(model: bytes, names: Collection[str]) -> bytes:
    """Return the serialized model with the user-defined pieces of these names made control pieces.

    Raises:
        LookupError: the bytes are no such message, or one without pieces, trainer or normalizer.
    """
    changed = bytearray(model)
    wanted = {name.encode(errors="replace") for name in names if 0 < len(name) <= MAX_NAME_BYTES}
    # Serializers write fields in order, so that the piece stands first in its message: comparing the first
    # bytes saves parsing 96,000 messages.
    beginnings = tuple(bytes([_PIECE_FIELD << 3 | _LENGTH_DELIMITED, len(name)]) + name for name in wanted)
    missing = {_PIECES_FIELD, _TRAINER_FIELD, _NORMALIZER_FIELD}
    for field, start, end in fields(model, 0, len(model)):
        missing.discard(field)
        if field == _PIECES_FIELD and model.startswith(beginnings, start):
            values = {inner: (first, last) for inner, first, last in fields(model, start, end)}
            first, last = values.get(_TYPE_FIELD, (0, 0))
            if model[slice(*values[_PIECE_FIELD])] in wanted and model[first:last] == bytes([_USER_DEFINED]):
                changed[first] = _CONTROL
    if missing:  # a file that is cut between two pieces is a valid message and would load
        raise LookupError("the model has no pieces, no trainer or no normalizer")
    return bytes(changed)


def fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of every field of the message in `data[position:end]`.

    Raises:
        LookupError: it is no message.
    """
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
            position += _FIXED_WIDTH_BYTES[wire_type]
        if position > end:
            raise LookupError("a field reaches past the end of its message")
        yield tag >> 3, start, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the variable-length integer at a position, and the position after it."""
    value = 0
    for count in range(_MAX_VARINT_BYTES):
        byte = data[position + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, position + count + 1
    raise LookupError("an integer has no end")
