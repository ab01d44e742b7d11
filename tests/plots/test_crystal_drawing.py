from dataclasses import replace

import numpy as np
import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.plots.crystal_drawing import BondedCrystal, draw_crystal, view_along, viewpoint

PERIODIC = np.array([True, True, True])
A = 5.64


def rock_salt():
    """The conventional cell of rock salt with its 48 directed bonds of length a / 2."""
    fcc = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    fractional = np.concatenate([fcc, (fcc + np.array([0.5, 0, 0])) % 1.0])
    bonds = []
    for i, here in enumerate(fractional):
        for j, there in enumerate(fractional):
            for index in np.ndindex(3, 3, 3):
                shift = np.array(index) - 1
                if abs(np.linalg.norm(there + shift - here) - 0.5) < 1e-9:
                    bonds.append([i, j, *shift])
    bonds = np.array(bonds)
    numbers = np.array([11] * 4 + [17] * 4)
    cell = A * np.eye(3)
    return BondedCrystal(
        cell, fractional @ cell, numbers, PERIODIC, bonds[:, 0], bonds[:, 1], bonds[:, 2:]
    )


def lengths(drawing):
    ends = drawing.positions[drawing.sticks]
    return np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)


def test_rock_salt_has_six_bonds_per_atom_of_half_the_lattice_constant():
    drawing = draw_crystal(rock_salt())
    np.testing.assert_allclose(lengths(drawing), A / 2)
    assert drawing.coordination.tolist() == [6] * 8
    ends = np.bincount(drawing.sticks.ravel(), minlength=len(drawing.numbers))
    assert ends[:8].tolist() == [6] * 8


def test_inner_bonds_are_drawn_once_and_crossing_ones_at_both_walls():
    # Of the 24 bonds of the cell, each lattice line has one inside and one through the wall.
    drawing = draw_crystal(rock_salt())
    crosses = drawing.is_image[drawing.sticks].any(axis=1)
    assert (~crosses).sum() == 12
    assert crosses.sum() == 24


def test_a_bond_given_in_one_direction_gives_the_same_picture():
    salt = rock_salt()
    rows = np.column_stack([salt.center, salt.neighbor, salt.image]).tolist()
    half = [k for k, (c, n, *s) in enumerate(rows) if (c, n, *s) < (n, c, *(-x for x in s))]
    whole = draw_crystal(salt)
    kept = {name: getattr(salt, name)[half] for name in ("center", "neighbor", "image")}
    once = draw_crystal(replace(salt, **kept))
    assert len(half) == 24
    assert len(once.sticks) == len(whole.sticks)


def test_atoms_outside_the_cell_are_wrapped_together_with_their_bonds():
    salt = rock_salt()
    shift = np.random.default_rng(0).integers(-2, 3, (8, 3))
    moved = salt.image - shift[salt.neighbor] + shift[salt.center]
    inside = draw_crystal(salt)
    outside = draw_crystal(replace(salt, positions=salt.positions + shift @ salt.cell, image=moved))
    np.testing.assert_allclose(outside.positions, inside.positions, atol=1e-9)
    assert outside.sticks.tolist() == inside.sticks.tolist()


def test_an_atom_bonded_to_its_own_images():
    one = np.array([0, 0])
    image = np.array([[1, 0, 0], [-1, 0, 0]])
    drawing = draw_crystal(
        BondedCrystal(3.0 * np.eye(3), np.zeros((1, 3)), np.array([84]), PERIODIC, one, one, image)
    )
    np.testing.assert_allclose(lengths(drawing), [3.0, 3.0])
    assert len(drawing.numbers) == 3
    assert drawing.coordination.tolist() == [2]


def test_a_molecule_has_no_cell_edges():
    none = np.zeros(0, dtype=int)
    free = np.array([False, False, False])
    bonds = (none, none, none.reshape(0, 3))
    drawing = draw_crystal(
        BondedCrystal(np.zeros((3, 3)), np.zeros((1, 3)), np.array([2]), free, *bonds)
    )
    assert drawing.edges.shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("neighbor", "image", "message"),
    [(8, 0, "between 0 and 7, got 8"), (0, 1, "must not cross the wall along c")],
)
def test_impossible_bonds_are_refused(neighbor, image, message):
    with pytest.raises(InputError, match=message):
        replace(
            rock_salt(),
            pbc=np.array([True, True, False]),
            center=np.array([0]),
            neighbor=np.array([neighbor]),
            image=np.array([[0, 0, image]]),
        )


@pytest.mark.parametrize("seed", range(4))
def test_views_are_rotations_and_look_down_their_axis(seed):
    cell = np.random.default_rng(seed).normal(size=(3, 3))  # either handedness
    for rotation in (viewpoint(cell), *(view_along(cell, axis) for axis in range(3))):
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
    for axis in range(3):
        seen = view_along(cell, axis) @ cell[axis]
        np.testing.assert_allclose(seen, [0, 0, np.linalg.norm(cell[axis])], atol=1e-12)
