"""What each line of a plain text is: running text, or a list item, a table row, code, an e-mail header, ...

Told from the line itself and the lines around it, without a grammar of any format: the same rules serve
Markdown, e-mail, transcripts, source code and text taken from PDF pages. Doubtful lines are running text.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from bigbird_pegasus.text import line_patterns as patterns
from bigbird_pegasus.text.line_patterns import ends_as_sentence

Kind = Literal[
    "text",  # also the lines of a verse
    "item",  # first line of a list item; the lines behind it are text
    "turn",  # what a speaker of a transcript begins to say
    "heading",
    "comment",  # of source code, or a docstring
    "quote",  # of an older e-mail
    "table",
    "code",
    "header",  # of an e-mail, and "On Monday Ben wrote:"
    "closing",  # greeting, "Kind regards", name, signature
    "furniture",  # page numbers, running titles, tables of contents, navigation, rules
]
KINDS_OF_PROSE = frozenset({"text", "item", "turn", "comment"})


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank: its span without the break, what it is, and whether it starts anew.

    A line that does not start anew goes on with the sentence of the line before.
    """

    start: int
    end: int
    kind: Kind
    starts_anew: bool


_LINE = re.compile(r"[^\n\r\f]*\S[^\n\r\f]*")
_LONGEST_SEEN = 400  # characters of a line that the rules look at; longer lines are running text
_LONGEST_CLOSING = 8  # lines below "--"
_LONGEST_NAME = 4  # lines below "Kind regards"
_LEAST_CODE = 3  # lines of source code
_LEAST_TURNS = 3  # of a transcript; at least one name must come twice
_LEAST_REPEATED = 3  # times that a running title comes
_LETTER = re.compile(r"[^\W\d_]")


@lru_cache(maxsize=2)  # splitting and choosing ask for the lines of the same text
def lines_of(text: str) -> tuple[Line, ...]:
    """The lines of a text that are not blank, in order."""
    spans = [match.span() for match in _LINE.finditer(text)]
    shown = [text[start : min(end, start + _LONGEST_SEEN)] for start, end in spans]
    kinds = _kinds(text, spans, shown)
    found: list[Line] = []
    for number, (start, end) in enumerate(spans):
        anew = number == 0 or _starts_anew(shown, kinds, number, spans)
        found.append(Line(start, end, kinds[number], anew))
    return tuple(found)


def without_marks(text: str) -> str:
    """The text with spaces for what marks its lines: bullets, hashes, the marks of quotes and comments.

    Every offset stays: the sentences of one are those of the other.
    """
    parts = []
    position = 0
    for line in lines_of(text):
        if line.kind not in patterns.MARKS:
            continue
        shown = text[line.start : line.end]
        mark = patterns.MARKS[line.kind].match(shown)
        content = mark.end() if mark else 0
        closing = patterns.COMMENT_END.search(shown[-_LONGEST_SEEN:]) if line.kind == "comment" else None
        behind = min(len(closing[0]), len(shown) - content) if closing else 0
        if content or behind:
            end = line.end - behind
            parts += [
                text[position : line.start],
                " " * content,
                text[line.start + content : end],
                " " * behind,
            ]
            position = line.end
    return "".join([*parts, text[position:]]) if parts else text


def label_end(line: str) -> int:
    """How many characters of a line are the name of who speaks and its colon; 0 if there is none."""
    match = patterns.LABEL.match(line[:_LONGEST_SEEN])
    return match.end() if match else 0


def _kinds(text: str, spans: list[tuple[int, int]], shown: list[str]) -> list[Kind]:
    kinds: list[Kind] = [_kind(line) for line in shown]
    _mark_fences(shown, kinds)
    _mark_source_code(shown, kinds)
    _mark_speakers(shown, kinds)
    _mark_repeated(shown, kinds)
    _mark_rows(shown, kinds)
    _mark_wrote(text, spans, kinds)
    _mark_closings(text, spans, shown, kinds)
    return kinds


