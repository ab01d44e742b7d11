import gemmi
import numpy as np
import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.symmetry import check_fit, expand, parse_operations


def test_every_operation_of_every_setting_agrees_with_gemmi():
    seen = 0
    for group in gemmi.spacegroup_table():
        operations = list(group.operations())
        parsed = parse_operations(tuple(op.triplet() for op in operations))
        for n, op in enumerate(operations):
            np.testing.assert_array_equal(parsed.rotations[n], np.array(op.rot) / op.DEN)
            np.testing.assert_allclose(parsed.translations[n], np.array(op.tran) / op.DEN)
        seen += len(operations)
    assert seen > 7000


@pytest.mark.parametrize(
    ("triplet", "translation"),
    [
        ("1/2+X,y,z", 1 / 2),
        (" x+0.5 , y , z ", 1 / 2),
        ("x+.333,y,z", 1 / 3),
        ("x-1/4,y,z", -1 / 4),
    ],
)
def test_spellings(triplet, translation):
    operations = parse_operations(("x,y,z", triplet))
    assert operations.translations[1, 0] == pytest.approx(translation, abs=1e-15)
    np.testing.assert_array_equal(operations.rotations[1], np.eye(3))


@pytest.mark.parametrize("triplet", ["x,y", "x,y,z,z", "x,y,w", "x+,y,z", ""])
def test_malformed_operations(triplet):
    with pytest.raises(InputError, match="symmetry operation"):
        parse_operations(("x,y,z", triplet))


def test_a_list_without_the_identity():
    with pytest.raises(InputError, match="identity"):
        parse_operations(("-x,-y,-z",))


def test_a_general_position_has_as_many_atoms_as_the_group_has_operations():
    group = gemmi.find_spacegroup_by_name("I a -3 d")
    operations = parse_operations(tuple(op.triplet() for op in group.operations()))
    cell = np.eye(3) * 12.0
    check_fit(cell, operations)
    sites = np.array([[0.11, 0.23, 0.31], [0.0, 0.0, 0.0], [0.125, 0.125, 0.125]])
    positions, origins = expand(cell, sites, operations)
    # International Tables A, space group 230: positions 96h, 16a, 16b.
    assert np.bincount(origins).tolist() == [96, 16, 16]
    assert positions.min() >= 0.0
    assert positions.max() < 1.0


def test_a_cubic_group_does_not_fit_a_tetragonal_cell():
    with pytest.raises(InputError, match="does not map the cell onto itself"):
        check_fit(np.diag([4.0, 4.0, 4.4]), parse_operations(("x,y,z", "z,x,y")))
