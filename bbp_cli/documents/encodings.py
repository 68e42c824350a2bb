"""Bytes of a text file → text: byte order mark, strict UTF-8, `--encoding`, then a guess with a warning.

The order follows how often each is right. A guess is never silent, and where two encodings fit equally well
the file is refused. Escape sequences of terminals (colours, overstriking) are no part of a text.
"""

import codecs
import re
import unicodedata
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
    (b"PK\x03\x04", "a ZIP file", "unpack it first"),
    (b"\x1f\x8b", "a gzip file", "unpack it first: gunzip -c FILE | bbp ..."),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "unpack it first: unzstd -c FILE | bbp ..."),
    (b"\xfd7zXZ\x00", "an xz file", "unpack it first: unxz -c FILE | bbp ..."),
    (b"BZh91AY&SY", "a bzip2 file", "unpack it first: bunzip2 -c FILE | bbp ..."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file", "unpack it first"),
    (b"Rar!\x1a\x07", "a RAR file", "unpack it first"),
    (b"\x89PNG", "a PNG image", "run an OCR tool first"),
    (b"GIF87a", "a GIF image", "run an OCR tool first"),
    (b"GIF89a", "a GIF image", "run an OCR tool first"),
    (b"II*\x00", "a TIFF image", "run an OCR tool first"),
    (b"MM\x00*", "a TIFF image", "run an OCR tool first"),
    (b"\xff\xd8\xff", "a JPEG image", "run an OCR tool first"),
    (b"\x7fELF", "a program", None),
)
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0"  # of Microsoft's programs before 2007, and of locked files since
_COMPOUND_FILES = (  # a stream in it, what it is, and what to do
    ("EncryptedPackage", "an Office file that asks for a password", "save it without a password"),
    ("WordDocument", "an old Word file (.doc)", "save it as .docx, .rtf or PDF first"),
    ("PowerPoint Document", "an old PowerPoint file (.ppt)", "save it as .pptx or PDF first"),
    ("Workbook", "an old Excel workbook (.xls), not prose", "save the sheet as CSV or plain text"),
    ("Book", "an old Excel workbook (.xls), not prose", "save the sheet as CSV or plain text"),
    ("__substg1.0_", "an Outlook message (.msg)", "save it as .eml or plain text first"),
)
SAMPLE = 65_536  # bytes a guess looks at
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# 7-bit encodings such as iso2022_jp, and UTF-16 of plain English, are valid UTF-8 that holds one of these
_SHIFTS = re.compile("[\x00\x0e\x0f\x1b]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TERMINAL = re.compile(  # colours and moves of the cursor, titles of windows, character sets, other escapes
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]P^_X][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]+[0-~]|\x1b[0-~]"
)
_OVERSTRUCK = re.compile(r"[^\n\x08]\x08")  # of manual pages: `_` or the same letter below a letter
_MEANT = {  # what a declared encoding stands for in practice
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
}
_SEVEN_BIT = ("iso2022_jp", "iso2022_jp_2", "iso2022_kr")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
MAX_STRAY_CONTROLS = 3  # a short text may ring a bell
_NAME_UTF16 = "UTF-16 without a byte order mark needs --encoding utf-16-le or utf-16-be"
READS = "bbp reads text, PDF, web pages, mail, Word, OpenDocument, EPUB and RTF"


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


def known_encoding(label: str | None) -> str | None:
    """Return Python's name of the encoding that a page or mail declares; None where it is none or UTF-8.

    As browsers do, `iso-8859-1` means cp1252, and so on: the files hold its quotation marks.
    """
    name = (label or "").strip().lower()
    try:
        codecs.lookup(name).encode("")
        name = codecs.lookup(name).name
    except (LookupError, ValueError, TypeError, AssertionError):
        return None
    if name.startswith(("utf", "idna", "punycode")):
        return None
    return _MEANT.get(name, name)


def looks_like_text(head: bytes) -> bool:
    """Return whether a file that begins so may be text: no binary format, no NUL but in UTF-16 and UTF-32."""
    if any(head.startswith(mark) for mark, _ in BYTE_ORDER_MARKS):
        return True
    return _known_format(head) is None and b"\x00" not in head


def decode(data: bytes, encoding: str | None = None, declared: str | None = None) -> Decoded:
    """Decode a text file; line ends become `\\n`, lone surrogates U+FFFD.

    `encoding` is what the user names, `declared` what the file says of itself (a web page, a part of a mail).

    Raises:
        InputError: the bytes are not text, or not text in the encoding that was named.
    """
    decoded = _decode(data, encoding, known_encoding(declared))
    text = decoded.text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _without_terminal_codes(text)
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


