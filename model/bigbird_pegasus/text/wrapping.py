"""Hard-wrapped prose: which lines of a text are pieces of one line that a program or a person broke.

Nothing is moved: a line that was broken is a span over several lines of the text. Where lines are broken at
a width, the first word of each did not fit on the line before; the width is the one that explains most
breaks. People break lines earlier too; then the words decide: the line before has not ended its sentence, and
this one goes on in lower case, or stands alone in the middle of prose with what would otherwise be a mark.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from bigbird_pegasus.text import line_patterns as patterns
from bigbird_pegasus.text.line_patterns import ends_as_sentence

Span = tuple[int, int]

_LINE = re.compile(r"[^\n\r\f]+")
_MIN_WIDTH, _MAX_WIDTH = 36, 132  # at which prose is wrapped, in characters
_MIN_WRAPPED_SHARE = 0.2  # of the line breaks that the width has to explain, and …
_MIN_WRAPPED = 2  # … their number
_MIN_PROSE_WORDS = 4  # of a line that the next may continue although there was room for its first word
_MIN_REPEATS = 3  # of a running title
_MIN_CODE_SIGNS = 2  # of a line that is code also below prose
_WORD = re.compile(r"[^\W\d_]{2,}")
_LOWER = re.compile(r"[(\[\"'\u201c\u2018\u201e]?[^\W\d_A-Z]")
_MARK = re.compile(r"\W{1,3}(?=\s|$)|\W")


def line_spans(text: str) -> list[Span]:
    """Return the spans of the lines that are not blank, without the line breaks."""
    return [match.span() for match in _LINE.finditer(text) if not match[0].isspace()]


def is_one_break(between: str) -> bool:
    """Return whether nothing but one line break is between two lines."""
    return between in ("\n", "\r\n", "\r")


def unwrapped_spans(
    text: str, spans: Sequence[Span], shown: Sequence[str], kind_alone: Callable[[str], str]
) -> list[Span]:
    """Return the spans of the lines as they were before they were wrapped, one over each that was broken.

    Args:
        text: that the lines are of.
        spans: of its lines, see `line_spans`.
        shown: the lines, or the beginnings of long ones.
        kind_alone: of a line, without its neighbours.
    """
    adjoins = [False, *(is_one_break(text[a[1] : b[0]]) for a, b in pairwise(spans))]
    width = _width(shown, adjoins)
    if width is None:
        return list(spans)
    lines = _WrappedLines(shown, adjoins, width, kind_alone)
    joined: list[Span] = []
    for number, (start, end) in enumerate(spans):
        if lines.continues(number):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _width(shown: Sequence[str], adjoins: Sequence[bool]) -> int | None:
    """Return the width at which the first words of most lines did not fit on the line before; None if few."""
    votes = [0] * (_MAX_WIDTH + 2)  # differences: a break is explained by each width of an interval
    breaks = 0
    for number in range(1, len(shown)):
        if not adjoins[number]:
            continue
        breaks += 1
        least = len(shown[number - 1].rstrip())
        most = min(_MAX_WIDTH, least + len(_first_word(shown[number])))
        if _MIN_WIDTH <= least <= most:
            votes[least] += 1
            votes[most + 1] -= 1
    best, best_width, explained = 0, None, 0
    for width, change in enumerate(votes):
        explained += change
        if explained > best:
            best, best_width = explained, width
    return best_width if best >= max(_MIN_WRAPPED, _MIN_WRAPPED_SHARE * breaks) else None


def _first_word(line: str) -> str:
    return line.split(maxsplit=1)[0]


class _WrappedLines:
    """The lines of a text that is wrapped at a width."""

    def __init__(
        self,
        shown: Sequence[str],
        adjoins: Sequence[bool],
        width: int,
        kind_alone: Callable[[str], str],
    ) -> None:
        self.shown, self.adjoins, self.width = shown, adjoins, width
        self.kinds = [kind_alone(line) for line in shown]
        self.marks = [_mark(line, kind) for line, kind in zip(shown, self.kinds, strict=True)]
        self.first = list(range(len(shown)))  # line of the paragraph that each line is in
        for number in range(1, len(shown)):
            if adjoins[number]:
                self.first[number] = self.first[number - 1]
        # Lines with a mark that the line above had room for: a list, a table, a quotation, e-mail headers.
        self.set_off = {
            (self.first[number], mark)
            for number, mark in enumerate(self.marks)
            if mark and not (adjoins[number] and self._is_full(number - 1))
        }
        self.siblings = Counter(zip(self.first, self.marks, strict=True))
        self.titles = self._running_titles()

    def continues(self, number: int) -> bool:
        """Return whether a line goes on with what the line before began."""
        if not self.adjoins[number] or number in self.titles or number - 1 in self.titles:
            return False
        before, line = self.shown[number - 1].rstrip(), self.shown[number]
        mark = self.first[number], self.marks[number]
        if mark in self.set_off and self.siblings[mark] > 1:
            return False
        if _indent(line) > _indent(before) and self.kinds[number - 1] != "item":
            return False
        if self._is_full(number - 1):
            return True
        if ends_as_sentence(before) or not self._is_prose(number - 1):
            return False
        if _LOWER.match(line.lstrip()):
            return not self._is_code(number)
        return (
            bool(self.marks[number])
            and not before.endswith(":")
            and (number - 1 > self.first[number] or self._goes_on(number))
        )

    def _is_full(self, number: int) -> bool:
        """Return whether the first word of the line below did not fit on this one."""
        after = number + 1
        return (
            after < len(self.shown)
            and self.adjoins[after]
            and len(self.shown[number].rstrip()) + 1 + len(_first_word(self.shown[after])) > self.width
        )

    def _running_titles(self) -> set[int]:
        """Return the lines that come three times or more, each time above others; numbers may differ."""
        keys = [
            " ".join(re.sub(r"\d+", "0", line).split())
            if len(line) < 100 and not ends_as_sentence(line)
            else ""
            for line in self.shown
        ]
        counts = Counter(keys)
        below: dict[str, set[str]] = {}
        prose = {""}
        for number, key in enumerate(keys):
            if not key or counts[key] < _MIN_REPEATS:
                continue
            if self._is_full(number):
                prose.add(key)
            after = number + 1
            goes_on = after < len(self.shown) and self.adjoins[after]
            below.setdefault(key, set()).add(self.shown[after].strip() if goes_on else "")
        # A paragraph that stands in a text three times goes on with the same words each time.
        titles = {key for key, after in below.items() if len(after) > 1 or after == {""}} - prose
        return {number for number, key in enumerate(keys) if key in titles}

    def _goes_on(self, number: int) -> bool:
        after = number + 1
        return (
            after < len(self.shown)
            and self.adjoins[after]
            and not ends_as_sentence(self.shown[number])
            and _LOWER.match(self.shown[after].lstrip()) is not None
        )

    def _is_prose(self, number: int) -> bool:
        line = self.shown[number]
        return len(_WORD.findall(line)) >= _MIN_PROSE_WORDS and not self._is_code(number)

    def _is_code(self, number: int) -> bool:
        signs = len(patterns.CODE_SIGN.findall(self.shown[number]))
        return self.kinds[number] == "code" and signs >= _MIN_CODE_SIGNS


def _mark(line: str, kind: str) -> str:
    """Return what a line has in common with others of a list, a table, e-mail headers; "" for text."""
    if kind == "header" or patterns.LABEL.match(line):
        return "label"
    start = line.lstrip()
    if start[0].isalnum():
        return "number" if kind in ("item", "furniture") and start[0].isdigit() else ""
    if kind in ("text", "code") and not patterns.COMMENT.match(line):
        return ""
    mark = _MARK.match(start)
    return mark[0] if mark else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
