"""Forests as flat arrays: against a walk down each tree by itself."""

from dataclasses import replace

import numpy as np
import pytest
from bigbird_pegasus.modeling.decision_forest import Forest
from hypothesis import given
from hypothesis import strategies as st


def drawn_forest(seed: int, trees: int = 5, columns: int = 3) -> Forest:
    """Return a forest of random trees of different depths."""
    generator = np.random.default_rng(seed)
    nodes: list[tuple[int, float, int, int, float]] = []

    def grow(depth: int) -> int:
        place = len(nodes)
        nodes.append((0, 0.0, place, place, float(generator.normal())))
        if depth and generator.random() < 0.8:
            left, right = grow(depth - 1), grow(depth - 1)
            # Of few values: rows that are just at a threshold are common.
            threshold = float(generator.integers(-2, 3))
            nodes[place] = (int(generator.integers(columns)), threshold, left, right, 0.0)
        return place

    roots = [grow(int(generator.integers(6))) for _ in range(trees)]
    where, thresholds, left, right, values = zip(*nodes, strict=True)
    return Forest(
        np.array(roots, np.int32),
        np.array(where, np.int16),
        np.array(thresholds, np.float32),
        np.stack([left, right], 1).astype(np.int32),
        np.array(values, np.float32),
    ).checked()


def walk(forest: Forest, row: np.ndarray) -> float:
    total = 0.0
    for root in forest.roots:
        node = int(root)
        while forest.children[node, 0] != node:
            node = int(forest.children[node, int(row[forest.columns[node]] > forest.thresholds[node])])
        total += float(forest.values[node])
    return total


@given(st.integers(0, 10_000), st.integers(0, 40))
def test_predictions_are_those_of_a_walk_down_each_tree(seed: int, rows: int) -> None:
    forest = drawn_forest(seed)
    x = np.random.default_rng(seed + 1).integers(-3, 4, (rows, 3)).astype(np.float32)
    np.testing.assert_allclose(forest.predict(x), [walk(forest, row) for row in x], atol=1e-6)


def test_many_rows_are_predicted_in_parts() -> None:
    forest = drawn_forest(3)
    x = np.random.default_rng(0).normal(size=(2500, 3)).astype(np.float32)
    np.testing.assert_allclose(forest.predict(x), [walk(forest, row) for row in x], atol=1e-6)


def test_arrays_that_do_not_fit_are_refused() -> None:
    forest = drawn_forest(0)
    with pytest.raises(ValueError, match="differ in length"):
        replace(forest, columns=forest.columns[1:]).checked()
    with pytest.raises(ValueError, match="outside of itself"):
        replace(forest, roots=forest.roots + len(forest.values)).checked()
    with pytest.raises(ValueError, match="outside of itself"):
        replace(forest, children=forest.children - len(forest.values)).checked()
    inner = int(np.flatnonzero(forest.children[:, 0] != np.arange(len(forest.values)))[0])
    circle = forest.children.copy()
    circle[inner, 1] = inner
    with pytest.raises(ValueError, match="circle"):
        replace(forest, children=circle).checked()
