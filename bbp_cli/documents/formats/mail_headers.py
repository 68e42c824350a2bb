"""How a mail begins; what reads it, with the standard library's MIME, is imported when there is one."""

import re

_HEADER = rb"[!-9;-~]{1,70}:(?:[ \t][^\n]*)?\n(?:[ \t]+\S[^\n]*\n)*+"
_HEADERS = re.compile(rb"\s*+(?:From [^\n]+\n)?+((?:" + _HEADER + rb")+)(?:\s*\n|\Z)", re.ASCII)
_KNOWN = re.compile(
    rb"^(from|to|cc|subject|date|sent|received|message-id|mime-version|return-path|delivered-to"
    rb"|content-type|reply-to"
    rb"|in-reply-to|references|x-[\w-]+):",
    re.IGNORECASE | re.MULTILINE,
)
_MIN_KNOWN = 2  # different headers of a mail
_HEAD = 65_536  # bytes in which the headers end


def is_mail(data: bytes) -> bool:
    """Return whether bytes begin with the headers of a mail, or are a mailbox of them."""
    head = data[:_HEAD].replace(b"\r\n", b"\n").removeprefix(b"\xef\xbb\xbf")
    match = _HEADERS.match(head)
    if match is None:
        return False
    known = {name.lower() for name in _KNOWN.findall(match[1])}
    return len(known) >= _MIN_KNOWN and bool(known & {b"from", b"received", b"message-id", b"return-path"})
