"""The words of a page → its rows from top to bottom, without what is not text: line numbers, leaders."""

import itertools
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from statistics import median

from bbp_cli.documents.pdf.characters import Word
from bbp_cli.documents.pdf.hyphens import is_word

ROW_TOLERANCE = 0.28  # of a box's height, by which baselines of one row differ
MIN_LEADERS = 4  # dots apart from each other in a row
MAX_DROP_CAPS = 20  # on a page


def without_leaders(rows: list[list[Word]]) -> list[list[Word]]:
    """Return rows without the dots that lead to the numbers of a table of contents."""
    kept = []
    for row in rows:
        dots = sum(not word.text.strip(".…·") for word in row)
        rest = [word for word in row if word.text.strip(".…·")] if dots >= MIN_LEADERS else row
        if rest:
            kept.append(rest)
    return kept


def with_drop_caps(words: Sequence[Word]) -> Sequence[Word]:
    """Return words whose first letter is not set apart, large, beside the first lines of its paragraph."""
    size = median(word.size for word in words)
    large = [word for word in words if len(word.text) <= 2 and word.text.isalpha() and word.size > 1.7 * size]
    if len(large) > MAX_DROP_CAPS:
        return words
    gone = set()
    for cap in large:
        beside = [
            word
            for word in words
            if word.size < 0.6 * cap.size
            and cap.x1 - 0.3 * size < word.x0 < cap.x1 + 1.5 * size
            and cap.top < (word.top + word.bottom) / 2 < cap.baseline
        ]
        rows = {round(word.baseline) for word in beside}
        if len(rows) < 2:
            continue
        first = min(beside, key=lambda word: word.baseline)
        rest = first.text.lower()
        apart = cap.text in ("A", "I") and is_word(rest) and not is_word(cap.text.lower() + rest)
        first.text = cap.text + (" " if apart else "") + (rest if first.text.isupper() else first.text)
        first.x0 = cap.x0
        gone.add(id(cap))
    return [word for word in words if id(word) not in gone]


def rows_of(words: Sequence[Word]) -> list[list[Word]]:
    """Words by their height on the page, from top to bottom; in each row from left to right."""
    rows: list[list[Word]] = []
    height = size = 0.0
    for word in sorted(words, key=attrgetter("baseline")):
        less = word.size if word.size < size else size
        if rows and word.baseline - height <= ROW_TOLERANCE * (less if less > 1.0 else 1.0):
            rows[-1].append(word)
            if word.size > size:
                size = word.size
        else:
            rows.append([word])
            height, size = word.baseline, word.size
    for row in rows:
        row.sort(key=attrgetter("x0"))
    return _with_raised(rows)


def _with_raised(rows: list[list[Word]]) -> list[list[Word]]:
    """Join raised and lowered small words, such as marks of notes, to the row beside them."""
    kept: list[list[Word]] = []
    for number, row in enumerate(rows):
        size = max(word.size for word in row)
        for other in (kept[-1] if kept else None, rows[number + 1] if number + 1 < len(rows) else None):
            if other is None or size > 0.85 * max(word.size for word in other) or len(row) > len(other):
                continue
            top, bottom = min(word.top for word in other), max(word.bottom for word in other)
            inside = all(top - 0.2 * size < word.top and word.bottom < bottom + 0.2 * size for word in row)
            if inside and not any(_overlap(word, one) for word in row for one in other[:200]):
                other += row
                other.sort(key=lambda word: word.x0)
                break
        else:
            kept.append(row)
    return kept


def _overlap(word: Word, other: Word) -> bool:
    return word.x0 < other.x1 - 0.5 and other.x0 < word.x1 - 0.5


def without_line_numbers(rows: Sequence[Sequence[Word]]) -> list[Word]:
    """Return the words of a page but the numbers of its lines, at the left or the right margin.

    They count by as much as the lines between them, and stand apart from the text. The items of a list could
    do so too, but each begins a sentence.
    """
    words = [word for row in rows for word in row]
    for side in (0, -1):
        numbered = [
            (number, row)
            for number, row in enumerate(rows)
            if row[side].text.isdecimal() and _apart(row, side)
        ]
        edges = Counter(round(row[side].x1 if side == 0 else row[side].x0) for _, row in numbered)
        if len(numbered) < 2 or max(edges.values()) < 0.5 * len(numbered):
            continue
        if len(numbered) < 4 and not _count_rows(rows, numbered, side):
            continue
        steps = [
            (int(b[side].text) - int(a[side].text), m - n) for (n, a), (m, b) in itertools.pairwise(numbered)
        ]
        counting = sum(by == lines or (by > 1 and by == steps[0][0]) for by, lines in steps)
        begins = sum(row[1].text[0].islower() for _, row in numbered if side == 0 and len(row) > 1)
        is_list = side == 0 and steps[0][0] == 1 and not begins
        if counting >= 0.8 * len(steps) and steps[0][0] >= 1 and not is_list:
            gone = {id(row[side]) for _, row in numbered}
            words = [word for word in words if id(word) not in gone]
    return words


def _count_rows(
    rows: Sequence[Sequence[Word]], numbered: Sequence[tuple[int, Sequence[Word]]], side: int
) -> bool:
    """Return whether two or three numbers outside of the text count its rows by fives or tens."""
    values = [int(row[side].text) for _, row in numbered]
    if any(value % 5 for value in values):
        return False
    (first, _), (last, _) = numbered[0], numbered[-1]
    counted = {id(row) for _, row in numbered}
    others = [row for row in rows if id(row) not in counted]
    if not others or values[-1] - values[0] != last - first:
        return False
    if side == 0:
        return max(row[0].x1 for _, row in numbered) < min(row[0].x0 for row in others)
    return min(row[-1].x0 for _, row in numbered) > max(row[-1].x1 for row in others)


def _apart(row: Sequence[Word], side: int) -> bool:
    if len(row) == 1:
        return True
    gap = row[1].x0 - row[0].x1 if side == 0 else row[-1].x0 - row[-2].x1
    return gap > 0.5 * row[side].size