def _kind(line: str) -> Kind:
    """What a line looks like by itself."""
    if patterns.QUOTE.match(line):
        return "header" if patterns.HEADER.match(line.lstrip()) else "quote"
    if (
        patterns.RULE.match(line)
        or patterns.PAGE_NUMBER.match(line)
        or patterns.CONTENTS.match(line)
        or patterns.NAVIGATION.match(line)
    ):
        return "furniture"
    if patterns.TIME.match(line):
        return "furniture"
    if patterns.HEADER.match(line):
        return "header"
    if patterns.GREETING.match(line) or patterns.SENT_FROM.match(line):
        return "closing"
    sentence = len(line) == _LONGEST_SEEN or ends_as_sentence(line)
    if line.lstrip().startswith("|") or (patterns.TABLE_ROW.match(line) and not sentence):
        return "table"
    if len(line) < _LONGEST_SEEN and _is_code(line):
        return "code"
    if patterns.HEADING.match(line) or (_is_capitals(line) and len(line.split()) <= 12):
        return "heading"
    if patterns.ITEM.match(line):
        return "item"
    if patterns.COLUMNS.match(line) and not sentence:
        return "table"
    return "text"


def _is_code(line: str) -> bool:
    if not patterns.CODE.match(line):
        return False
    item = patterns.ITEM.match(line)
    words = len(re.findall(r"[^\W\d_]{2,}", line))
    signs = len(patterns.CODE_SIGN.findall(line))
    if words > (2 if item else 5) and signs < 6 and (item or ends_as_sentence(line)):
        return False
    return words <= 5 or signs * 4 >= words


def _is_capitals(line: str) -> bool:
    letters = _LETTER.findall(line)
    return len(letters) > 3 and "".join(letters).isupper() and len(line) < 100


def _mark_fences(shown: list[str], kinds: list[Kind]) -> None:
    """Markdown's code blocks, if the fences come in pairs."""
    fences = [number for number, line in enumerate(shown) if patterns.FENCE.match(line)]
    for first, last in zip(fences[::2], fences[1::2], strict=False):
        for number in range(first, last + 1):
            kinds[number] = "code"


def _mark_source_code(shown: list[str], kinds: list[Kind]) -> None:
    """Comments and docstrings, where nearly the whole text is source code."""
    if any(patterns.FENCE.match(line) for line in shown):
        return
    found = list(kinds)
    docstring: str | None = None
    for number, line in enumerate(shown):
        opening = patterns.DOCSTRING.match(line)
        if docstring is not None:
            found[number] = "comment"
            if docstring in line:
                docstring = None
        elif opening:
            found[number] = "comment"
            if opening[1] not in line[opening.end() :]:
                docstring = opening[1]
        elif patterns.COMMENT.match(line) or (
            line.lstrip().startswith("* ") and number and found[number - 1] == "comment"
        ):
            found[number] = "comment"
    code = found.count("code")
    if code >= 0.2 * len(found) and code + found.count("comment") >= 0.7 * len(found) and code >= _LEAST_CODE:
        for number, kind in enumerate(found):
            kinds[number] = kind if kind == "comment" else "code"


def _mark_speakers(shown: list[str], kinds: list[Kind]) -> None:
    """Turns of a transcript: names with a colon, of which at least one speaks twice."""
    labels = {}
    for number, line in enumerate(shown):
        if kinds[number] in ("text", "heading", "item") and (match := patterns.LABEL.match(line)):
            labels[number] = match["chat"] or match["name"]
    if len(labels) < _LEAST_TURNS or max(Counter(labels.values()).values()) < 2:
        return
    for number in labels:
        kinds[number] = "turn"


