"""The lines of a column → blocks: paragraphs, headings, and what stands beside the text.

A paragraph begins where the distance grows, where a line is indented, where the size changes, or behind a
short line that ends a sentence. Capitals alone begin none.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from bigbird_pegasus.text.line_patterns import ends_as_sentence

from bbp_cli.documents.pdf.layout import PageLine

BlockKind = Literal["body", "heading", "item", "footnote", "caption", "table", "formula", "turned"]

GROWN = 1.3  # times the usual distance of lines: a paragraph ends
SAME_SIZE = 0.1  # by which the sizes of lines of one paragraph differ
MIN_TERM_WORDS = 7  # of a line with one wide gap that is no row of a table
MAX_ROW = 2.5  # of a box's height: distance of two rows of a table
INDENT = 0.6  # of a box's height
SMALL = 0.93  # of the body's size: notes
SHORT = 0.5  # of a column's width: a line that ends early on purpose

_ITEM = re.compile(r"(?:[•‣▪●◦·■□–—*-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]|\[\d{1,3}\])\s+\S")
_LABEL = re.compile(r"[^\W\d_][\w /-]{0,40}:(?:\s|$)")  # of a field of a form
CAPTION = re.compile(
    r"(?:fig(?:ure|\.)|tab(?:le|\.)|algorithm|listing|scheme|plate|chart|box|abb(?:ildung|\.)|tabelle|tableau|figura"
    r"|tabla|рис(?:унок|\.)|таблица|図|表|图)\s?(?:[A-Z]\.?)?\d+(?:[.-]\d+)*\s*(?:[.:|–—]|\s(?-i:(?=[A-Z(])))",
    re.IGNORECASE,
)
_NOTE = re.compile(r"(?:[\d⁰¹²³⁴-⁹]{1,3}|[*†‡§¶∗]{1,3})[.)]?\s?\S")
_MATH = re.compile(r"[=<>≤≥≈≠±×÷∑∏∫√∂∇∈∉⊂⊆∪∩∀∃→←↔⇒∞^|+−α-ωΑ-Ω𝐀-𝟿]")
_PROSE_WORD = re.compile(r"[^\W\d_]{3,}")
_GOES_ON = re.compile(r"(?:[-‐–—,;(&/]|\b(?:and|or|of|the|a|an|to|in|for|with|by|und|der|die|das))$")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together; `right` is the right edge of their column, `left` its left one."""

    kind: BlockKind
    lines: tuple[PageLine, ...]
    left: float
    right: float


def blocks_of(lines: Sequence[PageLine], body_size: float) -> list[Block]:
    """Return the blocks of one column from top to bottom."""
    if not lines:
        return []
    left, right = _edges(lines)
    leading = _leading(lines)
    blocks = []
    for group in _groups(lines, left, right, leading):
        widest = max(line.x1 for line in group)
        is_full = len(lines) < 4 or widest > right - 0.15 * (right - left)
        edge = right if is_full else _local(group, right)
        blocks.append(Block(_kind(group, left, right, body_size), group, left, edge))
    return _with_footnotes(_with_table_heads(blocks), body_size)


def _with_table_heads(blocks: Sequence[Block]) -> list[Block]:
    """Join the row above a table whose gaps are narrow: as many words as cells, over most of its width."""
    found: list[Block] = []
    for block in blocks:
        last = found[-1].lines[-1] if found and len(found[-1].lines) == 1 else None
        first = block.lines[0]
        if block.kind == "table" and last is not None and found[-1].kind in ("body", "heading"):
            near = 0 < first.baseline - last.baseline < MAX_ROW * first.size
            wide = min(last.x1, first.x1) - max(last.x0, first.x0) > 0.6 * (first.x1 - first.x0)
            inside = last.x0 > first.x0 - first.size and last.x1 < first.x1 + 6 * first.size
            cells = first.gaps < last.words <= 2 * (first.gaps + 1)
            if near and wide and inside and cells and not ends_as_sentence(last.text):
                block = replace(block, lines=(last, *block.lines))
                found.pop()
        found.append(block)
    return found


def _edges(lines: Sequence[PageLine]) -> tuple[float, float]:
    """Return where most lines of a column begin, and where the longest end."""
    starts = Counter(round(line.x0) for line in lines)
    left = max(starts, key=lambda at: (starts[at] + starts[at + 1], -at))
    ends = sorted(line.x1 for line in lines)
    return float(left), ends[-1] if len(ends) < 20 else ends[int(0.95 * (len(ends) - 1))]


def _local(group: Sequence[PageLine], right: float) -> float:
    """Return the right edge of a block that is narrower than its column."""
    return max(line.x1 for line in group) if len(group) > 3 else right


def _leading(lines: Sequence[PageLine]) -> float:
    distances = [
        b.baseline - a.baseline
        for a, b in itertools.pairwise(lines)
        if 0 < b.baseline - a.baseline < 2.2 * b.size
    ]
    if not distances:
        return 1.2 * lines[0].size
    usual = Counter(round(distance, 1) for distance in distances).most_common(1)[0][0]
    return max(usual, 0.7 * median(distances))


