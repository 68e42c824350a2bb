"""Classification of the lines of a plain text: running text, list item, table row, code, e-mail header, ...

A line is classified by itself and the lines around it, without a grammar of any format: the same rules serve
Markdown, e-mail, transcripts, source code and text taken from PDF pages. Doubtful lines are running text.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from bigbird_pegasus.text import line_patterns as patterns
from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.wrapping import is_one_break, line_spans, unwrapped_spans

Kind = Literal[
    "text",  # also the lines of a verse
    "item",  # first line of a list item; the lines after it are text
    "turn",  # first line of what a speaker of a transcript says
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
    """A line that is not blank: its span without the line break, its kind, and whether it starts a block.

    A line that starts no block continues the sentence of the line before.
    """

    start: int
    end: int
    kind: Kind
    starts_block: bool


_BREAK = re.compile(r"[\n\r]")
_MAX_LINE_CHARS = 400  # that the rules look at; longer lines are running text
_MAX_SIGNATURE_LINES = 8  # below "--"
_MAX_NAME_LINES = 4  # below "Kind regards"
_MAX_NAME_WORDS = 8  # of a line below "Kind regards"
_MIN_CODE_LINES = 3  # of source code
_MIN_TURNS = 3  # of a transcript; at least one name must come twice
_MIN_CHAT_SHARE = 0.6  # of the lines of a chat with names in lower case begin with one
_MIN_REPEATS = 3  # of a running title
_LETTER = re.compile(r"[^\W\d_]")


def classify_lines(text: str) -> tuple[Line, ...]:
    """Return the lines of a text that are not blank, in order."""
    spans = line_spans(text)
    kind_alone = cache(_kind)  # of rules, blank comments and rows many are the same
    spans = unwrapped_spans(text, spans, [_shown(text, span) for span in spans], kind_alone)
    shown = [_shown(text, span) for span in spans]
    kinds = _kinds(text, spans, shown, kind_alone)
    lines: list[Line] = []
    for number, (start, end) in enumerate(spans):
        starts_block = number == 0 or _starts_block(shown, kinds, number, spans)
        lines.append(Line(start, end, kinds[number], starts_block))
    return tuple(lines)


def _shown(text: str, span: tuple[int, int]) -> str:
    """Return what the rules look at of a line, with spaces in place of the breaks where it was wrapped."""
    start, end = span
    shown = text[start : min(end, start + _MAX_LINE_CHARS)]
    if shown[: _MAX_LINE_CHARS // 2].isspace():  # indented by more than the rules look at
        start = end - len(text[start:end].lstrip())
        shown = text[start : min(end, start + _MAX_LINE_CHARS)]
    return _BREAK.sub(" ", shown)


def blank_markup(text: str, lines: Sequence[Line]) -> str:
    """Return the text with spaces in place of bullets, hashes, and the marks of quotes and comments.

    No offset changes: the sentences of one text are those of the other. `lines` are those of the text.
    """
    parts = []
    position = 0
    for line in lines:
        if line.kind not in patterns.MARKUP:
            continue
        shown = text[line.start : line.end]
        mark = patterns.MARKUP[line.kind].match(shown)
        content = mark.end() if mark else 0
        closing = patterns.COMMENT_END.search(shown[-_MAX_LINE_CHARS:]) if line.kind == "comment" else None
        after = min(len(closing[0]), len(shown) - content) if closing else 0
        if content or after:
            end = line.end - after
            parts += [
                text[position : line.start],
                " " * content,
                text[line.start + content : end],
                " " * after,
            ]
            position = line.end
    return "".join([*parts, text[position:]]) if parts else text


def label_end(line: str) -> int:
    """Return how many characters of a line are a speaker's name and its colon; 0 if there is none."""
    match = patterns.LABEL.match(line[:_MAX_LINE_CHARS])
    return match.end() if match else 0


