"""The words of a page → its lines in reading order, column by column: geometry, not language.

Columns are found by an XY-cut: rows that leave the same strip free, with prose on both sides of it, are two
columns; what stands above and below such rows is read before and after them.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from bbp_cli.documents.pdf.characters import Word
from bbp_cli.documents.pdf.rows import rows_of, with_drop_caps, without_leaders, without_line_numbers

MIN_GUTTER = 0.6  # of a box's height: columns are this far apart at least (10 points at 10 points' size)
MIN_COLUMN_ROWS = 3  # that have text on both sides of a gutter
MIN_COLUMN_WORDS = 2.5  # that a row of a column has on average; cells of tables have fewer
MIN_JUSTIFIED = 8  # rows of a column, beside which one or two rows may be the next one
MIN_EVEN_GAPS = 3  # in a line that is stretched to fill its column, which differ by at most …
MAX_GAP_DIFFERENCE = 0.25  # … so much of a box's height
MAX_GUTTERS = 12  # followed at once
WIDE_GAP = 1.3  # of a box's height between two words: cells, or columns that are none
EDGE_ROWS = 5  # at the head and the foot of a page, that may be running heads


@dataclass(frozen=True, slots=True)
class PageLine:
    """A line of one column; distances in points, x to the right, y downwards.

    `gaps` counts the wide gaps between its words. `first` and `words` are the width of its first word and how
    many there are. `places` are its words with where each begins and ends in `text`.
    """

    text: str
    x0: float
    x1: float
    top: float
    baseline: float
    size: float
    bold: bool
    gaps: int
    first: float
    words: int
    places: tuple[tuple[int, int, Word], ...] = ()


@dataclass(frozen=True, slots=True)
class PageRow:
    """What stands on one height of a page, over all columns: candidates for running heads."""

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    gaps: int


@dataclass(frozen=True, slots=True)
class PageLayout:
    """A page's columns in reading order, each with its lines, and the rows at its edges.

    `turned` are columns of text that is turned against the page.
    """

    columns: tuple[tuple[PageLine, ...], ...]
    head: tuple[PageRow, ...]
    foot: tuple[PageRow, ...]
    rows: int
    width: float
    turned: tuple[tuple[PageLine, ...], ...] = ()


def lay_out(words: Sequence[Word], width: float, turned: Sequence[Sequence[Word]] = ()) -> PageLayout:
    """Return the lines of a page in the order in which they are read; `turned` words are apart."""
    beside = tuple(column for group in turned for column in _columns(rows_of(group)))
    if not words:
        return PageLayout((), (), (), 0, width, beside)
    rows = rows_of(without_line_numbers(without_leaders(rows_of(with_drop_caps(words)))))
    if not rows:
        return PageLayout((), (), (), 0, width, beside)
    head = tuple(_row(row) for row in rows[:EDGE_ROWS])
    foot = tuple(_row(row) for row in rows[-EDGE_ROWS:])
    return PageLayout(tuple(_columns(rows)), head, foot, len(rows), width, beside)


def _columns(rows: list[list[Word]]) -> list[tuple[PageLine, ...]]:
    columns = ([_line(row) for row in column] for column in columns_of(rows))
    return [tuple(_without_stretched(column)) for column in columns if column]


def _without_stretched(column: Sequence[PageLine]) -> list[PageLine]:
    """Return the lines of a column; a few words that are set apart to fill it are no cells of a table."""
    solid = [line for line in column if not line.gaps]
    if len(solid) < MIN_COLUMN_ROWS or len(solid) < 0.5 * len(column):
        return list(column)
    left, right = min(line.x0 for line in solid), max(line.x1 for line in solid)
    return [
        _evenly_spaced(line)
        if line.gaps
        and line.gaps == line.words - 1
        and abs(line.x1 - right) < 0.3 * line.size
        and line.x0 - left < 2 * line.size
        else line
        for line in column
    ]


def _evenly_spaced(line: PageLine) -> PageLine:
    text = " ".join(line.text.split())
    return replace(line, text=text, gaps=0, places=_places(text, [word for _, _, word in line.places]))


def columns_of(rows: list[list[Word]], depth: int = 0) -> list[list[list[Word]]]:
    """Return the columns that rows hold, in reading order; each a list of rows."""
    if len(rows) < MIN_COLUMN_ROWS or depth > 6:
        return [rows] if rows else []
    found = best_gutter(rows)
    if found is None:
        return [rows]
    first, last, middle = found
    sides: tuple[list[Word], list[Word]] = ([], [])
    for row in rows[first:last]:
        for word in row:
            sides[(word.x0 + word.x1) / 2 > middle].append(word)
    order = reversed(sides) if _reads_leftwards(sides[0] + sides[1]) else sides
    return [
        *columns_of(rows[:first], depth + 1),
        *(column for side in order for column in columns_of(rows_of(side), depth + 1)),
        *columns_of(rows[last:], depth + 1),
    ]


def best_gutter(rows: Sequence[Sequence[Word]]) -> tuple[int, int, float] | None:
    """Return the longest run of rows [first, last) with a free strip between two columns, and its middle."""
    size = median(word.size for row in rows for word in row)
    least = MIN_GUTTER * size
    best: tuple[int, int, int, float] | None = None
    active: list[tuple[float, float, int]] = []  # from, to, first row
    for number in range(len(rows) + 1):
        free = _free_strips(rows[number], least) if number < len(rows) else []
        going: dict[tuple[float, float], int] = {}
        for low, high, first in active:
            met = [(max(low, a), min(high, b)) for a, b in free]
            on = [(a, b) for a, b in met if b - a >= least]
            for strip in on:
                going[strip] = min(first, going.get(strip, first))
            if not on and number - first >= MIN_COLUMN_ROWS:
                shared = _shared(rows[first:number], (low + high) / 2)
                if shared and (best is None or shared > best[0]):
                    best = (shared, first, number, (low + high) / 2)
        for a, b in free[1:-1]:
            going.setdefault((a, b), number)
        active = sorted((a, b, first) for (a, b), first in going.items())
        active = sorted(active, key=lambda strip: strip[2])[:MAX_GUTTERS]
    return best and best[1:]


def _free_strips(row: Sequence[Word], least: float) -> list[tuple[float, float]]:
    """Return what a row leaves free: before it, its wide gaps, and behind it."""
    strips = [(float("-inf"), row[0].x0)]
    end = row[0].x1
    for word in row[1:]:
        if word.x0 - end >= least:
            strips.append((end, word.x0))
        end = max(end, word.x1)
    if len(strips) > MAX_GUTTERS:
        strips = strips[:MAX_GUTTERS]
    return [*strips, (end, float("inf"))]


def _shared(rows: Sequence[Sequence[Word]], middle: float) -> int:
    """Return how many rows have prose on both sides; 0 where these are not two columns of prose."""
    sides: tuple[list[Sequence[Word]], list[Sequence[Word]]] = ([], [])
    shared = 0
    for row in rows:
        left = [word for word in row if word.x1 <= middle]
        right = row[len(left) :]
        shared += bool(left and right)
        for part, side in zip((left, right), sides, strict=True):
            if part:
                side.append(part)
    if shared < MIN_COLUMN_ROWS:
        return shared if _is_rest(*sides) else 0
    for side in sides:
        pieces = [piece for part in side for piece in ([part] if _is_stretched(part) else _unbroken(part))]
        lengths = [len(word.text) for piece in pieces for word in piece if _is_worded(word.text)]
        words, letters = len(lengths) / max(1, len(pieces)), sum(lengths) / max(1, len(pieces))
        if len(side) < MIN_COLUMN_ROWS or (words < MIN_COLUMN_WORDS and letters < 14):
            return 0
        widths = sorted(piece[-1].x1 - piece[0].x0 for piece in pieces)
        if sum(width > 0.6 * widths[int(0.9 * len(widths))] for width in widths) < 0.45 * len(widths):
            return 0
        starts = Counter(round(piece[0].x0 / 3) for piece in pieces)
    usual = sum(count for _, count in starts.most_common(4))  # of the right side; it may be several columns
    return shared if usual >= 0.5 * starts.total() else 0


def _is_rest(left: Sequence[Sequence[Word]], right: Sequence[Sequence[Word]]) -> bool:
    """Return whether a few rows of prose are the rest of a text beside a column that is justified."""
    if len(left) < MIN_JUSTIFIED or not right or len(left) < len(right):
        return False
    edge = max(row[-1].x1 for row in left)
    flush = sum(row[-1].x1 > edge - 0.3 * row[-1].size for row in left)
    words = sum(len(row) for row in right)
    aligned = max(row[0].x0 for row in right) - min(row[0].x0 for row in right) < 2 * right[0][0].size
    return flush >= 0.6 * len(left) and words >= MIN_COLUMN_WORDS * len(right) and aligned


def _is_stretched(row: Sequence[Word]) -> bool:
    """Return whether a row's gaps are alike: a line of few words that is justified, and no cells."""
    gaps = [after.x0 - before.x1 for before, after in itertools.pairwise(row)]
    return len(gaps) >= MIN_EVEN_GAPS and max(gaps) - min(gaps) < MAX_GAP_DIFFERENCE * row[0].size


