"""Markdown → the text that a reader sees; marks of lines (`#`, `-`, `|`, fences) stay: they say what it is.

Front matter, emphasis, targets of links, images, marks of footnotes, comments and tags go.
"""

import html
import json
import re

from bbp_cli.documents.formats.mathml import formula_of

_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".qmd", ".rmd", ".mdx")
_FRONT_MATTER = re.compile(
    r"\ufeff?(?:---[ \t]*\n(?:(?!---|\.\.\.)[^\n]*\n){0,300}?(?:---|\.\.\.)|\+\+\+["
    r" \t]*\n(?:(?!\+\+\+)[^\n]*\n){0,300}?\+\+\+)[ \t]*(?:\n|\Z)"
)
_FRONT_KEY = re.compile(r"^[\w-]+\s*[:=]", re.MULTILINE)
_SIGNS = {  # of Markdown: each kind that a text holds counts once
    "heading": re.compile(r"(?:\A|\n\n)#{1,6} \S[^\n]*\n(?:\n|\Z)"),
    "fence": re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE),
    "link": re.compile(r"\[[^\[\]\n]{1,200}\]\([^()\s]{1,300}[^()\n]{0,200}\)"),
    "emphasis": re.compile(
        r"(?<![\w*])\*\*[^\s*][^*\n]{0,200}\*\*(?![\w*])|(?<![\w_])__[^\s_][^_\n]{0,200}__(?![\w_])"
    ),
    "light": re.compile(r"(?<![\w*/])\*[^\s*][^*\n]{0,100}[^\s*]\*(?![\w*/])"),
    "code": re.compile(r"(?<!`)`[^`\n]{1,100}`(?!`)"),
    "task": re.compile(r"^[ \t]*[-*+] \[[ xX]\] ", re.MULTILINE),
    "reference": re.compile(r"^ {0,3}\[\^?[^\[\]\n]{1,100}\]: ", re.MULTILINE),
    "note": re.compile(r"\[\^[\w-]{1,40}\]"),
    "table": re.compile(r"^[ \t]*+\|?[ \t]*+:?-{3,}+:?[ \t]*+\|", re.MULTILINE),
}
_SAMPLE = 100_000  # characters that are looked at
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DEFINITION = re.compile(r" {0,3}\[(?!\^)[^\[\]\n]{1,200}\]:\s*\S+.*$")
_NOTE_DEFINITION = re.compile(r" {0,3}\[\^[^\[\]\s]{1,60}\]:\s*")
_INLINE_FORMULA = re.compile(r"(?<![\\$\w])\$(?=[^\s$])([^$\n]{1,200}?)(?<=[^\s\\$])\$(?![\d$])")
_CODE_SPAN = re.compile(r"(?<!`)(`{1,3})(?!`)([^\n]{1,500}?)(?<!`)\1(?!`)")
_IMAGE = re.compile(
    r"!\[[^\[\]\n]{0,300}\](?:\([^()\n]{0,1000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\)|\[[^\[\]\n]{0,200}\])"
)
_WIKI_LINK = re.compile(r"\[\[([^\[\]|\n]{1,200})(?:\|([^\[\]\n]{1,200}))?\]\]")
_LINK = re.compile(
    r"\[([^\[\]\n]{0,500})\](?:\([^()\n]{0,1000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\)|\[[^\[\]\n]{0,200}\])"
)
_NOTE = re.compile(
    r"\[\^[^\[\]\s]{1,60}\]|(?<=[^\s\[(])\s?\[@[^\[\]\n]{1,100}\]|\{#[\w-]{1,60}\}|\{\.[\w. -]{1,60}\}"
)
_AUTOLINK = re.compile(r"<((?:https?|mailto|ftp):[^<>\s]{1,500})>")
_SUPERSCRIPT = re.compile(r"<sup>\s{0,9}([^<>\s][^<>\n]{0,39}?)\s{0,9}</sup>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|br|center|cite|code|del|details|div|em|font|h[1-6]|hr|i|img|ins|kbd|mark|p"
    r"|picture|s|small|source|span|strike|strong|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul|ol"
    r"|li|video)\b[^<>]{0,1000}/?>",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"(?<![\w*\\])(\*{1,3})(?=[^\s*])((?:[^*\n]|\n(?!\s*\n)){1,1000}?)(?<=[^\s*\\])\1(?!\*)"
    r"|(?<![\w_\\])(_{1,3})(?=[^\s_])((?:[^_\n]|\n(?!\s*\n)"
    r"|(?<=\w)_(?=\w)){1,1000}?)(?<=[^\s_\\])\3(?![\w_])|(?<!~)~~(?=[^\s~])([^~\n]{1,500}?)~~(?!~)"
    r"|(?<![=\w])==(?=[^\s=])([^=\n]{1,500}?)==(?![=\w])"
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def is_markdown(text: str, suffix: str = "") -> bool:
    """Return whether a text is Markdown: by its name, its front matter, or two kinds of its marks."""
    if suffix in _SUFFIXES:
        return True
    sample = text[:_SAMPLE]
    front = _FRONT_MATTER.match(sample)
    if front and _FRONT_KEY.search(front[0]):
        return True
    return sum(1 for sign in _SIGNS.values() if sign.search(sample)) >= 2


def text_of_markdown(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text without its marks, and no warnings. Code blocks stay as they are."""
    front = _FRONT_MATTER.match(text)
    if front and _FRONT_KEY.search(front[0]):
        text = text[front.end() :].lstrip("\n")
    pieces: list[str] = []
    prose: list[str] = []
    fence = ""

    def flush() -> None:
        if prose:
            pieces.append(_without_marks("\n".join(prose)))
            prose.clear()

    for line in text.split("\n"):
        match = _FENCE.match(line)
        if fence:
            pieces.append(line)
            if (
                match
                and match[1][0] == fence[0]
                and len(match[1]) >= len(fence)
                and not line[match.end() :].strip()
            ):
                fence = ""
        elif match:
            flush()
            fence = match[1]
            pieces.append(line)
        else:
            prose.append(line)
    flush()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(pieces)).strip("\n") + "\n", ()


def _without_marks(text: str) -> str:
    """Return prose without marks within lines. What stands in code spans is not touched."""
    if "<!--" in text:
        text = without_comments(text)
    lines = text.split("\n")
    text = "\n".join(_NOTE_DEFINITION.sub("", line) for line in lines if not _DEFINITION.match(line[:2000]))
    spans: list[str] = []

    def keep(shown: str) -> str:
        spans.append(shown)
        return f"\x02{len(spans) - 1}\x03"

    text = text.replace("\x02", "").replace("\x03", "")
    text = _CODE_SPAN.sub(lambda found: keep(found[2].strip() or found[2]), text)
    text = _ESCAPE.sub(lambda found: keep(found[1]), text)
    if "$" in text:
        text = _INLINE_FORMULA.sub(lambda found: keep(formula_of(found[1])), text)
    text = _AUTOLINK.sub(lambda found: keep(found[1]), text)
    if "[" in text or "{" in text:
        text = _IMAGE.sub("", text)
        text = _WIKI_LINK.sub(lambda found: found[2] or found[1], text)
        text = _LINK.sub(r"\1", text)
        text = _NOTE.sub("", text)
    if "<" in text:
        text = _SUPERSCRIPT.sub(r"^\1", text)
        text = _TAG.sub("", text)
    text = _STRONG.sub(_emphasized, text)
    text = _STRONG.sub(_emphasized, text)  # one within another
    if "&" in text:
        text = re.sub(
            r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});", lambda found: html.unescape(found[0]), text
        )
    for _ in range(3):  # a code span in a formula in …
        if "\x02" not in text:
            break
        text = re.sub("\x02(\\d+)\x03", lambda found: spans[int(found[1])], text)
    return "\n".join(line.rstrip() if line.strip() else "" for line in text.split("\n"))


def without_comments(text: str) -> str:
    """Return a text without `<!-- … -->`; one that does not end is kept."""
    parts: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        parts.append(text[position:start])
        position = end + 3
    return "".join([*parts, text[position:]])


def _emphasized(found: re.Match[str]) -> str:
    return found[2] or found[4] or found[5] or found[6]


def is_notebook(text: str, suffix: str = "") -> bool:
    """Return whether a text is a Jupyter notebook."""
    head = text[:100_000].lstrip()
    return head.startswith("{") and '"cells"' in text and '"cell_type"' in text


def text_of_notebook(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text cells of a notebook, its code as blocks, and a warning that outputs are not read."""
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return text, ("reads like a Jupyter notebook that is damaged",)
    parts: list[str] = []
    outputs = 0
    for cell in cells if isinstance(cells, list) else []:
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", "")
        shown = "".join(map(str, source)) if isinstance(source, list) else str(source)
        outputs += bool(cell.get("outputs"))
        if cell.get("cell_type") == "markdown":
            parts.append(text_of_markdown(shown)[0].strip("\n"))
        elif cell.get("cell_type") == "code" and shown.strip():
            parts.append(f"```\n{shown.strip(chr(10))}\n```")
        elif shown.strip():
            parts.append(shown.strip("\n"))
    warnings = (f"the outputs of {outputs} cell{'s' if outputs > 1 else ''} are not read",) if outputs else ()
    return "\n\n".join(part for part in parts if part) + "\n", warnings
