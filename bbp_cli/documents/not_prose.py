"""Texts that are no prose (CSV, JSON, logs, source code, XML, PostScript): what they read like, and the
best that can be done with them. The warning is never left out.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bbp_cli.documents.formats.html import text_of_page
from bbp_cli.documents.formats.html_tree import Element, parse_html
from bbp_cli.errors import InputError

_SAMPLE = 200_000  # characters that are looked at
_SEEN = 400  # of a line
_MIN_LINES = 4
_MIN_STAMPED = 2  # lines of a log that has lines without a time among them
_STAMP = re.compile(
    r"\s*[\[(]?(?:\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?"
    r"|\d{4}[/.]\d{2}[/.]\d{2} \d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d{2}:\d{2}:\d{2}"
    r"|\d{2}:\d{2}:\d{2}[.,]\d{3}|[IWEFD]\d{4} \d{2}:\d{2}:\d{2}\.\d{1,9}|\d{10}\.\d{3,9}"
    r"|\[\s*\d{1,7}\.\d{6}\])[\])]?\s*[-:|]?\s*"
)
_LEVEL = re.compile(
    r"\s*[\[(<]?(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|FATAL|PANIC|ALERT|SEVERE"
    r"|trace|debug|info|notice|warn(?:ing)?|error|critical|fatal)(?:[\])>]\s*[-:|]?\s*|\s*[-:|]\s+"
    r"|\s{2,}|(?<=[A-Z])\s)"
)
_ERROR = re.compile(
    r"\b(?:ERROR|FATAL|CRITICAL|PANIC|SEVERE|EMERG|ALERT|ERR|Traceback)\b"
    r"|\b(?:error|fatal|panic|exception|failed|failure)\b[\])>]?\s*:|\w{1,60}(?:Error|Exception):|\[error\]"
)
_JSON_ERROR = re.compile(
    r"\"(?:level|severity|lvl|levelname|log\.level)\"\s*:\s*\"(?:error|err|fatal|critical|panic|alert|emerg|severe)",
    re.IGNORECASE,
)
_SERVER_ERROR = re.compile(r"\" 5\d\d (?:\d|-)")  # the status of an answer
_ACCESS = re.compile(r"\S{1,100} \S{1,50} \S{1,50} \[[^\]]{10,40}\] \"[A-Z]+ ")
_XML = re.compile(
    r"\s*(?:<\?xml\b|<!DOCTYPE (?!html)|<[A-Za-z_][\w.-]*:[\w.-]+[\s>]"
    r"|<(?:svg|rss|feed|urlset|project|configuration|TEI|book|article|root|data|plist)[\s>])"
)
_CALENDAR = re.compile(r"BEGIN:(VCALENDAR|VCARD|VEVENT)\s*\n", re.IGNORECASE)
_CALENDAR_TEXT = re.compile(r"(?:SUMMARY|DESCRIPTION|COMMENT|NOTE)(?:;[^:\n]{0,200})?:(.*)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([nN,;\\])")
_SYSLOG = re.compile(r"[\w.-]{1,60} [\w./()-]{1,60}(?:\[\d{1,10}\])?: ")  # host and program
_CONTINUED = re.compile(  # of a message above: the calls that led to an error
    r"\s+\S|Traceback \(most|(?:[\w.]{1,100})?(?:Error|Exception)\b|Caused by:|\.\.\. \d+ more"
)
_POSTSCRIPT = re.compile(r"\s*%!(?:PS|FontType)")
_PATCH = re.compile(
    r"^(?:diff --git |--- \S[^\n]*\n\+\+\+ \S|@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@)", re.MULTILINE
)
_CODE_LINE = re.compile(
    r"""\s*(?:(?:async|def|class|fn|func|function|interface|struct|enum|impl|public|private|protected|static|const|let|var
      |import|from|use|using|package|namespace|\#include|\#define|return|if|else|elif|for|while|switch|case|try|catch
      |except|with|end|local|module|SELECT|INSERT|CREATE|typedef|template|extern|void|int)\b.*[\w:;{}()=,\]">]\s*$
    | [\w.\[\]"'>*&-]{1,80}\s*(?:[-+*/|&%:]?=|->|=>|:=)\s*\S.*
    | .*[;{}]\s*$ | [)\]}]+[;,]?\s*$ | @\w+.* | </?[\w-]+[^>]*>\s*$ | \w[\w.>-]*\(.*\)?;?\s*$)""",
    re.VERBOSE,
)
_COMMENT_LINE = re.compile(r"\s*(?:#|//|/\*|\*|--|;|\"{3}|'{3})")
_SENTENCE_END = re.compile(r"[.!?\u2026][\"\u201d)]?\s*\Z")
_MIN_WORDS = 5  # of a field that reads as prose
_KEY_VALUE = re.compile(
    r"\s*(?:- )?[\w.\"'/-]{1,60}\s*[:=]\s*\S.{0,80}$|\s*\[[\w. \"-]+\]\s*$|\s*[\w.-]+:\s*$|\s*- \S{1,60}$"
)
_SHORT_VALUE = 5  # words of a setting's value; a speaker says more
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{40,}$")
_EACH = {
    "JSON Lines": "--jsonl reads each line",
    "CSV": "--column NAME reads each row",
    "tab-separated values": "--column NAME reads each row",
}
_MIN_DIGITS = 10  # of a text of numbers
_DIGITS_PER_LETTER = 4
_MAX_DEPTH = 100  # of JSON that is looked into


def reads_like(text: str, suffix: str = "") -> str | None:  # noqa: C901 - one branch a kind
    """Return what a text that is no prose reads like, for example `CSV`; None for prose."""
    sample = text[:_SAMPLE]
    start = sample.lstrip("\ufeff \t\n")
    if _POSTSCRIPT.match(start[:100]):
        return "PostScript"
    if calendar := _CALENDAR.match(start[:100]):
        return "a calendar" if calendar[1] == "VCALENDAR" else "an address card"
    if start.startswith(("{", "[")) and (kind := _json_kind(text, start)):
        return kind
    if _XML.match(start[:300]):
        return "XML"
    lines = [line[:_SEEN] for line in sample.split("\n") if line.strip()]
    if len(lines) < _MIN_LINES and suffix not in (".csv", ".tsv", ".log"):
        return "numbers" if _is_numbers(sample) else None
    stamped = sum(bool(_STAMP.match(line) or _LEVEL.match(line) or _ACCESS.match(line)) for line in lines)
    continued = sum(bool(_CONTINUED.match(line)) for line in lines) if stamped >= _MIN_STAMPED else 0
    if stamped and stamped >= 0.5 * (len(lines) - continued):
        return "a log"
    marked = sum(line[0] in "+-@ " for line in lines)
    if _PATCH.search(sample[:20_000]) and marked >= 0.7 * len(lines):
        return "a patch"
    if delimiter := _delimiter(text, lines, suffix):
        return "tab-separated values" if delimiter == "\t" else "CSV"
    sentences = sum(map(_is_sentence, lines))
    settings = sum(bool(_KEY_VALUE.match(line)) and len(line.split()) <= _SHORT_VALUE for line in lines)
    if sentences <= 0.05 * len(lines) and settings >= 0.8 * len(lines) and _has_keys(lines):
        return "settings"
    comments = sum(bool(_COMMENT_LINE.match(line)) for line in lines)
    code = sum(bool(_CODE_LINE.match(line)) and not _is_sentence(line) for line in lines)
    if code >= 0.3 * len(lines) and code + comments >= 0.6 * len(lines) and code > sentences:
        return "source code"
    if sum(bool(_BASE64.match(line.strip())) for line in lines) >= 0.8 * len(lines):
        return "encoded data"
    return "numbers" if _is_numbers(sample) else None


def text_of(text: str, kind: str) -> tuple[str, tuple[str, ...]]:
    """Return the best that can be read of such a text, and the warning that says what it reads like.

    Raises:
        InputError: JSON or a table without a field of text.
    """
    if kind in ("JSON", "JSON Lines"):
        found, (warning,) = _fields(text, _json_strings(text, kind), kind)
        return found, (warning + (_last_json_error(text) if kind == "JSON Lines" else ""),)
    if kind in ("a calendar", "an address card"):
        lines = re.sub(r"\n[ \t]", "", text).split("\n")
        values = (
            _ESCAPED.sub(_unescaped, match[1]) for line in lines if (match := _CALENDAR_TEXT.match(line))
        )
        return _fields(text, (value.strip() for value in values if value.strip()), kind)
    if kind in ("CSV", "tab-separated values"):
        return _fields(text, _cells(text, kind), kind)
    if kind == "XML":
        found = _xml_text(text)
        if any(map(str.isalpha, found)):
            return found, ("reads like XML, not prose: the text in its elements is read",)
        return text, ("reads like XML, not prose: there is no text in its elements",)
    if kind == "a log":
        return _log_text(text)
    return text, (f"reads like {kind}, not prose: take the result with care",)


def _fields(text: str, fields: Iterator[str], kind: str) -> tuple[str, tuple[str, ...]]:
    found = dict.fromkeys(fields)
    if found:
        each = f" ({_EACH[kind]} as a document)" if kind in _EACH else ""
        warning = f"reads like {kind}, not prose: only its fields of text are read{each}"
        return "\n\n".join(found) + "\n", (warning,)
    raise InputError(f"reads like {kind}, not prose: no field of it holds text to read", code="no_text")


def _is_numbers(text: str) -> bool:
    """Return whether nearly all that a text has beside signs is digits."""
    digits = sum(map(str.isdigit, text))
    return digits >= _MIN_DIGITS and digits > _DIGITS_PER_LETTER * sum(map(str.isalpha, text))


def _is_sentence(line: str) -> bool:
    words = line.split(None, 3)
    return len(words) >= 4 and words[0][0].isalpha() and _SENTENCE_END.search(line[-20:]) is not None


def _is_prose(value: str) -> bool:
    """Return whether a field holds at least a short sentence, in whatever script."""
    visible = "".join(value.split())
    if sum(map(str.isalpha, visible)) < 0.6 * len(visible):
        return False
    without_spaces = sum("\u3040" <= character <= "\u9fff" for character in visible)
    return len(value.split(None, _MIN_WORDS)) >= _MIN_WORDS or without_spaces >= 3 * _MIN_WORDS


def _has_keys(lines: list[str]) -> bool:
    return sum(bool(re.match(r"\s*(?:- )?[\w.\"'/-]{1,60}\s*[:=]", line)) for line in lines) >= 0.4 * len(
        lines
    )


def _json_kind(text: str, start: str) -> str | None:
    """Return "JSON" or "JSON Lines", also where it is cut off or too deep; None for other brackets."""
    try:
        json.loads(text)
    except RecursionError:
        return "JSON"
    except ValueError:
        lines = [line for line in start.split("\n", 21)[:20] if line.strip()]
        if len(lines) > 1 and _are_values(lines[:-1]):
            return "JSON Lines"
        return "JSON" if re.match(r"[\[{\s]{0,100}\"[^\"\n]{1,100}\"\s*[:,]|[\[{]{50}", start) else None
    return "JSON"


def _are_values(lines: list[str]) -> bool:
    try:
        return all(isinstance(json.loads(line), dict | list) for line in lines)
    except (ValueError, RecursionError):
        return False


def _json_strings(text: str, kind: str) -> Iterator[str]:
    """Yield the values that read as prose, in the order of the file."""
    for part in text.split("\n") if kind == "JSON Lines" else [text]:
        try:
            value = json.loads(part) if part.strip() else None
        except (ValueError, RecursionError):
            continue
        stack: list[tuple[Any, int]] = [(value, 0)]
        while stack:
            value, depth = stack.pop()
            if isinstance(value, str):
                if _is_prose(value):
                    yield value.strip()
            elif depth < _MAX_DEPTH and isinstance(value, dict | list):
                inside = list(value.values()) if isinstance(value, dict) else value
                stack += [(item, depth + 1) for item in reversed(inside)]


def _delimiter(text: str, lines: list[str], suffix: str) -> str | None:
    """Return what separates the cells of a table of values; None for a text that is no such table."""
    is_named = suffix in (".csv", ".tsv")
    seen = lines[:200]
    of_sentences = sum(map(_is_sentence, seen)) > 0.3 * len(seen)
    for delimiter in ("\t", ";", ","):
        count, times = Counter(line.count(delimiter) for line in seen).most_common(1)[0]
        if count < (1 if is_named else 2) or times < 0.8 * len(seen):
            continue
        if is_named or delimiter == "\t" or not of_sentences:
            return delimiter
    if is_named or (lines and "," in lines[0] and '"' in text[:5000] and not of_sentences):
        return "," if _is_quoted_table(text) else None
    return None


def _is_quoted_table(text: str) -> bool:
    """Return whether a text is a table with quoted cells, which may hold commas and line breaks."""
    try:
        rows = [
            row for row, _ in zip(csv.reader(io.StringIO(text[:_SAMPLE])), range(50), strict=False) if row
        ]
    except csv.Error:
        return False
    if len(rows) < 3:
        return False
    width, times = Counter(map(len, rows)).most_common(1)[0]
    return width >= 2 and times >= 0.9 * (len(rows) - 1)


def _cells(text: str, kind: str) -> Iterator[str]:
    head = text[:20_000]
    delimiter = "\t" if kind != "CSV" else max(",;", key=lambda mark: head.split("\n", 1)[0].count(mark))
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            yield from (cell.strip() for cell in row if _is_prose(cell))
    except csv.Error:  # a cell of more than 131,072 characters
        return


_INLINE = frozenset(
    [
        "b",
        "i",
        "em",
        "strong",
        "italic",
        "bold",
        "sup",
        "sub",
        "xref",
        "ext-link",
        "emphasis",
        "link",
        "a",
        "code",
        "literal",
        "span",
        "hi",
        "ref",
    ]
)


_FEED = re.compile(r"<(?:rss|feed|rdf:RDF)[\s>]", re.IGNORECASE)
_FEED_HTML = (
    "description",
    "summary",
    "content",
    "content:encoded",
    "title",
)  # often escaped, as `&lt;p&gt;`
_HEAD = 5000  # characters in which a feed names itself
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>")


def _xml_text(text: str) -> str:
    """Return the text in the elements of XML: those within a line stay in it, others are paragraphs."""
    is_feed = _FEED.search(text, 0, _HEAD) is not None
    parts: list[str] = []
    stack: list[Element | str] = [parse_html(text.replace("<![CDATA[", " ").replace("]]>", " "))]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
        elif is_feed and node.tag in _FEED_HTML and (page := _escaped_page(node)):
            parts.append(f"\n\n{text_of_page(page)}\n\n")
        elif node.tag not in ("script", "style"):
            border = "" if node.tag.rpartition(":")[2] in _INLINE else "\n\n"
            stack.append(border)
            stack += reversed(node.children)
            stack.append(border)
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", "".join(parts)))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _escaped_page(element: Element) -> str:
    """Return the HTML that an element holds as text; "" where it holds none."""
    content = "".join(child for child in element.children if isinstance(child, str))
    return content if _TAG.search(content) else ""


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] in "nN" else match[1]


def _last_json_error(text: str) -> str:
    """Return what to say of the last line of a log in JSON whose level is that of an error, or ""."""
    said = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not _JSON_ERROR.search(line[: 10 * _SEEN]):
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            message = next(
                (value[key] for key in ("msg", "message", "error") if isinstance(value.get(key), str)), ""
            )
            said = f"; its last error is in line {number}: {' '.join(message.split())[:200]}"
    return said


def _log_text(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the messages of a log without times and levels, each once; the warning holds the last error."""
    shown: dict[str, None] = {}
    last_error, place = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        stamp = _STAMP.match(line[:_SEEN])
        message = line[stamp.end() :] if stamp else line
        program = _SYSLOG.match(message[:_SEEN]) if stamp else None
        message = message[program.end() :] if program else message
        if _ERROR.search(line[:_SEEN]) or (
            _ACCESS.match(line[:_SEEN]) and _SERVER_ERROR.search(line[:_SEEN])
        ):
            last_error, place = message.strip(), number
        level = _LEVEL.match(message[:_SEEN])
        message = message[level.end() :] if level else message
        if message.strip():
            shown.setdefault(message.strip())
    said = f"; its last error is in line {place}: {last_error[:200]}" if place else ""
    # Of messages without a full stop each is a paragraph, or they would be one sentence.
    text = "".join(message + ("\n" if _SENTENCE_END.search(message) else "\n\n") for message in shown)
    return text.rstrip("\n") + "\n", (f"reads like a log, not prose{said}",)
