import numpy as np
import pytest
from pymatgen.io.cif import CifParser
from pymatgen.io.vasp import Poscar

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.reading import read_file
from xtalgraph.crystals.writing import to_cif, to_extxyz, to_poscar, write_cif


def triclinic() -> Crystal:
    rng = np.random.default_rng(0)
    cell = np.diag([4.0, 5.0, 6.0]) + rng.normal(0, 0.4, (3, 3))
    fractional = np.array([[0.1, 0.2, 0.3], [0.61, 0.7, 0.83], [0.5, 0.11, 0.9]])
    return Crystal.from_fractional(cell, fractional, np.array([11, 11, 8]))


def test_what_is_written_is_read_back_to_every_digit(tmp_path):
    crystal = triclinic()
    write_cif(crystal, tmp_path / "a.cif")
    (entry,) = read_file(tmp_path / "a.cif")
    np.testing.assert_array_equal(entry.crystal.numbers, crystal.numbers)
    np.testing.assert_allclose(entry.crystal.fractional, crystal.fractional, atol=1e-14)
    np.testing.assert_allclose(
        entry.crystal.cell @ entry.crystal.cell.T, crystal.cell @ crystal.cell.T, atol=1e-12
    )


def test_pymatgen_reads_the_same_crystal():
    crystal = triclinic()
    (structure,) = CifParser.from_str(to_cif(crystal)).parse_structures(primitive=False)
    expected = to_pymatgen(crystal)
    assert sorted(structure.atomic_numbers) == sorted(expected.atomic_numbers)
    np.testing.assert_allclose(
        np.sort(structure.distance_matrix, axis=None),
        np.sort(expected.distance_matrix, axis=None),
        atol=1e-9,
    )


def test_a_slab_is_not_a_cif():
    crystal = triclinic()
    slab = Crystal(crystal.cell, crystal.positions, crystal.numbers, np.array([True, True, False]))
    with pytest.raises(InputError, match="pbc=TTF"):
        to_cif(slab)


@pytest.mark.parametrize("form", ["POSCAR", "a.extxyz"])
def test_poscar_and_extended_xyz_are_read_back_by_pymatgen_and_by_us(form, tmp_path):
    crystal = triclinic()
    order = [0, 2, 1]
    positions, numbers = crystal.positions[order], crystal.numbers[order]
    mixed = Crystal(crystal.cell, positions, numbers, crystal.pbc)
    text = to_poscar(mixed) if form == "POSCAR" else to_extxyz(mixed)
    (tmp_path / form).write_text(text)
    (entry,) = read_file(tmp_path / form)
    assert sorted(entry.crystal.numbers.tolist()) == [8, 11, 11]
    expected = to_pymatgen(crystal)
    distances = np.sort(expected.distance_matrix, axis=None)
    np.testing.assert_allclose(
        np.sort(to_pymatgen(entry.crystal).distance_matrix, axis=None), distances, atol=1e-6
    )
    if form == "POSCAR":
        read = Poscar.from_str(text).structure
        np.testing.assert_allclose(np.sort(read.distance_matrix, axis=None), distances, atol=1e-9)


def test_what_does_not_repeat_is_no_poscar_and_stays_open_in_extended_xyz(tmp_path):
    slab = Crystal(
        np.diag([3.0, 3.0, 15.0]), np.zeros((1, 3)), np.array([29]), np.array([1, 1, 0], bool)
    )
    with pytest.raises(InputError, match="3 directions, got pbc=TTF"):
        to_poscar(slab)
    (tmp_path / "slab.extxyz").write_text(to_extxyz(slab))
    (entry,) = read_file(tmp_path / "slab.extxyz")
    assert entry.crystal.pbc.tolist() == [True, True, False]