def _mark_repeated(shown: list[str], kinds: list[Kind]) -> None:
    """Running titles: short lines, no sentences, that come three times or more, but for their numbers."""

    def key(line: str) -> str:
        return " ".join(re.sub(r"\d+", "0", line).split())

    short = {n: key(line) for n, line in enumerate(shown) if len(line) < 100 and not ends_as_sentence(line)}
    counts = Counter(short.values())
    listed = {line for number, line in short.items() if short.get(number + 1) == line}  # below each other
    for number, line in short.items():
        repeated = counts[line] >= _LEAST_REPEATED and line not in listed
        if repeated and kinds[number] in ("text", "heading", "item"):
            kinds[number] = "furniture"


def _mark_rows(shown: list[str], kinds: list[Kind]) -> None:
    """Rows of comma- or semicolon-separated values: three lines or more with as many cells each."""
    cells = [len(re.findall(r"[,;\t]", line)) if patterns.CELLS.match(line) else 0 for line in shown]
    number = 0
    while number < len(cells):
        end = number + 1
        while end < len(cells) and cells[end] == cells[number]:
            end += 1
        if cells[number] >= 2 and end - number >= 3:
            kinds[number:end] = ["table"] * (end - number)
        number = end


def _mark_wrote(text: str, spans: list[tuple[int, int]], kinds: list[Kind]) -> None:
    """ "On Monday, Ben wrote:", also over two lines."""
    covered = [match.span() for match in patterns.WROTE.finditer(text)]
    position = 0
    for number, (start, end) in enumerate(spans):
        while position < len(covered) and covered[position][1] <= start:
            position += 1
        if position < len(covered) and covered[position][0] < end and start < covered[position][1]:
            kinds[number] = "header"


def _mark_closings(text: str, spans: list[tuple[int, int]], shown: list[str], kinds: list[Kind]) -> None:
    """Below "Kind regards" or "--" stand a name, a title, addresses: short lines up to the next message."""
    left = 0
    everything = False
    for number, line in enumerate(shown):
        if patterns.SIGNATURE.match(line) and number + 1 < len(shown) and kinds[number] == "furniture":
            left, everything = _LONGEST_CLOSING, True
            kinds[number] = "closing"
        elif patterns.SIGN_OFF.match(line) and kinds[number] in ("text", "heading", "turn"):
            left, everything = _LONGEST_NAME, False
            kinds[number] = "closing"
        elif left:
            blank = text[spans[number - 1][1] : spans[number][0]].count("\n") > 1
            stays = everything and not blank
            if kinds[number] in ("header", "quote", "turn") or not (
                stays or (len(line.split()) <= 8 and not ends_as_sentence(line))
            ):
                left = 0
                continue
            kinds[number] = "closing"
            left -= 1


def _starts_anew(shown: list[str], kinds: list[Kind], number: int, spans: list[tuple[int, int]]) -> bool:
    before, kind = kinds[number - 1], kinds[number]
    line = shown[number]
    if kind in ("item", "turn", "table", "header", "heading", "furniture", "closing"):
        return True
    if kind == "text" and before in ("item", "turn", "text"):
        return _is_broken_early(shown, number, spans)
    if kind == before == "comment":
        return (
            bool(patterns.DOCSTRING.match(line))
            or not line.strip(patterns.OF_COMMENTS)
            or not shown[number - 1].strip(patterns.OF_COMMENTS)
        )
    if kind == before == "quote":
        return not line.strip("> \t") or not shown[number - 1].strip("> \t")
    return kind != before or kind == "code"


def _is_broken_early(shown: list[str], number: int, spans: list[tuple[int, int]]) -> bool:
    """Whether the line before ended although the first word of this one would have fitted on it."""
    line = shown[number].strip()
    if not (line[0].isupper() or line[0].isdigit() or line[0] in "\"'\u201c\u201e\u00ab\u2018([*_"):
        return False
    previous = spans[number - 1][1] - spans[number - 1][0]
    width = max(end - start for start, end in spans[max(0, number - 4) : number + 5])
    return previous + 1 + len(line.split()[0]) <= 0.7 * min(width, _LONGEST_SEEN)
