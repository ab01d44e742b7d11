import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.io import write
from pymatgen.core import Composition, DummySpecies, Lattice, Species, Structure

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.ase_database import read_ase_database
from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.convert import (
    from_any,
    from_ase,
    from_pymatgen,
    from_pymatgen_dict,
    to_ase,
    to_pymatgen,
)
from xtalgraph.crystals.extxyz import read_extxyz
from xtalgraph.crystals.transforms import supercell

LATTICE = Lattice.from_parameters(4.0, 5.0, 6.0, 80.0, 95.0, 110.0)
SPECIES = ["Na", "Cl", "D"]
SITES = [[0.0, 0.1, 0.2], [0.5, -0.3, 1.7], [0.9, 0.4, 0.6]]


def structure() -> Structure:
    return Structure(LATTICE, SPECIES, SITES)


def assert_same(crystal, expected: Structure) -> None:
    np.testing.assert_allclose(crystal.cell, expected.lattice.matrix, atol=1e-12)
    np.testing.assert_allclose(crystal.positions, expected.cart_coords, atol=1e-12)
    assert crystal.numbers.tolist() == [site.specie.Z for site in expected]
    assert tuple(crystal.pbc.tolist()) == tuple(expected.lattice.pbc)


def test_pymatgen_there_and_back():
    crystal = from_pymatgen(structure())
    assert_same(crystal, structure())
    assert_same(crystal, to_pymatgen(crystal))


def test_periodicity_survives_pymatgen():
    slab = Structure(Lattice(LATTICE.matrix, pbc=(True, True, False)), SPECIES, SITES)
    assert_same(from_pymatgen(slab), slab)
    assert tuple(to_pymatgen(from_pymatgen(slab)).lattice.pbc) == (True, True, False)


def test_initial_charges_come_and_go_with_atoms_of_ase(tmp_path):
    charges = np.array([2.0, -1.5, -0.5])
    atoms = Atoms("FeOCl", 2.0 * np.eye(3), cell=[5.0, 6.0, 7.0], pbc=True, charges=charges)
    crystal = from_ase(atoms)
    np.testing.assert_array_equal(to_ase(crystal).get_initial_charges(), charges)
    moved = crystal.moved(crystal.cell, crystal.positions + 1.0)
    twice = supercell(moved, (2, 1, 1)).charges
    np.testing.assert_array_equal(np.sort(twice), np.sort(np.repeat(charges, 2)))
    assert not crystal.charges.flags.writeable
    assert crystal.to_bytes() != dataclasses.replace(crystal, charges=None).to_bytes()
    write(tmp_path / "a.db", atoms)
    (entry,) = read_ase_database(tmp_path / "a.db")
    np.testing.assert_array_equal(entry.crystal.charges, charges)
    write(tmp_path / "a.extxyz", atoms)
    lines = (tmp_path / "a.extxyz").read_text().splitlines(keepends=True)
    (entry,) = read_extxyz(iter(lines))
    np.testing.assert_array_equal(entry.crystal.charges, charges)
    lines[1] = lines[1].replace("initial_charges:R:1", "initial_charges:S:1")
    (entry,) = read_extxyz(iter(lines))
    assert "initial_charges must be a column of one number for each atom" in entry.reason
    assert "the charge nan, no finite number" in find_problem(
        dataclasses.replace(crystal, charges=np.array([np.nan, 1.0, -1.0]))
    )


def test_charges_are_left_behind():
    charged = structure()
    charged.replace(0, Species("Na", 1))
    charged.replace(1, Species("Cl", -1))
    assert from_pymatgen(charged).numbers.tolist() == [11, 17, 1]
    assert from_pymatgen_dict(charged.as_dict()).numbers.tolist() == [11, 17, 1]


@pytest.mark.parametrize("species", [{"Na": 0.5}, {"Na": 0.5, "K": 0.5}])
def test_partial_occupancy_is_refused(species):
    partial = Structure(LATTICE, [Composition(species), "Cl"], SITES[:2])
    for convert, item in ((from_pymatgen, partial), (from_pymatgen_dict, partial.as_dict())):
        with pytest.raises(InputError, match=r"partial occupancy: site 0 holds Na0\.5"):
            convert(item)


def test_dummies_are_refused():
    dummy = Structure(LATTICE, [DummySpecies("X"), "Cl"], SITES[:2])
    for convert, item in ((from_pymatgen, dummy), (from_pymatgen_dict, dummy.as_dict())):
        with pytest.raises(InputError, match="is not an element"):
            convert(item)


def test_dictionaries_of_pymatgen():
    data = structure().as_dict()
    assert_same(from_pymatgen_dict(data), structure())
    for site in data["sites"]:
        site.pop("xyz", None)
    data["lattice"].pop("pbc", None)
    assert_same(from_pymatgen_dict(data), structure())
    for site, position in zip(data["sites"], structure().cart_coords, strict=True):
        del site["abc"]
        site["xyz"] = position.tolist()
    assert_same(from_pymatgen_dict(data), structure())


def test_a_dictionary_with_lengths_and_angles_only():
    data = structure().as_dict()
    del data["lattice"]["matrix"]
    crystal = from_pymatgen_dict(data)
    np.testing.assert_allclose(
        to_pymatgen(crystal).distance_matrix, structure().distance_matrix, atol=1e-9
    )


@pytest.mark.parametrize("missing", ["lattice", "sites"])
def test_dictionaries_that_are_something_else(missing):
    data = structure().as_dict()
    del data[missing]
    with pytest.raises(InputError, match=f"not a pymatgen structure dictionary: '{missing}'"):
        from_pymatgen_dict(data)


@pytest.mark.parametrize(
    "atoms", [bulk("NaCl", "rocksalt", a=5.64), fcc111("Cu", (2, 2, 3), vacuum=8.0)]
)
def test_ase_there_and_back(atoms):
    back = to_ase(from_ase(atoms))
    np.testing.assert_array_equal(back.numbers, atoms.numbers)
    np.testing.assert_array_equal(back.positions, atoms.positions)
    np.testing.assert_array_equal(back.cell.array, atoms.cell.array)
    np.testing.assert_array_equal(back.pbc, atoms.pbc)


def test_molecules_get_a_cell_that_can_be_inverted():
    crystal = from_ase(molecule("H2O"))
    assert not crystal.pbc.any()
    np.testing.assert_array_equal(crystal.cell, np.eye(3))
    wire = from_ase(Atoms("H", cell=[2.0, 0, 0], pbc=[True, False, False]))
    assert np.linalg.matrix_rank(wire.cell) == 3


def test_a_direction_that_repeats_needs_a_vector():
    with pytest.raises(InputError, match="direction c repeats"):
        from_ase(Atoms("H", cell=[2.0, 2.0, 0], pbc=True))


def test_any_of_them():
    crystal = from_pymatgen(structure())
    assert from_any(crystal) is crystal
    for item in (structure(), structure().as_dict(), to_ase(crystal)):
        np.testing.assert_allclose(from_any(item).positions, crystal.positions, atol=1e-12)
    with pytest.raises(InputError, match="cannot make a crystal of int"):
        from_any(3)


def test_inputs_are_not_shared():
    atoms = bulk("Cu")
    crystal = from_ase(atoms)
    atoms.positions += 1.0
    np.testing.assert_array_equal(crystal.positions, 0.0)
