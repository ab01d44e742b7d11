import numpy as np
import pytest
from pymatgen.core import Lattice
from scipy.spatial.transform import Rotation

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal

CELL = np.array([[4.1, 0.2, 0.0], [-0.7, 5.0, 0.3], [0.4, 0.9, 6.2]])
FRACTIONAL = np.array([[0.1, 0.2, 0.3], [0.6, 0.75, 0.83], [0.45, 0.11, 0.92]])
NUMBERS = np.array([11, 17, 8])


def crystal() -> Crystal:
    return Crystal.from_fractional(CELL, FRACTIONAL, NUMBERS)


def surroundings(item: Crystal, radius: float = 6.0) -> list[tuple]:
    """For each atom its element and the sorted distances to its neighbours, by pymatgen."""
    structure = to_pymatgen(item)
    i, j, _, distances = structure.get_neighbor_list(radius)
    result = []
    for site in range(len(item)):
        mine = i == site
        order = np.lexsort((np.round(distances[mine], 6), item.numbers[j[mine]]))
        kinds = item.numbers[j[mine]][order]
        rounded = np.round(distances[mine][order], 6)
        result.append((int(item.numbers[site]), kinds.tolist(), rounded.tolist()))
    return sorted(result)


REFLECTION = np.diag([1.0, 1.0, -1.0])
ROTATION = Rotation.from_euler("xyz", [0.3, 1.1, -0.7]).as_matrix()
SKEW = np.array([[1, 2, 0], [0, 1, 0], [-1, 3, 1]])
SWAP = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    "change",
    [
        lambda c: transforms.rotate(c, ROTATION),
        lambda c: transforms.rotate(c, ROTATION @ REFLECTION),
        lambda c: transforms.translate(c, np.array([0.3, -7.0, 2.0])),
        lambda c: transforms.permute(c, np.array([2, 0, 1])),
        lambda c: transforms.shift_images(c, np.array([[1, 0, -2], [0, 3, 0], [0, 0, 0]])),
        lambda c: transforms.change_basis(c, SKEW),
        lambda c: transforms.change_basis(c, SWAP),
    ],
    ids=["rotate", "reflect", "translate", "permute", "images", "skew", "left-handed"],
)
def test_what_leaves_every_distance_alone(change):
    before = crystal()
    after = change(before)
    assert surroundings(after) == surroundings(crystal())
    assert after.volume == pytest.approx(before.volume, rel=1e-12)
    np.testing.assert_array_equal(before.positions, crystal().positions)


@pytest.mark.parametrize(
    ("multiples", "count"),
    [
        ((2, 1, 3), 6),
        ((1, 1, 1), 1),
        (np.array([[1, 1, 0], [1, -1, 0], [0, 0, 1]]), 2),
        (np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]), 4),
        (np.array([[2, 1, 0], [0, 3, -1], [1, 0, 2]]), 11),
    ],
)
def test_supercells_repeat_every_surrounding(multiples, count):
    large = transforms.supercell(crystal(), multiples)
    assert len(large) == 3 * count
    assert large.volume == pytest.approx(count * crystal().volume)
    assert surroundings(large) == sorted(surroundings(crystal()) * count)


def test_a_supercell_of_a_slab_repeats_in_the_plane_only():
    base = crystal()
    slab = Crystal(base.cell, base.positions, base.numbers, np.array([True, True, False]))
    assert len(transforms.supercell(slab, (2, 2, 1))) == 12
    with pytest.raises(InputError, match="does not repeat"):
        transforms.supercell(slab, (1, 1, 2))
    with pytest.raises(InputError, match="does not repeat"):
        transforms.change_basis(slab, np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]]))
    with pytest.raises(InputError, match="does not repeat"):
        transforms.shift_images(slab, np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]]))


def test_hydrostatic_strain_scales_lengths_and_volume():
    strained = transforms.strain(crystal(), 0.02 * np.eye(3))
    assert strained.volume == pytest.approx(1.02**3 * crystal().volume)
    np.testing.assert_allclose(strained.fractional, FRACTIONAL, atol=1e-12)


def test_uniaxial_strain_stretches_one_axis_of_the_laboratory():
    strained = transforms.strain(crystal(), np.diag([0.0, 0.0, 0.1]))
    np.testing.assert_allclose(strained.cell, CELL * [1.0, 1.0, 1.1])
    expected = Lattice(CELL * [1.0, 1.0, 1.1]).get_cartesian_coords(FRACTIONAL)
    np.testing.assert_allclose(strained.positions, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: transforms.rotate(c, 2.0 * np.eye(3)), "orthogonal"),
        (
            lambda c: transforms.change_basis(c, 2 * np.eye(3, dtype=int)),
            "determinant 1 or -1, got 8",
        ),
        (lambda c: transforms.supercell(c, (2, 0, 1)), "lie in one plane"),
        (lambda c: transforms.permute(c, np.array([0, 0, 1])), "once"),
        (lambda c: transforms.shift_images(c, np.zeros((2, 3), dtype=int)), "shape"),
    ],
)
def test_what_cannot_be_done_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        change(crystal())


def test_a_supercell_has_a_limit():
    with pytest.raises(InputError, match=r"1000000 atoms at most, got 1\.0e\+12"):
        transforms.supercell(
            Crystal(np.eye(3), np.zeros((1, 3)), np.array([1]), np.ones(3, bool)), (10**4,) * 3
        )
