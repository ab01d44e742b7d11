"""Weighted least squares against numpy, and the ridge that crystals left out choose."""

import numpy as np
import pytest

from xtalgraph.nn.linear_potential.moments import (
    RIDGES,
    USUAL,
    Moments,
    factor_of,
    solution_of_folds,
    solutions,
)


def drawn(rows: int, columns: int, seed: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, columns))
    return matrix, matrix @ np.arange(columns) + noise * rng.normal(size=rows)


def test_it_is_the_weighted_fit_of_numpy():
    energy, forces = drawn(30, 5, 0, 0.5), drawn(40, 5, 1, 2.0)
    moments, rows, values = Moments.empty(5), [], []
    for (matrix, labels), weight in ((energy, 3.0), (forces, 1.0)):
        factor = factor_of(labels, weight)
        assert factor == pytest.approx(weight / (labels @ labels))
        moments.add(matrix, labels, factor)
        rows.append(np.sqrt(factor) * matrix)
        values.append(np.sqrt(factor) * labels)
    matrix, labels = np.concatenate(rows), np.concatenate(values)
    (fitted,) = solutions(moments, [0.0])
    np.testing.assert_allclose(fitted, np.linalg.lstsq(matrix, labels, rcond=None)[0], rtol=1e-10)
    error = float(np.square(matrix @ fitted - labels).sum())
    assert moments.error(fitted) == pytest.approx(error, rel=1e-9)


def test_missing_labels_and_parts_are_left_out():
    matrix, labels = drawn(30, 4, 0, 0.3)
    gaps = labels.copy()
    gaps[3] = np.nan
    some, whole, part = (Moments.empty(4) for _ in range(3))
    some.add(matrix, gaps)
    known = np.isfinite(gaps)
    np.testing.assert_allclose(some.gram, matrix[known].T @ matrix[known])
    assert factor_of(gaps, 2.0) == pytest.approx(2.0 / float(labels[known] @ labels[known]))
    whole.add(matrix, labels)
    part.add(matrix[:10], labels[:10])
    rest = whole.plus(part, -1)
    np.testing.assert_allclose(rest.gram, matrix[10:].T @ matrix[10:], atol=1e-12)
    assert rest.count == 20
    assert rest.square == pytest.approx(float(labels[10:] @ labels[10:]))


def test_without_labels_there_is_nothing():
    nothing = np.full(3, np.nan)
    assert factor_of(nothing, 1.0) == 0.0
    empty = Moments.empty(4)
    empty.add(np.ones((3, 4)), nothing)
    assert np.abs(solution_of_folds([empty, empty])[0]).max() == 0.0


@pytest.mark.parametrize(("noise", "large"), [(0.0, False), (30.0, True)])
def test_the_ridge_follows_from_what_is_left_out(noise, large):
    parts = []
    for seed in range(5):
        matrix, labels = drawn(5, 20, seed, noise)
        matrix[:, 10:] = matrix[:, :10] + 1e-3 * matrix[:, 10:]  # nearly dependent
        parts.append((matrix, labels))
    folds = []
    for part in parts:
        folds.append(Moments.empty(20))
        folds[-1].add(*part)
    fitted, ridge = solution_of_folds(folds)
    losses = np.zeros(len(RIDGES))
    for number, (matrix, labels) in enumerate(parts):
        others = Moments.empty(20)
        for part in parts[:number] + parts[number + 1 :]:
            others.add(*part)
        errors = [np.square(matrix @ other - labels).sum() for other in solutions(others)]
        losses += errors
    assert ridge == RIDGES[int(np.argmin(losses))]
    assert (ridge >= 1e-4) == large
    assert np.isfinite(fitted).all()


def test_a_single_fold_takes_the_usual_ridge():
    moments = Moments.empty(5)
    moments.add(*drawn(30, 5, 0, 0.5))
    fitted, ridge = solution_of_folds([moments])
    assert ridge == USUAL
    np.testing.assert_array_equal(fitted, solutions(moments, [USUAL])[0])
