"""A forest of regression trees as flat arrays: all rows go down all trees together, a level at a time.

Dimensions: L rows, C columns, T trees, N nodes of all trees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROWS = 1024  # at once


@dataclass(frozen=True)
class Forest:
    """Trees whose values are added up.

    A row goes from node n to `children[n, 0]` where its `columns[n]` is at most `thresholds[n]`, else to
    `children[n, 1]`; a leaf is its own child. `roots` (T,) are the nodes that rows begin at,
    `values` (N,) are 0 but at leaves.
    """

    roots: NDArray[np.int32]
    columns: NDArray[np.int16]
    thresholds: NDArray[np.float32]
    children: NDArray[np.int32]
    values: NDArray[np.float32]

    def checked(self) -> "Forest":
        """Return the forest.

        Raises:
            ValueError: its arrays do not fit together: a row could leave them, or never reach a leaf.
        """
        nodes = len(self.values)
        shapes = (self.columns.shape, self.thresholds.shape, self.children.shape)
        if shapes != ((nodes,), (nodes,), (nodes, 2)) or self.roots.ndim != 1 or not nodes:
            raise ValueError("the arrays of a forest differ in length")
        for places in (self.roots, self.children):
            if places.size and not (places.min() >= 0 and places.max() < nodes):
                raise ValueError("a forest points outside of itself")
        below = np.arange(nodes)[:, None]
        leaf = (self.children == below).all(1)
        if not (leaf | (self.children > below).all(1)).all() or (self.columns < 0).any():
            raise ValueError("a forest has a circle")
        return self

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the sum of the trees' values for each row of (L, C): (L,)."""
        parts = [self._predict(rows[n : n + _ROWS]) for n in range(0, len(rows), _ROWS)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        flat = np.ascontiguousarray(rows).reshape(-1)
        width = rows.shape[1]
        nodes = np.tile(self.roots.astype(np.int64), (len(rows), 1))  # (L, T)
        starts = (np.arange(len(rows)) * width)[:, None]
        children = self.children.astype(np.int64).reshape(-1)
        columns = self.columns.astype(np.int64)
        while True:
            above = flat[starts + columns[nodes]] > self.thresholds[nodes]
            deeper = children[2 * nodes + above]
            if (deeper == nodes).all():
                totals: NDArray[np.float64] = self.values[nodes].astype(np.float64).sum(1)
                return totals
            nodes = deeper
