"""Where the words of a PDF stand on its pages: from spans of its text to boxes, without searching."""

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_SHARED_HEIGHT = 0.5  # of the lower of two boxes, for words of one line
MAX_GAP = 3.0  # of a box's height, between two words of one line


@dataclass(frozen=True)
class Rectangle:
    """A box on a page (its number from 1) in the page's own coordinates: points, y upwards."""

    page: int
    left: float
    bottom: float
    right: float
    top: float

    @property
    def rounded(self) -> tuple[float, float, float, float]:
        """Return left, bottom, right and top to a hundredth of a point."""
        return round(self.left, 2), round(self.bottom, 2), round(self.right, 2), round(self.top, 2)


@dataclass(frozen=True, eq=False)
class WordBoxes:
    """The words of a text in its order: spans (N, 2) in code points, pages (N,) from 1, and boxes (N, 4).

    A box is left, bottom, right, top in points, in the coordinates of its page. `upright` (N,) says whether
    lines run along x there; else they run along y.
    """

    spans: "NDArray[np.int32]"
    pages: "NDArray[np.int32]"
    upright: "NDArray[np.bool_]"
    boxes: "NDArray[np.float32]"

    def rectangles(self, start: int, end: int) -> list[Rectangle]:
        """Return the boxes of a span of the text, one for each line that it stands on."""
        import numpy as np

        lines: list[Rectangle] = []
        for number in np.flatnonzero((self.spans[:, 0] < end) & (self.spans[:, 1] > start)).tolist():
            box = Rectangle(int(self.pages[number]), *self.boxes[number].tolist())
            if lines and _on_one_line(lines[-1], box, upright=bool(self.upright[number])):
                lines[-1] = _around(lines[-1], box)
            else:
                lines.append(box)
        return lines

    def packed(self) -> list[str]:
        """Return the arrays as text, for the way between two processes."""
        arrays = (self.spans, self.pages, self.upright, self.boxes)
        return [base64.b64encode(array.tobytes()).decode("ascii") for array in arrays]

    @classmethod
    def unpacked(cls, packed: list[str]) -> "WordBoxes":
        """Return what `packed` made text of."""
        import numpy as np

        spans, pages, upright, boxes = (base64.b64decode(array) for array in packed)
        return cls(
            np.frombuffer(spans, np.int32).reshape(-1, 2),
            np.frombuffer(pages, np.int32),
            np.frombuffer(upright, np.bool_),
            np.frombuffer(boxes, np.float32).reshape(-1, 4),
        )


def _on_one_line(line: Rectangle, word: Rectangle, *, upright: bool) -> bool:
    """Return whether a word goes on with a line: beside it, at nearly the same height."""
    if line.page != word.page:
        return False
    if upright:
        low, high, gap = line.bottom, line.top, max(line.left, word.left) - min(line.right, word.right)
        other_low, other_high = word.bottom, word.top
    else:
        low, high, gap = line.left, line.right, max(line.bottom, word.bottom) - min(line.top, word.top)
        other_low, other_high = word.left, word.right
    lower = min(high - low, other_high - other_low)
    return min(high, other_high) - max(low, other_low) >= MIN_SHARED_HEIGHT * lower and gap < MAX_GAP * lower


def _around(line: Rectangle, word: Rectangle) -> Rectangle:
    return Rectangle(
        line.page,
        min(line.left, word.left),
        min(line.bottom, word.bottom),
        max(line.right, word.right),
        max(line.top, word.top),
    )
