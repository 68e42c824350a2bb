"""Running heads, feet and folios of pages: what stands at the outer edges and is not the text.

A row is furniture where it comes again (but for digits) on three pages or on half of the left or right ones,
where it holds the page's number, or where it stands apart on the height at which most pages have their head.
Only rows at the edge are dropped, and what is behind them; never a line of the body, nor the title where it
stands first.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bigbird_pegasus.text.line_patterns import ends_as_sentence

from bbp_cli.documents.pdf.layout import PageLayout, PageRow
from bbp_cli.documents.pdf.paragraphs import CAPTION

MIN_PAGES = 3  # that have the same row
MIN_SIDE = 2  # left or right pages that have it
MIN_PLACED = 4  # pages that have their head on the same height
APART = 1.35  # of the distance of two lines: what stands further from its neighbour is apart
MIN_BODY_WORDS = 5  # of a row that may be a line of the body

_ROMAN = r"(?=[ivxlc])c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})"
_WORD = r"(?:page|seite|p\.|s\.|página|pagina|strana|стр\.)"
_FOLIO = re.compile(
    rf"\W*(?P<word>{_WORD})?\s*(?P<number>\d{{1,5}}|{_ROMAN})(?P<of>\s*(?:/|of|von|de|di|из)\s*\d+)?\W*",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_ROMAN_WORD = re.compile(rf"(?<!\w){_ROMAN}(?!\w)")


@dataclass(frozen=True, slots=True)
class Body:
    """Where the text of a page lies: lines whose baseline is not between these are furniture."""

    top: float
    bottom: float

    def holds(self, baseline: float) -> bool:
        """Return whether a line on this height belongs to the text."""
        return self.top < baseline < self.bottom


def bodies(pages: Sequence[PageLayout]) -> list[Body]:
    """Return for each page where its text lies."""
    heads = _dropped(pages, [page.head for page in pages], at_head=True)
    feet = _dropped(pages, [page.foot[::-1] for page in pages], at_head=False)
    found = []
    for page, head, foot in zip(pages, heads, feet, strict=True):
        if head + foot >= page.rows:  # nothing else: it may be all there is to read
            head, foot = (0, 0) if page.rows == 1 else (head, page.rows - head)
        top = page.head[head - 1].baseline + 0.1 if head else float("-inf")
        bottom = page.foot[-foot].baseline - 0.1 if foot else float("inf")
        found.append(Body(top, bottom))
    return found


def _dropped(pages: Sequence[PageLayout], edges: Sequence[Sequence[PageRow]], *, at_head: bool) -> list[int]:
    """Return how many rows at one edge of each page are furniture; the rows go from the edge inwards."""
    keys = [[_key(row) for row in rows] for rows in edges]
    offset = _offset(edges)
    usual = _usual_height(pages, edges)
    everywhere = Counter(key for page in keys for key in set(page))
    sides = [Counter(key for page in keys[side::2] for key in set(page)) for side in (0, 1)]
    counts = [sum(bool(rows) for rows in edges[side::2]) for side in (0, 1)]
    first = next((number for number, rows in enumerate(edges) if rows), 0)
    dropped = []
    for number, rows in enumerate(edges):
        side = number % 2
        count = 0
        folio = False  # has been seen: a page has but one
        for row, inner, key in zip(rows, [*rows, None][1:], keys[number], strict=True):
            half = sides[side][key] >= max(MIN_SIDE, counts[side] / 2)
            often = half or everywhere[key] >= MIN_PAGES
            first_line, next_line = (row, inner) if at_head else (inner, row)
            if _is_body(row, pages[number]) or _flows(first_line, next_line, pages[number]):
                often = half and everywhere[key] >= MIN_PAGES
            edge = row.gaps > 0 or (count == 0 and _is_apart(rows))
            numbered = edge and offset is not None and _holds(row.text, number + offset)
            placed = count == 0 and usual is not None and abs(row.baseline - usual) < 2 and _is_apart(rows)
            is_folio = not folio and _is_folio(row, rows[count:], number, offset)
            if CAPTION.match(row.text) or not (often or numbered or placed or is_folio):
                break
            folio |= numbered or is_folio
            count += 1
        is_title = at_head and number == first and count == 1 and "#" not in keys[number][0][0]
        if is_title and everywhere[keys[number][0]] > 1:
            count = 0
        dropped.append(min(count, max(0, pages[number].rows - 1)))
    return dropped


def _key(row: PageRow) -> tuple[str, int]:
    """Return what two rows have in common that are the same head: words and size."""
    shape = _DIGITS.sub("#", row.text.casefold())
    return " ".join(_ROMAN_WORD.sub("#", shape).split()), round(8 * math.log(max(row.size, 0.1)))


def _is_body(row: PageRow, page: PageLayout) -> bool:
    """Return whether a row fills the width as running text does."""
    rows = (*page.head, *page.foot)
    left, right = min(row.x0 for row in rows), max(row.x1 for row in rows)
    full = row.x1 - row.x0 > 0.8 * (right - left)
    return full and row.gaps == 0 and len(row.text.split()) >= MIN_BODY_WORDS


def _flows(row: PageRow | None, following: PageRow | None, page: PageLayout) -> bool:
    """Return whether one row goes on in the next as the lines of a paragraph do."""
    if row is None or following is None or not _is_body(row, page):
        return False
    return not ends_as_sentence(row.text) or following.text[0].islower()


def _is_apart(rows: Sequence[PageRow]) -> bool:
    """Return whether the row at the edge is further from the next one than lines are from each other."""
    distances = [abs(b.baseline - a.baseline) for a, b in itertools.pairwise(rows)]
    if not distances:
        return False
    return distances[0] > (APART * median(distances[1:]) if len(distances) > 1 else 1.8 * rows[1].size)


def _usual_height(pages: Sequence[PageLayout], edges: Sequence[Sequence[PageRow]]) -> float | None:
    """Return the baseline on which most pages have a row that stands apart."""
    apart = [
        round(rows[0].baseline, 1)
        for page, rows in zip(pages, edges, strict=True)
        if rows and _is_apart(rows) and not _is_body(rows[0], page)
    ]
    if not apart:
        return None
    height, count = Counter(apart).most_common(1)[0]
    return height if count >= max(MIN_PLACED, 0.6 * sum(bool(rows) for rows in edges)) else None


def _number(text: str) -> int | None:
    match = _FOLIO.fullmatch(text)
    return int(match["number"]) if match and match["number"].isdecimal() else None


def _offset(edges: Sequence[Sequence[PageRow]]) -> int | None:
    """By how much the printed numbers of the pages are ahead of their places, where three agree."""
    found: Counter[int] = Counter()
    for place, rows in enumerate(edges):
        values = {
            int(word) for row in rows[:2] for word in _ends(row.text) if word.isdecimal() and len(word) < 6
        }
        found.update({value - place for value in values})
    if not found:
        return None
    offset, count = found.most_common(1)[0]
    shown = sum(bool(rows) for rows in edges)
    return offset if count >= max(min(MIN_PAGES, max(2, shown)), 0.5 * shown) else None


def _ends(text: str) -> list[str]:
    words = text.split()
    return [word.strip("()[]-–—·|.,") for word in dict.fromkeys((*words[:1], *words[-1:]))]


def _holds(text: str, number: int) -> bool:
    return str(number) in _ends(text) and len(text) < 120


def _is_folio(row: PageRow, rows: Sequence[PageRow], place: int, offset: int | None) -> bool:
    """Return whether a row is nothing but the number of its page, as far as can be seen."""
    match = _FOLIO.fullmatch(row.text)
    if not match or not match["number"]:
        return False
    marked = bool(match["word"] or match["of"])
    fits = offset is not None and _number(row.text) == place + offset
    return marked or fits or _is_apart(rows) or len(rows) < 3