def _groups(
    lines: Sequence[PageLine], left: float, right: float, leading: float
) -> Iterator[tuple[PageLine, ...]]:
    """Lines up to where a paragraph ends; edges are those of the lines near by."""
    group = [lines[0]]
    for line in lines[1:]:
        if _is_new(group, line, left, _right_near(group, right), leading):
            yield tuple(group)
            group = []
        group.append(line)
    yield tuple(group)


def _right_near(group: Sequence[PageLine], right: float) -> float:
    if len(group) < 4:
        return right
    return max(line.x1 for line in group)


def _is_apart(last: PageLine, line: PageLine, leading: float) -> bool | None:
    """Return whether distance, size or wide gaps separate two lines; None where they do not say."""
    distance = line.baseline - last.baseline
    rows = min(line.gaps, last.gaps) > 0 and not (line.gaps == 1 and line.words >= MIN_TERM_WORDS)
    if rows and 0 < distance < MAX_ROW * line.size:
        return False
    if distance < 0 or distance > max(
        GROWN * leading, 1.05 * line.size if line.size > 1.3 * last.size else 0
    ):
        return True
    if abs(line.size - last.size) > SAME_SIZE * max(line.size, last.size):
        return True
    if (line.gaps > 0) != (last.gaps > 0) and max(line.gaps, last.gaps) > 1:
        return True
    if min(line.gaps, last.gaps) > 0:
        # A term and what it means; else rows of a table.
        return line.gaps == 1 and line.words >= MIN_TERM_WORDS
    return None


def _is_new(group: Sequence[PageLine], line: PageLine, left: float, right: float, leading: float) -> bool:
    """Return whether a line begins a block after the lines of a group."""
    last = group[-1]
    if (apart := _is_apart(last, line, leading)) is not None:
        return apart
    shift = line.x0 - last.x0
    if _ITEM.match(line.text) and (
        ends_as_sentence(last.text) or last.text[-1] in ":;" or shift < -INDENT * line.size
    ):
        return True
    if line.text[0] in "•‣▪●◦■□☐☒":
        return True
    ended = ends_as_sentence(last.text)
    fits = last.x1 + 0.25 * line.size + line.first < right - 0.2 * line.size
    goes_on = _GOES_ON.search(last.text) is not None
    if shift > INDENT * line.size and len(group) > 1 and not goes_on:
        return True
    if shift > INDENT * line.size and abs(last.x0 - left) < 2 and ended:
        return True
    if _is_next_hanging(group, line, ended=ended):
        return True
    if line.bold != last.bold and fits and not line.text[0].islower() and not goes_on:
        return True
    if fits and (ended or last.text[-1] == ":" or _LABEL.match(line.text)):
        return True
    short = last.x1 - left < SHORT * (right - left) and not line.text[0].islower()
    return fits and short and not goes_on and line.x1 - line.x0 > 1.3 * (last.x1 - last.x0)


def _is_next_hanging(group: Sequence[PageLine], line: PageLine, *, ended: bool) -> bool:
    """Return whether a line begins the next of several paragraphs whose first lines hang out."""
    hanging = len(group) > 1 and all(one.x0 > group[0].x0 + INDENT * line.size for one in group[1:])
    aligned = abs(line.x0 - group[0].x0) < 0.3 * line.size
    return hanging and aligned and (ended or _ITEM.match(line.text) is not None)


def _kind(group: Sequence[PageLine], left: float, right: float, body_size: float) -> BlockKind:
    text = " ".join(line.text for line in group)
    first = group[0]
    if CAPTION.match(text):
        return "caption"
    gapped = sum(line.gaps > 1 or (line.gaps == 1 and line.words < MIN_TERM_WORDS) for line in group)
    if (gapped > 1 and gapped >= 0.6 * len(group)) or (len(group) == 1 and first.gaps > 1):
        return "table"
    words = text.split()
    prose = len(_PROSE_WORD.findall(text))
    signs = len(_MATH.findall(text))
    set_apart = first.x0 > left + 1.2 * first.size or first.gaps > 0
    if signs and prose <= 0.4 * len(words) and set_apart and len(group) <= 8:
        return "formula"
    large = first.size > 1.08 * body_size or first.bold
    if len(group) <= 4 and large and not ends_as_sentence(text) and len(words) <= 30:
        return "heading"
    if _ITEM.match(text):
        return "item"
    alone = len(group) == 1 and first.x1 - left < SHORT * (right - left) and len(words) <= 12
    if alone and not ends_as_sentence(text) and not text[0].islower() and not _GOES_ON.search(text):
        return "heading"
    return "body"


def _with_footnotes(blocks: Sequence[Block], body_size: float) -> list[Block]:
    """Mark the small blocks at the foot of a column, below text of the usual size, as notes."""
    found = list(blocks)
    marked = None
    for number in range(len(blocks) - 1, 0, -1):
        block = blocks[number]
        if block.lines[0].size > SMALL * body_size or block.kind in ("caption", "table"):
            break
        if _NOTE.match(block.lines[0].text):
            marked = number
    if marked is None or all(block.lines[0].size <= SMALL * body_size for block in blocks[:marked]):
        return found
    for number in range(marked, len(blocks)):
        found[number] = replace(blocks[number], kind="footnote")
    return found
