"""What is visible of a page, and how its text is turned: user space → coordinates of reading."""

from dataclasses import dataclass

import numpy as np

from bbp_cli.documents.pdf.characters import Floats


@dataclass(frozen=True, slots=True)
class VisibleBox:
    """What is visible of a page in user space."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def area(self) -> float:
        """Return the area in square points."""
        return (self.right - self.left) * (self.top - self.bottom)

    def down(self, x: float, y: float, turn: int) -> float:
        """Return how far down a point of user space is, in the direction of reading."""
        return (self.top - y, x - self.left, y - self.bottom, self.right - x)[turn]

    def placed(self, boxes: Floats, turn: int) -> Floats:
        """Left, top, right, bottom of boxes (N, 4: left, bottom, right, top) in the direction of reading.

        Text is turned by so many quarters counter-clockwise.
        """
        x0, y0, x1, y1 = boxes.T
        if turn == 1:
            sides = y0 - self.bottom, x0 - self.left, y1 - self.bottom, x1 - self.left
        elif turn == 2:
            sides = self.right - x1, y0 - self.bottom, self.right - x0, y1 - self.bottom
        elif turn == 3:
            sides = self.top - y1, self.right - x1, self.top - y0, self.right - x0
        else:
            sides = x0 - self.left, self.top - y1, x1 - self.left, self.top - y0
        return np.stack(sides, axis=1)

    def in_user_space(self, boxes: Floats, turn: int) -> Floats:
        """Left, bottom, right, top of boxes (N, 4: left, top, right, bottom) as `placed` returns them."""
        left, top, right, bottom = boxes.T
        if turn == 1:
            sides = self.left + top, self.bottom + left, self.left + bottom, self.bottom + right
        elif turn == 2:
            sides = self.right - right, self.bottom + top, self.right - left, self.bottom + bottom
        elif turn == 3:
            sides = self.right - bottom, self.top - right, self.right - top, self.top - left
        else:
            sides = self.left + left, self.top - bottom, self.left + right, self.top - top
        return np.stack(sides, axis=1)
