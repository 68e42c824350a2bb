"""HTML → plain text: paragraphs, list items and rows on their own lines; no menus, scripts, buttons."""

import re
from collections import Counter
from html.parser import HTMLParser

_COMMENTS = r"(?:<!--(?:(?!-->).)*+-->|\s)*+"
_HTML = re.compile(
    rf"{_COMMENTS}(?:<\?xml[^>]*\?>{_COMMENTS})?<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_BLOCKS = re.compile(
    "address|article|aside|blockquote|body|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr"
    "|main|nav|ol|p|pre|section|table|ul"
)
_FRAGMENT = re.compile(rf"{_COMMENTS}<(?:{_BLOCKS.pattern})\b[^<]*>", re.IGNORECASE | re.DOTALL)
_FRAGMENT_END = re.compile(rf"</(?:{_BLOCKS.pattern})\s*>{_COMMENTS}\Z", re.IGNORECASE | re.DOTALL)
_BEGINNING = _END = 2000  # characters in which a page says that it is one
_MOST_OUTSIDE = 0.05  # of a fragment's letters is in no element; in Markdown with some HTML it is more
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_NEVER_SHOWN = frozenset(
    ("head", "script", "style", "template", "svg", "math", "select", "textarea", "button", "iframe")
)
_NAVIGATION = frozenset(("nav", "footer", "aside"))
_LINES = {"br": "\n", "li": "\n- ", "tr": "\n", "td": "\t", "th": "\t"}
_LEAST_SHARE = 0.2  # of a page's letters is outside of its navigation, or the page means something else by it


def is_html(text: str) -> bool:
    """Whether a text begins as a page does, or is a part of one: elements that hold all of its text."""
    if _HTML.match(text[:_BEGINNING]):
        return True
    if not (_FRAGMENT.match(text[:_BEGINNING]) and _FRAGMENT_END.search(text[-_END:])):
        return False
    counter = _LetterCounter()
    counter.feed(text)
    return counter.outside <= _MOST_OUTSIDE * counter.letters


def text_of_page(page: str) -> str:
    """The text of a page; what is never shown or only leads elsewhere is left out."""
    whole = _read(page, _NEVER_SHOWN)
    without_navigation = _read(page, _NEVER_SHOWN | _NAVIGATION)
    return without_navigation if len(without_navigation) >= _LEAST_SHARE * len(whole) else whole


def _read(page: str, left_out: frozenset[str]) -> str:
    reader = _Reader(left_out)
    reader.feed(page)
    reader.close()
    lines = "".join(reader.parts).split("\n")
    text = "\n".join(line.rstrip(" \t") for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


class _LetterCounter(HTMLParser):
    """Counts characters of text, and those of them that are in no element."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = self.outside = 0
        self._open: list[str] = []
        self._times_open: Counter[str] = Counter()  # to look in the list only for what is there

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in _VOID:
            self._open.append(tag)
            self._times_open[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        closed = ""
        while self._times_open[tag] and closed != tag:
            closed = self._open.pop()
            self._times_open[closed] -= 1

    def handle_data(self, data: str) -> None:
        count = len("".join(data.split()))
        self.letters += count
        self.outside += 0 if self._open else count


class _Reader(HTMLParser):
    """Collects text: `parts`, one after the other, are that of the page."""

    def __init__(self, left_out: frozenset[str]) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._left_out = left_out
        self._inside: list[str] = []  # elements that are left out, the innermost last
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "body":
            self._inside.clear()  # a head need not be closed
        if tag in self._left_out:
            self._inside.append(tag)
        self._preformatted += tag == "pre"
        self._begin_line(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass
        self._preformatted -= tag == "pre" and self._preformatted > 0
        if _BLOCKS.fullmatch(tag):
            self._begin_line(tag)

    def handle_data(self, data: str) -> None:
        if self._inside:
            return
        if not self._preformatted:
            data = re.sub(r"[ \t\n\r\f]+", " ", data)
            if not self.parts or self.parts[-1][-1:] in (" ", "\n", "\t"):
                data = data.lstrip(" ")
        if data:
            self.parts.append(data)

    def _begin_line(self, tag: str) -> None:
        if self._inside:
            return
        if _BLOCKS.fullmatch(tag):
            self.parts.append("\n\n")
        elif tag in _LINES:
            self.parts.append(_LINES[tag])
