"""Weighted least squares against numpy, and the ridge that crystals left out choose."""

import numpy as np
import pytest

from xtalgraph.nn.linear_potential.least_squares import (
    RIDGES,
    Moments,
    factors_of,
    solution_of_folds,
    solutions,
)

WEIGHTS = {"energy": 3.0, "forces": 1.0}


def drawn(rows: int, columns: int, seed: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, columns))
    return matrix, matrix @ np.arange(columns) + noise * rng.normal(size=rows)


def moments_of(*parts: tuple[np.ndarray, np.ndarray]) -> Moments:
    moments = Moments.empty(parts[0][0].shape[1])
    for matrix, labels in parts:
        moments.add(matrix, labels)
    return moments


def test_it_is_the_weighted_fit_of_numpy():
    energy, forces = drawn(30, 5, 0, 0.5), drawn(40, 5, 1, 2.0)
    moments = {"energy": moments_of(energy), "forces": moments_of(forces)}
    factors = factors_of(moments, WEIGHTS)
    for name, (_, labels) in (("energy", energy), ("forces", forces)):
        assert factors[name] == pytest.approx(WEIGHTS[name] / (labels @ labels))
    rows = [np.sqrt(factors[n]) * m for n, (m, _) in (("energy", energy), ("forces", forces))]
    values = [np.sqrt(factors[n]) * v for n, (_, v) in (("energy", energy), ("forces", forces))]
    expected = np.linalg.lstsq(np.concatenate(rows), np.concatenate(values), rcond=None)[0]
    (fitted,) = solutions(moments, factors, [0.0])
    np.testing.assert_allclose(fitted, expected, rtol=1e-10)
    error = float(np.square(energy[0] @ fitted - energy[1]).sum())
    assert moments["energy"].squared_error(fitted) == pytest.approx(error, rel=1e-9)


def test_missing_labels_and_parts_are_left_out():
    matrix, labels = drawn(30, 4, 0, 0.3)
    gaps = labels.copy()
    gaps[3] = np.nan
    some = moments_of((matrix, gaps))
    known = np.isfinite(gaps)
    np.testing.assert_allclose(some.gram, matrix[known].T @ matrix[known])
    rest = moments_of((matrix, labels)).less(moments_of((matrix[:10], labels[:10])))
    np.testing.assert_allclose(rest.gram, matrix[10:].T @ matrix[10:], atol=1e-12)
    assert rest.count == 20
    assert rest.square == pytest.approx(float(labels[10:] @ labels[10:]))


@pytest.mark.parametrize(("noise", "expected"), [(0.0, "least"), (30.0, "large")])
def test_the_ridge_follows_from_what_is_left_out(noise, expected):
    folds = []
    for seed in range(5):
        matrix, labels = drawn(5, 20, seed, noise)
        matrix[:, 10:] = matrix[:, :10] + 1e-3 * matrix[:, 10:]  # nearly dependent
        folds.append({"energy": moments_of((matrix, labels))})
    fitted, ridge = solution_of_folds(folds, {})
    parts = [fold["energy"] for fold in folds]
    whole = Moments(
        sum(part.gram for part in parts),
        sum(part.right for part in parts),
        sum(part.square for part in parts),
        sum(part.count for part in parts),
    )
    factors, losses = factors_of({"energy": whole}, {}), np.zeros(len(RIDGES))
    for part in parts:
        for number, other in enumerate(solutions({"energy": whole.less(part)}, factors)):
            losses[number] += part.squared_error(other)
    assert ridge == RIDGES[int(np.argmin(losses))]
    assert (ridge >= 1e-4) == (expected == "large")
    assert np.isfinite(fitted).all()