def _unbroken(row: Sequence[Word]) -> Iterator[list[Word]]:
    """Return the parts of a row between its wide gaps."""
    part = [row[0]]
    for word in row[1:]:
        if word.x0 - part[-1].x1 > MIN_GUTTER * word.size:
            yield part
            part = []
        part.append(word)
    yield part


def _is_worded(text: str) -> bool:
    return text[-1].isalnum() or text[0].isalpha()


def _line(row: Sequence[Word]) -> PageLine:
    leftwards = _reads_leftwards(row)
    if leftwards:
        shown: Sequence[Word] = sorted(row, key=lambda word: word.index)
        text, gaps = " ".join(word.text for word in shown), 0
    else:
        shown = _untracked(row)
        text, gaps = _spaced(shown)
    letters = Counter[float]()
    for word in row:
        letters[word.size] += len(word.text)
    size = letters.most_common(1)[0][0]
    return PageLine(
        text=text,
        # As in a mirror where the line is read to the left.
        x0=-max(word.x1 for word in row) if leftwards else row[0].x0,
        x1=-row[0].x0 if leftwards else max(word.x1 for word in row),
        top=min(word.top for word in row),
        baseline=median(word.baseline for word in row if word.size == size),
        size=size,
        bold=sum(len(word.text) for word in row if word.bold) > 0.8 * letters.total(),
        gaps=gaps,
        first=row[-leftwards].x1 - row[-leftwards].x0,
        words=len(row),
        places=_places(text, shown),
    )


