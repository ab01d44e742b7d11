"""The minimum-image rule and the two conditions under which it suffices, against all images."""

from itertools import product

import numpy as np
import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.minimum_image import minimum_image, minimum_image_check

SALT = 2.82 * (np.ones((3, 3)) - np.eye(3))
"""Primitive cell of NaCl, a = 5.64 Å."""
ALL = np.ones(3, dtype=bool)


def nearest(vectors: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """Length of the shortest image of each vector, out of 13³."""
    images = np.array(list(product(*(range(-6, 7) if p else (0,) for p in pbc)))) @ cell
    return np.linalg.norm(vectors[:, None] - images[None], axis=2).min(axis=1)


def first_failure(cell: np.ndarray, pbc: np.ndarray, limit: float, seed: int) -> float:
    """Smallest true distance at which the rule is wrong, among random and critical vectors."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(400, 3))
    reach = 6 * rng.uniform(size=400) if np.isinf(limit) else limit * rng.uniform(0.9, 1.3, 400)
    vectors *= (reach / np.linalg.norm(vectors, axis=1))[:, None]
    normals = np.linalg.inv(cell).T
    feet = normals / (normals**2).sum(axis=1, keepdims=True) / 2
    vectors = np.concatenate([vectors, 1.001 * feet])
    true = nearest(vectors, cell, pbc)
    ruled = np.linalg.norm(minimum_image(vectors, cell, pbc), axis=1)
    assert np.all(ruled > true - 1e-9)
    return float(np.min(true[ruled > true + 1e-9], initial=np.inf))


def random_cell(seed: int) -> np.ndarray:
    """Skewed, rectangular, or sheared by whole vectors, in turn."""
    rng = np.random.default_rng(seed)
    sides = np.diag(rng.uniform(2, 6, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shear = np.array([[1, 0, 0], [rng.integers(-1, 2), 1, 0], [0, rng.integers(0, 2), 1]])
    skewed = np.eye(3) + rng.uniform(-0.6, 0.6, (3, 3)) * (1 - np.eye(3))
    return [skewed @ sides, sides @ turn, shear @ sides @ turn][seed % 3]


@pytest.mark.parametrize("seed", range(48))
def test_the_rounding_radius_is_where_the_rule_begins_to_fail(seed):
    cell, pbc = random_cell(seed), np.array(list(product([True, False], repeat=3))[seed % 8])
    limit = minimum_image_check(cell, 1.0, pbc).rounding_radius
    found = first_failure(cell, pbc, limit, seed)
    if np.isinf(limit):
        assert np.isinf(found)
    else:
        assert limit - 1e-9 <= found <= 1.0011 * limit


def test_primitive_rock_salt_fails_beyond_1_63_angstrom():
    check = minimum_image_check(SALT, 4.0)
    assert check.rounding_radius == pytest.approx(5.64 / np.sqrt(3) / 2)
    assert round(check.rounding_radius, 2) == 1.63
    assert check.half_height == pytest.approx(check.rounding_radius)
    assert check.single_image_radius == pytest.approx(5.64 / np.sqrt(2) / 2)
    assert not check
    assert "can miss" in str(check)
    assert minimum_image_check(SALT, 1.62)


def test_a_rectangular_cell_is_limited_by_its_images_alone():
    check = minimum_image_check(np.diag([4.0, 5.0, 6.0]), 2.5)
    assert np.isinf(check.rounding_radius)
    assert (check.single_image, check.nearest_found, check.suffices) == (False, True, False)
    assert minimum_image_check(np.diag([4.0, 5.0, 6.0]), 1.9)


def test_where_nothing_repeats_nothing_is_taken_off():
    none = np.zeros(3, dtype=bool)
    vectors = np.array([[9.0, -7.0, 30.0]])
    np.testing.assert_array_equal(minimum_image(vectors, SALT, none), vectors)
    assert minimum_image_check(SALT, 100.0, none)
    slab = minimum_image_check(np.diag([4.0, 5.0, 1.0]), 1.0, np.array([True, True, False]))
    assert slab.single_image_radius == 2.0


@pytest.mark.parametrize("seed", range(20))
def test_below_half_the_smallest_height_both_conditions_hold(seed):
    cell = random_cell(seed)
    check = minimum_image_check(cell, 0.999 * minimum_image_check(cell, 1.0).half_height)
    assert check.suffices


def test_a_cutoff_must_be_positive_here_too():
    with pytest.raises(ConfigError, match="cutoff must be larger than 0 Å"):
        minimum_image_check(SALT, 0.0, ALL)
