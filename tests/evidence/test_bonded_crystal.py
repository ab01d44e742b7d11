"""A crystal with its bonds, and the numbers by which a run keeps it."""

import json

import numpy as np
import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.bonded_crystal import from_plain, to_plain, with_bonds

SALT = Crystal.from_fractional(
    2.82 * (np.ones((3, 3)) - np.eye(3)), np.array([[0.0] * 3, [0.5] * 3]), np.array([11, 17])
)
ATOM = Crystal(np.zeros((3, 3)), np.zeros((1, 3)), np.array([2]), np.zeros(3, dtype=bool))


def test_every_ion_of_rock_salt_has_six_bonds_of_half_the_cubic_cell():
    drawn = with_bonds(SALT, np.array([0, 1]))
    ends = drawn.positions[drawn.neighbor] + drawn.image @ drawn.cell
    length = np.linalg.norm(ends - drawn.positions[drawn.center], axis=1)
    assert np.bincount(drawn.center).tolist() == [6, 6]
    np.testing.assert_allclose(length, 2.82)
    assert drawn.classes.tolist() == [0, 1]


@pytest.mark.parametrize("crystal", [SALT, ATOM])
def test_the_numbers_of_a_run_give_the_crystal_back(crystal):
    drawn = with_bonds(crystal)
    again = from_plain(json.loads(json.dumps(to_plain(drawn))))
    for name in ("cell", "positions", "numbers", "pbc", "center", "neighbor", "image"):
        before, after = getattr(drawn, name), getattr(again, name)
        assert before.dtype.kind == after.dtype.kind, name
        np.testing.assert_array_equal(before, after, name)
    assert again.classes is None


def test_numbers_that_name_no_atom_are_refused():
    plain = to_plain(with_bonds(SALT))
    plain["bonds"][0][1] = 2
    with pytest.raises(InputError, match="neighbor of a bond must be an atom between 0 and 1"):
        from_plain(plain)