def _without_terminal_codes(text: str) -> str:
    if "\x1b" in text or "\x9b" in text:
        text = _TERMINAL.sub("", text)
    return _OVERSTRUCK.sub("", text) if "\x08" in text else text


def _decode(data: bytes, encoding: str | None, declared: str | None) -> Decoded:
    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            marked, name = data.decode(name, "replace"), name.removesuffix("-sig")
            _refuse_no_letters(marked, name)
            return Decoded(marked, name, _replaced(marked, name))
    text = _strict_utf8(data)
    if text is not None and not (_SHIFTS.search(text) if encoding or declared else "\x00" in text):
        return _decode_seven_bit(data) or Decoded(text, "utf-8")
    if encoding is not None:
        return _decode_as_asked(data, encoding)
    if declared is not None:
        text = data.decode(declared, "replace")
        return Decoded(text, declared, _replaced(text, declared))
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
    """Decode as the statistics of letters say; as cp1252 where they say nothing.

    Raises:
        InputError: two encodings that give different texts are equally plausible.
    """
    from bbp_cli.documents.code_pages import guess_encoding

    guess = guess_encoding(data)
    if guess is not None and guess.others:
        names = (guess.encoding, *guess.others)
        raise InputError(
            f"not UTF-8, and too short to say which encoding it is in: {' or '.join(names)}",
            hint=f"name it, for example --encoding {guess.encoding}",
            code="undecodable",
        )
    name = guess.encoding if guess is not None else "cp1252"
    text = data.decode(name, "replace")
    warning = f"not UTF-8; read as {name}, which is a guess; --encoding decides"
    return Decoded(text, name, (warning, *_replaced(text, name)))


def _decode_seven_bit(data: bytes) -> Decoded | None:
    """Decode ISO 2022, whose bytes are ASCII and which switches between character sets by escapes."""
    if b"\x1b$" not in data:
        return None
    for name in _SEVEN_BIT:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        return Decoded(text, name, (f"read as {name}, which is a guess; --encoding decides",))
    return None


def _guess_utf16(data: bytes) -> Decoded:
    sample = data[:SAMPLE]
    pairs = max(1, len(sample) // 2)
    for name, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if zeros.count(0) > 0.4 * pairs and len(data) % 2 == 0:
            text = data.decode(name, "replace")
            if "\x00" not in text:
                return Decoded(text, name, (f"no byte order mark; read as {name}", *_replaced(text, name)))
    may_be_utf16 = sample.count(0) > 0.1 * len(sample) and len(set(sample)) > 1
    raise _holds_nul(data.index(0), _NAME_UTF16 if may_be_utf16 else READS)


def _refuse_known_format(data: bytes) -> None:
    known = _known_format(data)
    if known is not None:
        raise InputError(f"{known[0]}, which bbp does not read", hint=known[1], code="binary")


def _known_format(head: bytes) -> tuple[str, str | None] | None:
    if head.startswith(_COMPOUND_FILE):
        streams = ((stream.encode("utf-16-le"), name, hint) for stream, name, hint in _COMPOUND_FILES)
        unknown = ("an old Microsoft Office file", "save it as plain text or PDF first")
        return next(((name, hint) for stream, name, hint in streams if stream in head), unknown)
    return next(((name, hint) for magic, name, hint in KNOWN_FORMATS if head.startswith(magic)), None)


def _refuse_binary(text: str) -> None:
    """NUL never stands in text; other control characters do, but not many."""
    if "\x00" in text:
        raise _holds_nul(text.index("\x00"))
    sample = text[:SAMPLE]
    if len(_CONTROL.findall(sample)) > max(MAX_STRAY_CONTROLS, 0.02 * len(sample)):
        raise InputError("a binary file, which bbp does not read", hint=READS, code="binary")


def _refuse_no_letters(text: str, name: str) -> None:
    """Refuse bytes that a mark of UTF-16 or UTF-32 stands before by chance: they name what no text has."""
    sample = text[:SAMPLE]
    if name != "utf-8" and sum(map(_is_no_letter, sample)) > max(MAX_STRAY_CONTROLS, 0.05 * len(sample)):
        raise InputError("a binary file, which bbp does not read", hint=READS, code="binary")


def _is_no_letter(character: str) -> bool:
    return character == _REPLACEMENT or unicodedata.category(character) in ("Cn", "Co")


def _holds_nul(place: int, hint: str = READS) -> InputError:
    return InputError(f"a binary file: NUL at position {place}", hint=hint, code="binary")