def _kinds(
    text: str, spans: list[tuple[int, int]], shown: list[str], kind_alone: Callable[[str], Kind]
) -> list[Kind]:
    kinds = [kind_alone(line) for line in shown]
    _mark_fences(shown, kinds)
    _mark_source_code(shown, kinds)
    _mark_speakers(shown, kinds)
    _mark_repeated(shown, kinds)
    _mark_rows(shown, kinds)
    _mark_wrote(text, spans, shown, kinds)
    _mark_closings(text, spans, shown, kinds)
    return kinds


def _kind(line: str) -> Kind:  # noqa: C901 - a flat list of patterns
    """Return the kind of a line by itself."""
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
    sentence = len(line) == _MAX_LINE_CHARS or ends_as_sentence(line)
    if line.lstrip().startswith("|") or (patterns.TABLE_ROW.match(line) and not sentence):
        return "table"
    if len(line) < _MAX_LINE_CHARS and _is_code(line):
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
    """Mark Markdown's code blocks, if the fences come in pairs."""
    fences = [number for number, line in enumerate(shown) if patterns.FENCE.match(line)]
    for first, last in zip(fences[::2], fences[1::2], strict=False):
        for number in range(first, last + 1):
            kinds[number] = "code"


def _mark_source_code(shown: list[str], kinds: list[Kind]) -> None:
    """Mark code, comments and docstrings, where nearly the whole text is source code."""
    if any(patterns.FENCE.match(line) for line in shown):
        return
    found = list(kinds)
    docstring: str | None = None
    has_docstring = False
    for number, line in enumerate(shown):
        opening = patterns.DOCSTRING.match(line)
        if docstring is not None:
            found[number] = "comment"
            if docstring in line:
                docstring = None
        elif opening:
            has_docstring = True
            found[number] = "comment"
            if opening[1] not in line[opening.end() :]:
                docstring = opening[1]
        elif patterns.COMMENT.match(line) or (
            line.lstrip().startswith("* ") and number and found[number - 1] == "comment"
        ):
            found[number] = "comment"
    code, comments = found.count("code"), found.count("comment")
    has_code = code >= 0.2 * len(found) and code + comments >= 0.7 * len(found) and code >= _MIN_CODE_LINES
    if has_code or (has_docstring and code + comments == len(found)):
        for number, kind in enumerate(found):
            kinds[number] = kind if kind == "comment" else "code"


def _mark_speakers(shown: list[str], kinds: list[Kind]) -> None:
    """Mark turns of a transcript: names with a colon, of which at least one speaks twice.

    Names in lower case are those of a chat, where nearly all lines have one, and people say "I" and "you".
    """
    labels = {}
    handles: set[int] = set()
    personal = 0
    for number, line in enumerate(shown):
        if kinds[number] in ("text", "heading", "item") and (match := patterns.LABEL.match(line)):
            labels[number] = match["chat"] or match["name"] or match["handle"]
            if match["handle"]:
                handles.add(number)
            personal += patterns.PERSONAL.search(line, match.end()) is not None
    if handles:
        is_chat = (
            len(labels) >= _MIN_CHAT_SHARE * sum(kind in ("text", "heading", "item") for kind in kinds)
            and personal >= patterns.MIN_PERSONAL_SHARE * len(labels)
            and len(set(labels.values())) >= 2
        )
        if not is_chat:
            labels = {number: name for number, name in labels.items() if number not in handles}
    if len(labels) < _MIN_TURNS or max(Counter(labels.values()).values()) < 2:
        return
    for number in labels:
        kinds[number] = "turn"


def _mark_repeated(shown: list[str], kinds: list[Kind]) -> None:
    """Mark running titles: short lines, no sentences, that come three times or more; numbers may differ."""

    def key(line: str) -> str:
        return " ".join(re.sub(r"\d+", "0", line).split())

    short = {n: key(line) for n, line in enumerate(shown) if len(line) < 100 and not ends_as_sentence(line)}
    counts = Counter(short.values())
    listed = {line for number, line in short.items() if short.get(number + 1) == line}  # below each other
    for number, line in short.items():
        repeated = counts[line] >= _MIN_REPEATS and line not in listed
        if repeated and kinds[number] in ("text", "heading", "item"):
            kinds[number] = "furniture"


