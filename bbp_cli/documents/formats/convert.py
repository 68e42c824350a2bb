"""Bytes of any format but PDF → text: the one place that recognises formats, by content before name.

Every format is a module with two pure functions, `is_…` and `text_of_…`. Offsets count the text that comes
out, which is what `bbp extract` prints.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePath

from bbp_cli.documents.encodings import Decoded, decode
from bbp_cli.documents.formats.captions import is_captions, is_timed, text_of_captions, text_of_timed
from bbp_cli.documents.formats.html import is_html, text_of_page
from bbp_cli.documents.formats.latex import is_latex, text_of_latex
from bbp_cli.documents.formats.mail_headers import is_mail
from bbp_cli.documents.formats.markdown import is_markdown, is_notebook, text_of_markdown, text_of_notebook
from bbp_cli.documents.formats.office import is_zip, read_package
from bbp_cli.documents.formats.package_metadata import description_of_package, is_package_metadata
from bbp_cli.documents.formats.restructured_text import is_restructured_text, text_of_restructured_text
from bbp_cli.documents.formats.rtf import is_rtf, text_of_rtf
from bbp_cli.documents.not_prose import reads_like, text_of

MAIL = "message/rfc822"
RTF = "application/rtf"
PLAIN_TEXT = "text/plain"
HTML = "text/html"
_NAMED = (".md", ".markdown", ".rst", ".tex")  # prose, however much code they show
_BEFORE_DATA = (HTML, "text/vtt", "application/x-ipynb+json", "text/x-chat")  # recognised before data are
_HTTP_HEADERS = re.compile(
    rb"(?:HTTP/\d(?:\.\d)? \d{3}[^\n]*\n(?:[!-9;-~]+:[^\n]*\n)*\r?\n)++"
)  # curl -i, -iL
_HTTP_CHARSET = re.compile(rb"^content-type:[^\n]*charset=[\"']?([\w.:-]+)", re.IGNORECASE | re.MULTILINE)
_CHARSET = re.compile(
    rb"<meta\b[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})"
    rb"|<\?xml\b[^>]{0,100}?encoding=[\"']([\w.:-]{1,40})",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\d[:.]\d\d")
_BRACKETED_NAME = re.compile(r"^<[^\s<>/]{1,40}> ", re.MULTILINE)  # <jo> Hello.
_MIN_MESSAGES = 3  # of a chat; as in `chat`, which is imported only where there are so many times
_HEAD = 65_536  # bytes in which a page says what encoding it is in


@dataclass(frozen=True)
class Converted:
    """The text of a file, its media type, its encoding where it has one, and what could not be read.

    `kind`: what a text that is no prose reads like; see `not_prose.reads_like`.
    """

    text: str
    media_type: str
    encoding: str | None
    warnings: tuple[str, ...] = ()
    kind: str | None = None


Text = tuple[str, tuple[str, ...]]  # and warnings


@dataclass(frozen=True)
class _TextFormat:
    """A format of text: how it is recognised, from the text and the suffix of the name, and what it says."""

    media_type: str
    recognise: Callable[[str, str], bool]
    read: Callable[[str], Text]


def _is_chat(text: str, suffix: str) -> bool:
    """See `chat.is_chat`: its expressions take 10 ms to compile; messages have a time or a name in <>."""
    clocks = sum(1 for _ in islice(_CLOCK.finditer(text, 0, 100_000), _MIN_MESSAGES))
    named = sum(1 for _ in islice(_BRACKETED_NAME.finditer(text, 0, 100_000), _MIN_MESSAGES))
    if max(clocks, named) < _MIN_MESSAGES and not text[:2000].lstrip().startswith(("[", "{")):
        return False
    from bbp_cli.documents.formats.chat import is_chat

    return is_chat(text, suffix)


def _text_of_chat(text: str) -> Text:
    from bbp_cli.documents.formats.chat import text_of_chat

    return text_of_chat(text)


_TEXT_FORMATS = (  # in this order: what is before takes the text
    _TextFormat("text/vtt", is_captions, text_of_captions),
    _TextFormat(HTML, lambda text, suffix: is_html(text), lambda text: (text_of_page(text), ())),
    _TextFormat("application/x-ipynb+json", is_notebook, text_of_notebook),
    _TextFormat("text/x-chat", _is_chat, _text_of_chat),
    _TextFormat("text/vtt", is_timed, text_of_timed),
    _TextFormat("application/x-tex", is_latex, text_of_latex),
    _TextFormat("text/x-rst", is_restructured_text, text_of_restructured_text),
    _TextFormat("text/markdown", is_markdown, text_of_markdown),
)
_NOT_PROSE = {
    "JSON": "application/json",
    "JSON Lines": "application/jsonl",
    "CSV": "text/csv",
    "tab-separated values": "text/tab-separated-values",
    "XML": "application/xml",
    "PostScript": "application/postscript",
}


def convert(data: bytes, name: str, encoding: str | None = None) -> Converted:
    """Return the text of a file as a person would read it out.

    Raises:
        InputError: binary, undecodable, locked, damaged, or of a format that bbp does not read.
    """
    headers = _HTTP_HEADERS.match(data)
    if headers is not None:
        data = data[headers.end() :]
    if is_zip(data):
        text, media_type, warnings = read_package(data)
        return Converted(text, media_type, None, warnings)
    if is_rtf(data):
        text, warnings = text_of_rtf(data)
        return Converted(text, RTF, None, warnings)
    if is_mail(message := _of_utf16(data)):
        from bbp_cli.documents.formats.mail import text_of_mail

        text, warnings = text_of_mail(message, encoding)
        return Converted(text, MAIL, None, warnings)
    decoded = decode(data, encoding, _declared_encoding(data, headers[0] if headers else b""))
    suffix = PurePath(name).suffix.lower()
    if is_package_metadata(decoded.text):
        description, suffix = description_of_package(decoded.text)
        decoded = replace(decoded, text=description)
    kind = reads_like(decoded.text, suffix) if suffix not in _NAMED else None
    for text_format in _TEXT_FORMATS:
        if (kind is None or text_format.media_type in _BEFORE_DATA) and text_format.recognise(
            decoded.text, suffix
        ):
            text, warnings = text_format.read(decoded.text)
            return _converted(text, text_format.media_type, decoded, warnings)
    if kind is not None:
        text, warnings = text_of(decoded.text, kind)
        return replace(_converted(text, _NOT_PROSE.get(kind, PLAIN_TEXT), decoded, warnings), kind=kind)
    return _converted(decoded.text, PLAIN_TEXT, decoded)


def _of_utf16(data: bytes) -> bytes:
    """Return a file that was saved as UTF-16 in UTF-8: the lines of a mail are read as bytes."""
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16", "replace").encode("utf-8", "replace") if is_utf16 else data


def _converted(text: str, media_type: str, decoded: Decoded, warnings: tuple[str, ...] = ()) -> Converted:
    return Converted(text, media_type, decoded.encoding, (*decoded.warnings, *warnings))


def _declared_encoding(data: bytes, http_headers: bytes) -> str | None:
    """Return the encoding that a page names in its HTTP headers, a `meta` tag or its XML declaration."""
    if found := _HTTP_CHARSET.search(http_headers):
        return found[1].decode("ascii", "replace")
    found = _CHARSET.search(data[:_HEAD])
    return (found[1] or found[2]).decode("ascii", "replace") if found else None
