"""Groups of nearly equal numbers against a plain loop."""

import numpy as np
import pytest

from xtalgraph.graphs.reduction import group_values


def by_loop(values: np.ndarray, family: np.ndarray, span: float) -> list[set[int]]:
    groups: list[set[int]] = []
    for name in sorted(set(family.tolist())):
        first = -np.inf
        for row in sorted(np.flatnonzero(family == name).tolist(), key=lambda i: values[i]):
            if values[row] - first > span:
                first = values[row]
                groups.append(set())
            groups[-1].add(row)
    return groups


@pytest.mark.parametrize("seed", range(20))
def test_groups_are_those_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 400))
    std = 10.0 ** rng.uniform(-4, 1)
    values = rng.uniform(1.0, 1.0 + std, rows)
    family = rng.integers(0, 5, rows) * 7919
    group = group_values(values, family, 1e-3)
    found = [set(np.flatnonzero(group == g).tolist()) for g in range(group.max() + 1)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, by_loop(values, family, 1e-3)))
    for rows_of_one in found:
        assert np.ptp(values[list(rows_of_one)]) <= 1e-3 + 1e-9


def test_a_chain_of_close_values_is_cut():
    values = 2.0 + 0.0004 * np.arange(7)
    group = group_values(values, np.zeros(7, dtype=int), 1e-3)
    assert group.tolist() == [0, 0, 0, 1, 1, 1, 2]


def test_no_rows_make_no_group():
    assert group_values(np.zeros(0), np.zeros(0, dtype=int), 1e-3).tolist() == []