def _mark_rows(shown: list[str], kinds: list[Kind]) -> None:
    """Mark rows of comma- or semicolon-separated values: three lines or more with as many cells each."""
    cells = [len(re.findall(r"[,;\t]", line)) if patterns.CELLS.match(line) else 0 for line in shown]
    number = 0
    while number < len(cells):
        end = number + 1
        while end < len(cells) and cells[end] == cells[number]:
            end += 1
        if cells[number] >= 2 and end - number >= 3:
            kinds[number:end] = ["table"] * (end - number)
        number = end


def _mark_wrote(text: str, spans: list[tuple[int, int]], shown: list[str], kinds: list[Kind]) -> None:
    """Mark "On Monday, Ben wrote:", also over two lines."""
    for number, line in enumerate(shown):
        if line.lstrip("> \t")[:1] not in patterns.WROTE_INITIALS:
            continue
        after = number + 1
        if after < len(shown) and is_one_break(text[spans[number][1] : spans[after][0]]):
            line = f"{line}\n{shown[after]}"
        if match := patterns.WROTE.match(line):
            kinds[number] = "header"
            if "\n" in match[0]:
                kinds[after] = "header"


def _mark_closings(text: str, spans: list[tuple[int, int]], shown: list[str], kinds: list[Kind]) -> None:
    """Mark sign-offs, and the name, title and addresses below them, up to the next message."""
    lines_left = 0  # that may still belong to the closing above; 0 outside of one
    in_signature = False
    for number, line in enumerate(shown):
        # "--" alone looks like a rule. At the end of the text nothing is below it that it could set off.
        if patterns.SIGNATURE.match(line) and number + 1 < len(shown) and kinds[number] == "furniture":
            lines_left, in_signature = _MAX_SIGNATURE_LINES, True
        elif patterns.SIGN_OFF.match(line) and kinds[number] in ("text", "heading", "turn"):
            lines_left, in_signature = _MAX_NAME_LINES, False
        elif lines_left and _belongs_to_closing(text, spans, line, kinds, number, in_signature=in_signature):
            # Counted down, for below a sign-off in the middle of a document the text goes on.
            lines_left -= 1
        else:
            lines_left = 0
            continue
        kinds[number] = "closing"


def _belongs_to_closing(
    text: str, spans: list[tuple[int, int]], line: str, kinds: list[Kind], number: int, *, in_signature: bool
) -> bool:
    """Return whether a line below the beginning of a closing is still part of it."""
    if kinds[number] in ("header", "quote", "turn"):  # the next message, or the one that is answered
        return False
    after_blank_line = text[spans[number - 1][1] : spans[number][0]].count("\n") > 1
    # Below "--" people write whole sentences, but no blank lines; below "Kind regards" blank lines, but no
    # sentences.
    return (in_signature and not after_blank_line) or (
        len(line.split()) <= _MAX_NAME_WORDS and not ends_as_sentence(line)
    )


def _starts_block(shown: list[str], kinds: list[Kind], number: int, spans: list[tuple[int, int]]) -> bool:
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
    """Return whether the line before ended although the first word of this one would have fitted on it."""
    line = shown[number].strip()
    if not (line[0].isupper() or line[0].isdigit() or line[0] in "\"'\u201c\u201e\u00ab\u2018([*_"):
        return False
    previous = spans[number - 1][1] - spans[number - 1][0]
    width = max(end - start for start, end in spans[max(0, number - 4) : number + 5])
    return previous + 1 + len(line.split()[0]) <= 0.7 * min(width, _MAX_LINE_CHARS)
