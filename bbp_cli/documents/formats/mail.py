"""E-mails and mailboxes → text: headers a reader wants, the message, and older messages behind `> `.

MIME is the standard library's. What is set apart (quoted replies of any client, disclaimers) is printed as a
quotation, which is never chosen where there is anything else.
"""

import codecs
import email
import re
from collections.abc import Iterator
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from typing import Any

from bbp_cli.documents.encodings import decode
from bbp_cli.documents.formats.html import text_of_page
from bbp_cli.documents.formats.quoted_mail import set_apart
from bbp_cli.errors import InputError

_MBOX_FROM = re.compile(rb"^From \S[^\n]*\d{4}[^\n]*\n(?=[!-9;-~]{1,70}:)", re.MULTILINE)
_MAX_HEADER = 10_000  # characters of one header: the library's parsers are quadratic in it
_SHOWN_HEADERS = ("From", "To", "Date", "Subject")
_STUB = 0.1  # of the letters of the HTML part: a text part of less says only that there is one
_MAX_NESTED = 5  # forwarded mails within each other


class _BoundedHeaders(Compat32):
    """The library's policy, but a header of a megabyte is cut."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_MAX_HEADER]


def text_of_mail(data: bytes, encoding: str | None = None) -> tuple[str, tuple[str, ...]]:
    """Return the messages of a mail or mailbox one after the other, and warnings about what is not read.

    Raises:
        InputError: no message holds text that can be read, for example where all are encrypted.
    """
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    texts: list[str] = []
    left_out: list[str] = []
    encrypted = 0
    for raw in _messages(data):
        message = email.message_from_bytes(raw, policy=_BoundedHeaders())
        if message.get_content_type() == "multipart/encrypted" or "pkcs7-mime" in message.get_content_type():
            encrypted += 1
        texts.append(_text_of_message(message, left_out, encoding))
    if encrypted and encrypted == len(texts):
        raise InputError("the mail is encrypted", hint="save it decrypted first", code="encrypted")
    if not any(_letters(text.partition("\n\n")[2]) for text in texts):
        names = f"; attachments: {', '.join(left_out[:5])}" if left_out else ""
        raise InputError(f"no text in the mail{names}", code="no_text")
    warnings: list[str] = []
    if left_out:
        names = ", ".join(left_out[:5]) + (f" and {len(left_out) - 5} more" if len(left_out) > 5 else "")
        warnings.append(f"attachment{'s' if len(left_out) > 1 else ''} not read: {names}")
    if encrypted:
        warnings.append(f"{encrypted} of {len(texts)} messages are encrypted and not read")
    return "\n\n".join(texts).strip("\n") + "\n", tuple(warnings)


def _messages(data: bytes) -> Iterator[bytes]:
    """Yield the messages of a mailbox, or the one mail."""
    starts = [match.start() for match in _MBOX_FROM.finditer(data)] if data.startswith(b"From ") else []
    if not starts:
        yield data
        return
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        body = data[data.index(b"\n", start) + 1 : end]
        yield re.sub(rb"^>(>*From )", rb"\1", body, flags=re.MULTILINE)


def _text_of_message(message: Message, left_out: list[str], encoding: str | None, depth: int = 0) -> str:
    headers = [f"{name}: {value}" for name in _SHOWN_HEADERS if (value := _header(message, name))]
    body = "\n\n".join(part for part in _bodies(message, left_out, encoding, depth) if part.strip())
    return "\n".join(headers) + "\n\n" + body.strip("\n") + "\n"


def _bodies(message: Message, left_out: list[str], encoding: str | None, depth: int) -> Iterator[str]:
    """Yield the readable parts of a message in order, and note those that are none."""
    stack: list[Message] = [message]
    while stack:
        part = stack.pop()
        kind = part.get_content_type()
        children: Any = part.get_payload()
        name = _file_name(part)
        attached = part.get_content_disposition() == "attachment"
        if kind == "message/rfc822" and isinstance(children, list) and depth < _MAX_NESTED:
            for child in children:
                inner = _text_of_message(child, left_out, encoding, depth + 1)
                yield "\n".join(f"> {line}" for line in inner.strip("\n").split("\n"))
        elif kind == "multipart/alternative" and isinstance(children, list):
            stack += _best_alternative(children, encoding)
        elif isinstance(children, list):
            stack += reversed(children)
        elif attached or kind not in ("text/plain", "text/html"):
            if kind not in ("application/pgp-signature", "application/pkcs7-signature") and (
                attached or name
            ):
                left_out.append(f"{name or 'without a name'} ({kind})")
        else:
            yield _text_of_part(part, encoding)


def _best_alternative(parts: list[Message], encoding: str | None) -> list[Message]:
    """Return the text part, or the HTML part where the text says only that there is one."""
    plain = [part for part in parts if part.get_content_type() == "text/plain"]
    rich = [part for part in parts if part.get_content_type() == "text/html" or part.is_multipart()]
    if not plain or not rich:
        return (plain or rich or parts)[:1]
    of_plain = _letters(_text_of_part(plain[0], encoding))
    shown = next((part for part in rich[0].walk() if part.get_content_type() == "text/html"), None)
    of_rich = _letters(_text_of_part(shown, encoding)) if shown is not None else 0
    return rich[:1] if of_plain < _STUB * of_rich else plain[:1]


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _text_of_part(part: Message, encoding: str | None) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or not payload.strip():
        return ""
    try:
        charset = part.get_content_charset()
    except (LookupError, UnicodeError, ValueError):
        charset = None
    try:
        text = decode(_as_utf8(payload, charset), encoding, charset).text
    except InputError:
        text = payload.decode("cp1252", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if part.get_content_type() == "text/html":
        text = text_of_page(text, mail=True)
    elif str(part.get_param("format", "")).lower() == "flowed":
        text = _unflowed(text, delete_space=str(part.get_param("delsp", "")).lower() == "yes")
    return set_apart(text)


def _as_utf8(payload: bytes, charset: str | None) -> bytes:
    """Return a body as UTF-8 where it says that it is in UTF-16, UTF-32 or UTF-7, and is."""
    name = (charset or "").lower().replace("_", "-").replace("unicode-1-1-", "")
    is_narrow = name.startswith("utf-7")
    if not (is_narrow or name.startswith(("utf-16", "utf-32"))) or (
        not is_narrow and payload.isascii() and b"\0" not in payload
    ):
        return payload
    marked = payload.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # Without a mark of their order bytes are big endian (RFC 2781), but little endian is what clients write.
    names = (name,) if marked or name not in ("utf-16", "utf-32") else (f"{name}-le", f"{name}-be")
    found = []
    for one in names:
        with suppress(UnicodeDecodeError, LookupError):
            found.append(payload.decode(one).removeprefix("\ufeff"))
    # In the other order a space is U+2000, a quadrat of a font.
    return max(found, key=lambda text: text.count(" ")).encode("utf-8", "replace") if found else payload


def _unflowed(text: str, *, delete_space: bool) -> str:
    """Join the lines of `format=flowed` (RFC 3676): one that ends with a space goes on."""
    lines: list[str] = []
    goes_on = ""
    for line in text.split("\n"):
        marks = line[: len(line) - len(line.lstrip(">"))]
        content = line[len(marks) :].removeprefix(" ")
        if goes_on and marks == goes_on[1:] and content != "-- ":
            lines[-1] += content
        else:
            lines.append(f"{marks} {content}" if marks else content)
        soft = content.endswith(" ") and content != "-- "
        if soft and delete_space:
            lines[-1] = lines[-1][:-1]
        goes_on = "+" + marks if soft else ""
    return "\n".join(line.rstrip() for line in lines)


def _header(message: Message, name: str) -> str:
    value = message.get(name)
    if value is None:
        return ""
    text = " ".join(str(value).split())[:1000]
    try:
        parts = [
            part if isinstance(part, str) else decode(part, None, charset).text
            for part, charset in decode_header(text)
        ]
        text = "".join(parts)
    except (HeaderParseError, InputError, ValueError, LookupError):
        pass
    return " ".join(text.replace("\x00", "").split())


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except (LookupError, UnicodeError, ValueError):
        name = ""
    return " ".join(name.split())[:100]
