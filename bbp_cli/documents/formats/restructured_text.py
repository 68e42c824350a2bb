"""reStructuredText → its text without roles, targets, directives' options, comments and footnote marks."""

import re
from itertools import groupby

_SUFFIXES = (".rst", ".rest")
_RULE = re.compile(r"([=\-~^\"'`#*+:._])\1{2,}\s*$")
_SIGNS = {
    "directive": re.compile(r"^[ \t]*\.\. [\w:-]+::", re.MULTILINE),
    "target": re.compile(r"^[ \t]*\.\. _[^:\n]{1,100}:", re.MULTILINE),
    "role": re.compile(r":[a-zA-Z][\w:.+-]{0,40}:`[^`\n]{1,200}`"),
    "link": re.compile(r"`[^`\n]{1,200}<[^<>\n]{1,300}>`_"),
    "literal": re.compile(r"``[^`\n]{1,200}``"),
    "underline": re.compile(r"^\S[^\n]{2,100}\n(?:={4,}|-{4,}|~{4,}|\^{4,})[ \t]*$", re.MULTILINE),
}
_DIRECTIVE = re.compile(r"(\s*)\.\. ([\w:-]+)::\s*(.*)$")
_SHOWN = frozenset(
    [
        "note",
        "warning",
        "tip",
        "important",
        "attention",
        "caution",
        "danger",
        "error",
        "hint",
        "seealso",
        "admonition",
        "topic",
        "epigraph",
        "pull-quote",
        "rubric",
        "versionadded",
        "versionchanged",
        "deprecated",
    ]
)
_COMMENT = re.compile(r"(\s*)\.\.(?:\s+.*)?$")
_NOTE = re.compile(r"(\s*)\.\. \[(#?[\w*-]*)\]\s+(.*)$")
_OPTION = re.compile(r"\s*:[\w -]{1,40}:(?:\s|$)")
_ROLE = re.compile(r":[a-zA-Z][\w:.+-]{0,40}:`([^`]{1,300})`")
_TITLE_OF_ROLE = re.compile(r"^[~!]?(.{0,300}?)\s*<[^<>]{1,300}>$", re.DOTALL)
_LINK = re.compile(r"`([^`<>]{1,300}?)\s*<[^<>`]{1,500}>`__?")
_REFERENCE = re.compile(r"`([^`]{1,300})`__?(?!\w)|(?<![\w`])(\w[\w.-]{0,60}\w)__?(?![\w`])(?=[\s.,;:!?)]|$)")
_LITERAL = re.compile(r"``([^`]{1,500}?)``")
_INTERPRETED = re.compile(r"(?<![\w`\\])`([^`\s](?:[^`]{0,300}[^`\s])?)`(?![\w`])")
_ESCAPE = re.compile(r"\\(?:[ \n]|([*`|_:\\]))")  # "\\ " is nothing, and joins what stands on both sides
_AUTO_NUMBER = re.compile(r"^([ \t]*)#\.[ \t]+(?=\S)", re.MULTILINE)
_COLONS = re.compile(r"^(.*?)::[ \t]*$", re.MULTILINE)
_PLACE = re.compile("\ue000(\\d+)\ue001")  # of a literal, in which nothing is a mark
_TEXT_START = re.compile(r"\s*(?:[-*+\u2022]\s+|\(?\w{1,3}[.)]\s+)?")  # of an item, behind its mark
_BLANK_LINES = re.compile(r"(\n[ \t]*\n)")
_MARK = re.compile(r"\s?\[(?:#[\w-]*|\*|\d{1,3}|[A-Z][\w-]{1,30}\d{2,4})\]_")
_NAMED_SOURCE = re.compile(r"\b((?:in|by|of|to|see|from|with|and|or|than)\s)\[([A-Z][\w-]{1,30}\d{2,4})\]_")
_STRONG = re.compile(r"(?<![\w*\\])(\*{1,2})(?=[^\s*])([^*]{1,500}?)(?<=[^\s*\\])\1(?![\w*])")
_SUBSTITUTION = re.compile(r"(?<![\w|])\|(\w[\w .-]{0,60}\w|\w)\|_{0,2}(?![\w|])")


