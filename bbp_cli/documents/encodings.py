"""Bytes of a text file → text: byte order mark, strict UTF-8, `--encoding`, then a guess, with a warning.

The order follows how often each is right. A guess is never silent.
"""

import codecs
import re
from dataclasses import dataclass

from bbp_cli.errors import InputError, UsageError

BYTE_ORDER_MARKS = (  # longer ones first: the mark of UTF-32 little endian starts with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
KNOWN_FORMATS = (
    (b"PK\x03\x04", "a ZIP, Word, EPUB or OpenDocument file", "save it as plain text or PDF first"),
    (b"\x1f\x8b", "a gzip file", "unpack it first: gunzip -c FILE | bbp ..."),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office file", "save it as plain text or PDF first"),
    (b"\x89PNG", "a PNG image", "run an OCR tool first"),
    (b"\xff\xd8\xff", "a JPEG image", "run an OCR tool first"),
    (b"\x7fELF", "a program", None),
)
SAMPLE = 65_536  # bytes a guess looks at
# Below these cp1252 is the better bet: the detector's confidence, and the share of bytes it can judge by.
CONFIDENCE_FLOOR = 0.9
FEW_ACCENTS = 0.03
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# 7-bit encodings such as iso2022_jp, and UTF-16 of plain English, are valid UTF-8 that holds one of these
_SHIFTS = re.compile("[\x00\x0e\x0f\x1b]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Decoded:
    """Text, the encoding that gave it, and what had to be guessed or replaced."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def check_encoding(name: str | None) -> None:
    """Raise UsageError where Python knows no text encoding of this name."""
    if name is None:
        return
    try:
        b"".decode(name)
        "".encode(name)
    except (LookupError, ValueError):
        raise UsageError(
            f"unknown encoding {name!r}", hint="for example utf-8, latin-1, cp1252, utf-16"
        ) from None


def looks_like_text(head: bytes) -> bool:
    """Whether a file that begins so may be text: no known binary format, no NUL but in UTF-16 and UTF-32."""
    if any(head.startswith(mark) for mark, _ in BYTE_ORDER_MARKS):
        return True
    return _known_format(head) is None and b"\x00" not in head


def decode(data: bytes, encoding: str | None = None) -> Decoded:
    """Decode a text file; line ends become `\\n`, lone surrogates U+FFFD.

    Raises:
        InputError: the bytes are not text, or not text in the encoding that was named.
    """
    decoded = _decode(data, encoding)
    text = decoded.text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    _refuse_binary(text)
    return Decoded(text, decoded.encoding, decoded.warnings)


def join_surrogates(text: str) -> str:
    """Join surrogate pairs to the characters they stand for, and replace lone ones by U+FFFD.

    Neither has UTF-8. The tokenizer's `replace_surrogates` joins nothing, because it must not move offsets;
    here there are none yet.
    """
    if not _SURROGATE.search(text):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _SURROGATE.sub(_REPLACEMENT, joined)


def _decode(data: bytes, encoding: str | None) -> Decoded:
    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            marked, name = data.decode(name, "replace"), name.removesuffix("-sig")
            return Decoded(marked, name, _replaced(marked, name))
    text = _strict_utf8(data)
    if text is not None and not (_SHIFTS.search(text) if encoding else "\x00" in text):
        return Decoded(text, "utf-8")
    if encoding is not None:
        return _decode_as_asked(data, encoding)
    _refuse_known_format(data)
    if b"\x00" in data:
        return _guess_utf16(data)
    return _decode_faulty_utf8(data) or _guess(data)


def _strict_utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decode_as_asked(data: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(join_surrogates(data.decode(encoding)), encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"not {encoding} text: byte {error.start} cannot be decoded",
            hint="leave --encoding out to have it detected",
            code="undecodable",
        ) from None


def _decode_faulty_utf8(data: bytes) -> Decoded | None:
    """UTF-8 with some bad bytes: cut in the middle of a character, joined from files, or with surrogates."""
    try:
        text = join_surrogates(data.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        good = sum(1 for c in text if c > "\x7f" and c != _REPLACEMENT)
        cut_at_the_end = text.count(_REPLACEMENT) == 1 and text.endswith(_REPLACEMENT)
        if good <= text.count(_REPLACEMENT) and not cut_at_the_end:
            return None
    return Decoded(text, "utf-8", _replaced(text, "UTF-8"))


def _replaced(text: str, name: str) -> tuple[str, ...]:
    count = text.count(_REPLACEMENT)
    if not count:
        return ()
    return (f"not quite {name}: {count} undecodable place{'s' if count > 1 else ''} read as U+FFFD",)


def _guess(data: bytes) -> Decoded:
    """Take the detector's encoding, unless cp1252 is as good: it names any code page for western text."""
    from charset_normalizer import from_bytes

    sample = data[:SAMPLE].rpartition(b"\n")[0] if len(data) > SAMPLE else data
    matches = from_bytes(sample)
    best = matches.best()
    possible = {name for match in matches for name in match.could_be_from_charset}
    name = "cp1252"
    accents = sum(byte > 0x7F for byte in sample) / len(sample)
    sure = best is not None and 1.0 - best.chaos >= CONFIDENCE_FLOOR and accents > FEW_ACCENTS
    if best is not None and sure and name not in possible:
        name = best.encoding
    try:
        text = data.decode(name)
    except UnicodeDecodeError:  # right for the sample only
        name = "cp1252"
        text = data.decode(name, "replace")
    return Decoded(text, name, (f"not UTF-8; read as {name}, which is a guess; --encoding decides",))


def _guess_utf16(data: bytes) -> Decoded:
    sample = data[:SAMPLE]
    pairs = max(1, len(sample) // 2)
    for name, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if zeros.count(0) > 0.4 * pairs and len(data) % 2 == 0:
            text = data.decode(name, "replace")
            if "\x00" not in text:
                return Decoded(text, name, (f"no byte order mark; read as {name}", *_replaced(text, name)))
    raise _holds_nul(data.index(0))


def _refuse_known_format(data: bytes) -> None:
    known = _known_format(data)
    if known is not None:
        raise InputError(f"{known[0]}, not text or PDF", hint=known[1], code="binary")


def _known_format(head: bytes) -> tuple[str, str | None] | None:
    return next(((name, hint) for magic, name, hint in KNOWN_FORMATS if head.startswith(magic)), None)


def _refuse_binary(text: str) -> None:
    """NUL never stands in text; other control characters do, but not many."""
    if "\x00" in text:
        raise _holds_nul(text.index("\x00"))
    sample = text[:SAMPLE]
    if len(_CONTROL.findall(sample)) > 0.02 * len(sample):
        raise InputError("a binary file, not text or PDF", hint="bbp reads plain text and PDF", code="binary")


def _holds_nul(place: int) -> InputError:
    return InputError(
        f"a binary file: NUL at position {place}; bbp reads plain text and PDF",
        hint="UTF-16 without a byte order mark needs --encoding utf-16-le or utf-16-be",
        code="binary",
    )