def _places(text: str, words: Sequence[Word]) -> tuple[tuple[int, int, Word], ...]:
    """Return where the words of a line stand in its text, which has them in this order."""
    places, position = [], 0
    for word in words:
        position = text.index(word.text, position)
        places.append((position, position + len(word.text), word))
        position += len(word.text)
    return tuple(places)


def _spaced(row: Sequence[Word]) -> tuple[str, int]:
    """Return the words of a row with spaces, three where the gap is wide; and how many of these there are."""
    parts = [row[0].text]
    gaps = 0
    end = row[0].x1
    distances = [b.x0 - a.x1 for a, b in itertools.pairwise(row)]
    usual = median(distances) if distances else 0.0
    for word in row[1:]:
        gap = word.x0 - end
        wide = gap > max(WIDE_GAP * word.size, 2.5 * usual if len(row) > 4 else 0)
        wide &= word.text[-1:] == ":" or not parts[-1].endswith(":")  # a label and its value are no cells
        gaps += wide
        unspaced = is_unspaced(parts[-1][-1]) and is_unspaced(word.text[0]) and gap < 0.4 * word.size
        parts += ["   " if wide else "" if unspaced else " ", word.text]
        end = max(end, word.x1)
    return "".join(parts), gaps


def _untracked(row: Sequence[Word]) -> Sequence[Word]:
    """Letters set apart for emphasis, H a r b o u r, as the words they are."""
    if sum(len(word.text) == 1 and word.text.isalpha() for word in row) < max(5, 0.8 * len(row)):
        return row
    if any(is_unspaced(word.text[0]) for word in row):
        return row
    gaps = sorted(b.x0 - a.x1 for a, b in itertools.pairwise(row))
    between = 1.6 * gaps[len(gaps) // 3]
    if between > 0.9 * row[0].size:
        return row
    words = [row[0]]
    for word in row[1:]:
        last = words[-1]
        if word.x0 - last.x1 < between:
            words[-1] = Word(
                last.text + word.text, last.x0, word.x1, last.top, last.bottom, last.baseline, last.size,
                last.bold, last.index,
            )  # fmt: skip
        else:
            words.append(word)
    return words


def _reads_leftwards(words: Sequence[Word]) -> bool:
    """Return whether most letters are Hebrew or Arabic."""
    if all(word.text.isascii() for word in words):
        return False
    letters = [character for word in words for character in word.text if character.isalpha()]
    return 2 * sum("\u0590" <= one <= "\u08ff" or "\ufb1d" <= one <= "\ufefc" for one in letters) > len(
        letters
    )


def is_unspaced(character: str) -> bool:
    """Return whether this character's writing has no spaces between words (Chinese, Japanese, Thai)."""
    if character < "\u0e00":
        return False
    return (
        "\u3000" <= character <= "\u30ff"
        or "\u3400" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\uff00" <= character <= "\uffef"
        or "\u0e00" <= character <= "\u0eff"
        or "\u1000" <= character <= "\u109f"
        or "\u1780" <= character <= "\u17ff"
        or "\U00020000" <= character <= "\U0003ffff"
    )


def _row(row: Sequence[Word]) -> PageRow:
    text, gaps = _spaced(row)
    text = " ".join(text.split())
    size = max(word.size for word in row)
    return PageRow(
        text, row[0].x0, max(word.x1 for word in row), max(word.baseline for word in row), size, gaps
    )