def is_restructured_text(text: str, suffix: str = "") -> bool:
    """Return whether a text is reStructuredText: by its name, or by a directive and another of its marks."""
    if suffix in _SUFFIXES:
        return True
    sample = text[:100_000]
    found = {name for name, sign in _SIGNS.items() if sign.search(sample)}
    return bool(found & {"directive", "role", "link", "target"}) and len(found) >= 2


def text_of_restructured_text(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text without markup, headings without rules, code indented as it is; and no warnings."""
    lines = text.split("\n")
    shown: list[str] = []
    literal: set[int] = set()  # the shown lines in which nothing is a mark
    number = 0
    while number < len(lines):
        line = lines[number]
        if len(line) > 2000:
            shown.append(line)
        elif note := _NOTE.match(line):
            shown.append(f"{note[1]}{note[3]}")
        elif directive := _DIRECTIVE.match(line):
            if directive[2] not in _SHOWN:
                number = _after_block(lines, number, len(directive[1]))
                shown.append("")
                continue
            is_version = directive[2] in ("versionadded", "versionchanged", "deprecated")
            shown += ["", directive[1] + ("" if is_version else directive[3])]
            while number + 1 < len(lines) and _OPTION.match(lines[number + 1][:200]):
                number += 1
        elif (comment := _COMMENT.match(line)) is not None:
            number = _after_block(lines, number, len(comment[1]))
            shown.append("")
            continue
        elif _RULE.match(line) and (_is_title(lines, number - 1) or _is_title(lines, number + 1)):
            shown.append("")
        else:
            shown.append(line)
            if line.rstrip().endswith("::") and not "".join(lines[number + 1 : number + 2]).strip():
                end = _after_block(lines, number, _text_column(line))
                block = lines[number + 1 : end]
                literal |= set(range(len(shown), len(shown) + len(block)))
                shown += block
                number = end
                continue
        number += 1
    parts = groupby(range(len(shown)), key=literal.__contains__)
    texts = [(is_literal, "\n".join(shown[n] for n in numbers)) for is_literal, numbers in parts]
    text = "\n".join(part if is_literal else _without_marks(part) for is_literal, part in texts)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n", ()


def _text_column(line: str) -> int:
    start = _TEXT_START.match(line)
    return start.end() if start else 0


def _without_marks(text: str) -> str:
    return "".join(map(_inline, _BLANK_LINES.split(text)))


def _is_title(lines: list[str], number: int) -> bool:
    return 0 <= number < len(lines) and bool(lines[number].strip()) and len(lines[number]) <= 200


def _after_block(lines: list[str], number: int, indent: int) -> int:
    """Return the line behind a directive or comment: the first below that is not indented further."""
    number += 1
    while number < len(lines):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        number += 1
    return number


def _inline(block: str) -> str:
    """Return a paragraph without marks inside of lines; what they enclose may go over a line break."""
    literals: list[str] = []

    def set_aside(found: re.Match[str]) -> str:
        literals.append(found[1])
        return f"\ue000{len(literals) - 1}\ue001"

    if "`" in block:
        block = _LITERAL.sub(set_aside, block)
        block = _ROLE.sub(_role, block)
        block = _LINK.sub(r"\1", block)
    if "]_" in block:
        block = _NAMED_SOURCE.sub(r"\1[\2]", block)
        block = _MARK.sub("", block)
    if "_" in block:
        block = _REFERENCE.sub(lambda found: found[1] or found[2], block)
    if "`" in block:
        block = _INTERPRETED.sub(r"\1", block)
    if "*" in block:
        block = _STRONG.sub(r"\2", block)
    if "|" in block and block.count("|") == 2:
        block = _SUBSTITUTION.sub(r"\1", block)
    if "::" in block:
        block = _COLONS.sub(lambda found: f"{found[1]}:" if found[1].strip() else "", block)
    if "\\" in block:
        block = _ESCAPE.sub(lambda found: found[1] or "", block)
    block = _AUTO_NUMBER.sub(r"\1- ", block)
    return _PLACE.sub(lambda found: literals[int(found[1])] if int(found[1]) < len(literals) else "", block)


def _role(found: re.Match[str]) -> str:
    title = _TITLE_OF_ROLE.match(found[1])
    return title[1] if title and title[1] else found[1].lstrip("~!")
