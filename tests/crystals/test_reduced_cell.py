"""The reduced cell is the same lattice and the same crystal, whatever cell was given."""

import numpy as np
import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.reduced_cell import with_reduced_cell
from xtalgraph.crystals.transforms import change_basis


def crystal(seed):
    rng = np.random.default_rng(seed)
    cell = 4 * np.eye(3) + rng.normal(size=(3, 3))
    return Crystal.from_fractional(cell, rng.random((4, 3)), np.array([12, 22, 8, 8]))


@pytest.mark.parametrize("seed", range(5))
def test_every_cell_of_a_lattice_has_one_reduced_cell(seed):
    first = crystal(seed)
    skewed = np.array([[1, 2, 0], [0, 1, -1], [0, 0, 1]])
    one, two = with_reduced_cell(first), with_reduced_cell(change_basis(first, skewed))
    metrics = [made.cell @ made.cell.T for made in (one, two)]
    assert np.allclose(*metrics, atol=1e-6)
    assert np.array_equal(one.positions, first.positions)
    assert np.linalg.det(one.cell) > 0
    assert one.volume == pytest.approx(first.volume)
    steps = first.cell @ np.linalg.inv(one.cell)
    assert np.allclose(steps, steps.round(), atol=1e-9)


def test_a_left_handed_cell_becomes_right_handed_and_a_reduced_one_stays():
    left = Crystal.from_fractional(np.diag([-3.0, 4, 5]), np.zeros((1, 3)), np.array([29]))
    assert np.linalg.det(with_reduced_cell(left).cell) > 0
    cubic = Crystal.from_fractional(4 * np.eye(3), np.zeros((1, 3)), np.array([29]))
    assert np.array_equal(with_reduced_cell(cubic).cell, cubic.cell)


def test_a_slab_has_none():
    slab = Crystal(4 * np.eye(3), np.zeros((1, 3)), np.array([29]), np.array([True, True, False]))
    with pytest.raises(InputError, match="does not repeat in all directions"):
        with_reduced_cell(slab)
