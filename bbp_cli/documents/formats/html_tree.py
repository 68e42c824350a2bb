"""HTML → a tree of elements and strings, in linear time, whatever is broken.

Own code, since the libraries lose text or time: libxml2 stops below 2,048 levels and is quadratic in the
attributes of one tag, html.parser is quadratic in `<p <p` and raises on `<![endif-->`. Only what decides
about the text is done as browsers do it: comments, quoted attributes, scripts, elements that need no end tag.
"""

import html
import re
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)
BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_RAW = frozenset(("script", "style", "textarea", "title", "xmp", "noembed"))  # no tags in them
_CLOSES_PARAGRAPH = BLOCKS - {"body", "html"}
_CLOSED_BY = {  # an element that is open → the start tags that end it, where no end tag does
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "tr": {"tr", "tbody", "tfoot", "thead"},
    "td": {"td", "th", "tr", "tbody", "tfoot"},
    "th": {"td", "th", "tr", "tbody", "tfoot"},
    "p": _CLOSES_PARAGRAPH,
    "head": BLOCKS - {"html"},
    "rt": {"rt", "rp"},
    "rp": {"rt", "rp"},
    "option": {"option", "optgroup"},
}
_SCOPE = frozenset(("table", "ul", "ol", "dl", "div", "section", "article", "blockquote", "td", "th", "body"))
_DEEP = 30  # levels in which an element without an end tag is looked for
_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_TAG_END = re.compile(r"(?:[^>\"']|\"[^\"]*\"|'[^']*')*+>")
_ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_MAX_ATTRIBUTES = 100  # of one tag that are looked at


@dataclass(slots=True)
class Element:
    """An element with its attributes, and what it holds in order."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Element | str]" = field(default_factory=list)


def parse_html(page: str) -> Element:  # noqa: C901 - one branch a kind of token
    """Return the root of a page; its tag is empty. Every character outside of tags and comments is in it."""
    root = Element("")
    opened = [root]
    times_open: Counter[str] = Counter()  # to look for end tags only where there is something to end

    def close_to(depth: int) -> None:
        for element in opened[depth:]:
            times_open[element.tag] -= 1
        del opened[depth:]

    for kind, name, value in _tokens(page):
        if kind == "text":
            if opened[-1].tag == "head" and not value.isspace():
                close_to(len(opened) - 1)
            opened[-1].children.append(value)
        elif kind == "start":
            if depth := _implied_end(opened, name):
                close_to(depth)
            element = Element(name, _attributes(value))
            opened[-1].children.append(element)
            if name not in VOID and not (value.endswith("/") and name not in BLOCKS):
                opened.append(element)
                times_open[name] += 1
        elif times_open[name]:
            depth = len(opened) - 1
            while opened[depth].tag != name:
                depth -= 1
            close_to(depth)
    return root


def _implied_end(opened: list[Element], name: str) -> int:
    """Return how many open elements stay open when a tag begins; 0 for all of them."""
    found = 0
    for depth in range(len(opened) - 1, max(0, len(opened) - _DEEP), -1):
        tag = opened[depth].tag
        if name in _CLOSED_BY.get(tag, ()):
            found = depth
        if tag in _SCOPE and not (tag in ("td", "th") and found == depth):
            break
    return found


def _tokens(page: str) -> Iterator[tuple[str, str, str]]:  # noqa: C901 - one branch a kind of token
    """Yield ("text", "", text), ("start", tag, attributes) and ("end", tag, "")."""
    position = 0
    unclosed: set[str] = set()  # elements of raw text whose end tag does not come any more
    quotes = True  # whether quotes within tags come in pairs up to the end of the page
    while position < len(page):
        start = page.find("<", position)
        if start < 0:
            start = len(page)
        if start > position:
            yield "text", "", html.unescape(page[position:start])
        position = start
        if page.startswith("<!--", start):
            end = page.find("-->", start + 2)
            position = end + 3 if end >= 0 else len(page)
        elif page.startswith(("<!", "<?"), start):
            end = page.find(">", start)
            position = end + 1 if end >= 0 else len(page)
        elif page.startswith("</", start) and (name := _NAME.match(page, start + 2)):
            end = page.find(">", name.end())
            position = end + 1 if end >= 0 else len(page)
            yield "end", name[0].lower(), ""
        elif name := _NAME.match(page, start + 1):
            match = _TAG_END.match(page, name.end()) if quotes else None
            quotes = match is not None
            end = match.end() - 1 if match else page.find(">", name.end())
            if end < 0:  # no tag ends any more
                return
            tag, attributes = name[0].lower(), page[name.end() : end]
            yield "start", tag, attributes
            position = end + 1
            if tag in _RAW and not attributes.endswith("/"):
                position = yield from _raw_text(page, tag, position, unclosed)
        elif start < len(page):
            yield "text", "", "<"
            position = start + 1


def _raw_text(
    page: str, tag: str, position: int, unclosed: set[str]
) -> Generator[tuple[str, str, str], None, int]:
    """Yield what stands in a script or the like, and return where it ends."""
    end_tag = re.compile(rf"</{tag}\b", re.IGNORECASE)
    found = end_tag.search(page, position) if tag not in unclosed else None
    if found is None:
        unclosed.add(tag)  # browsers show nothing more; a title at least is on one line
        end = page.find("<", position) if tag == "title" else len(page)
        end = end if end >= 0 else len(page)
    else:
        end = found.start()
    text = page[position:end]
    yield "text", "", html.unescape(text) if tag in ("title", "textarea") else text
    if found is None:
        yield "end", tag, ""
    return end


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match, _ in zip(_ATTRIBUTE.finditer(text), range(_MAX_ATTRIBUTES), strict=False):
        value = match[2] or match[3] or match[4] or ""
        found.setdefault(match[1].lower(), html.unescape(value) if "&" in value else value)
    return found
