"""RTF → text: paragraphs, items and cells, without fonts, styles, pictures, instructions of fields, heads."""

import re
from dataclasses import dataclass, replace

from bbp_cli.documents.encodings import join_surrogates, known_encoding

_START = re.compile(rb"\s*\{\\rtf\d?")
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\"
)
_SKIPPED = frozenset(
    [
        "fonttbl",
        "colortbl",
        "stylesheet",
        "info",
        "pict",
        "object",
        "header",
        "headerl",
        "headerr",
        "headerf",
        "footer",
        "footerl",
        "footerr",
        "footerf",
        "fldinst",
        "themedata",
        "colorschememapping",
        "datastore",
        "latentstyles",
        "listtable",
        "listoverridetable",
        "rsidtbl",
        "generator",
        "xmlnstbl",
        "annotation",
        "atnid",
        "atnauthor",
        "bkmkstart",
        "bkmkend",
        "filetbl",
        "revtbl",
        "operator",
        "pntext",
        "listtext",
        "nonshppict",
    ]
)
_CHARACTERS = {
    "par": "\n\n",
    "sect": "\n\n",
    "page": "\n\n",
    "line": "\n",
    "tab": "\t",
    "cell": "\t",
    "row": "\n",
    "emdash": "\u2014",
    "endash": "\u2013",
    "bullet": "\u2022",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
    "emspace": " ",
    "enspace": " ",
}
_CHARSETS = {
    0: "cp1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    134: "gb18030",
    136: "big5",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
_MAX_DEPTH = 10_000


@dataclass(frozen=True, slots=True)
class _Group:
    """What holds up to the end of a group."""

    skipped: bool = False
    fallback: int = 1  # characters that stand in for one of Unicode
    encoding: str = "cp1252"
    raised: bool = False
    hidden: bool = False
    is_note: bool = False


def is_rtf(data: bytes) -> bool:
    """Return whether bytes begin as RTF does."""
    return _START.match(data[:100]) is not None


def text_of_rtf(data: bytes) -> tuple[str, tuple[str, ...]]:  # noqa: C901, PLR0915 - one branch a control word
    """Return the text of an RTF file, and no warnings. Linear in its size, whatever is broken."""
    parts: list[str] = []
    notes: list[str] = []  # what stands at the foot of a page
    groups = [_Group()]
    fonts = _font_encodings(data)
    pending = bytearray()  # bytes of the code page that may be halves of characters
    to_skip = 0  # characters that stand in for one that was written
    ignorable = False  # behind `\*`
    position = 0

    def flush() -> None:
        if pending:
            (notes if groups[-1].is_note else parts).append(pending.decode(groups[-1].encoding, "replace"))
            pending.clear()

    def write(text: str) -> None:
        flush()
        if not groups[-1].skipped and not groups[-1].hidden:
            (notes if groups[-1].is_note else parts).append(text)

    while match := _TOKEN.match(data, position):
        position = match.end()
        word, number, code, symbol, brace, plain = match.groups()
        group = groups[-1]
        if brace == b"{":
            flush()
            deep = len(groups) >= _MAX_DEPTH and not group.skipped
            groups.append(replace(group, skipped=True) if deep else group)
            ignorable = False
            continue
        if brace == b"}":
            flush()
            if len(groups) > 1:
                groups.pop()
            continue
        if word is not None:
            name = word.decode("ascii")
            value = int(number) if number is not None else None
            if name == "bin":
                position += max(0, min(value or 0, len(data)))
            elif name in _SKIPPED or (ignorable and name not in ("shppict", "upr", "ud")):
                flush()
                groups[-1] = replace(group, skipped=True)
            elif name == "u" and value is not None:
                write(chr(value % 0x10000))
                to_skip = group.fallback
            elif name == "uc":
                groups[-1] = replace(group, fallback=max(0, min(value or 0, 10)))
            elif name == "ansicpg":
                groups[-1] = replace(group, encoding=known_encoding(f"cp{value}") or "cp1252")
            elif name == "mac":
                groups[-1] = replace(group, encoding="mac_roman")
            elif name == "f" and value in fonts:
                flush()
                groups[-1] = replace(group, encoding=fonts[value])
            elif name in ("v", "deleted"):
                groups[-1] = replace(group, hidden=value != 0)
            elif name == "footnote":
                flush()
                groups[-1] = replace(group, is_note=True, hidden=False)
                write("\n\n")
            elif name == "super" and value != 0:
                groups[-1] = replace(group, raised=True)
                write("\x02")
            elif name in ("plain", "nosupersub"):
                groups[-1] = replace(group, raised=False, hidden=False)
            elif name in _CHARACTERS:
                write(_CHARACTERS[name])
            ignorable = False
        elif symbol is not None:
            ignorable = symbol == b"*"
            write(
                {
                    b"~": "\u00a0",
                    b"_": "-",
                    b"\\": "\\",
                    b"{": "{",
                    b"}": "}",
                    b"\n": "\n\n",
                    b"\r": "\n\n",
                }.get(symbol, "")
            )
        elif code is not None:
            if to_skip:
                to_skip -= 1
            elif not group.skipped and not group.hidden:
                pending.append(int(code, 16))
        elif plain is not None:
            shown = plain[to_skip:]
            to_skip = max(0, to_skip - len(plain))
            if not group.skipped and not group.hidden:
                pending.extend(shown)
    flush()
    return _tidy("".join([*parts, *notes])), ()


def _font_encodings(data: bytes) -> dict[int, str]:
    """Return the encodings of the fonts by number, as the table at the beginning gives them."""
    found: dict[int, str] = {}
    head = data[:200_000]
    start = head.find(b"\\fonttbl")
    if start >= 0:
        for match in re.finditer(
            rb"\\f(\d{1,5})(?:\\[a-eg-z][a-z]*-?\d*|\\f[a-z]+\d*){0,4}?\\fcharset(\d{1,3})", head[start:]
        ):
            if int(match[2]) in _CHARSETS and int(match[2]) != 0:
                found[int(match[1])] = _CHARSETS[int(match[2])]
    return found


def _tidy(text: str) -> str:
    """Return the text with powers marked, marks of notes dropped, and no more than one blank line at once."""
    text = join_surrogates(text).replace("\x00", "")
    text = re.sub(
        r"(?<=\d)\x02(?=[-\u2212]?\d)|(?<=\b[a-zA-Z])\x02(?=[-\u2212]?\d)"
        r"|(?<=\b[a-zA-Z]{2})\x02(?=[-\u2212]?\d)",
        "^",
        text,
    )
    text = re.sub(r"(?<=[^\W\d_]{3})\x02\d{1,3}\b|(?<=[.,;!?])\x02\d{1,3}\b", "", text).replace("\x02", "")
    text = "\n".join(line.strip(" \t") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
