"""Representations are the same crystal: the same structure to pymatgen, the same distances."""

import numpy as np
import pytest
from pymatgen.analysis.structure_matcher import StructureMatcher

from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.representations import repeated, representations
from xtalgraph.graphs.distance_lists import DistanceLists
from xtalgraph.testing.crystals import contract_crystals


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", contract_crystals())
def test_they_have_the_same_distances_at_every_atom(name, seed):
    crystal = contract_crystals()[name]
    for one in representations(crystal, np.random.default_rng(seed)):
        np.testing.assert_array_equal(one.crystal.numbers, crystal.numbers[one.origin])
        assert one.copies * len(crystal) == len(one.crystal)
        assert DistanceLists.of(one.crystal).same_as(DistanceLists.of(crystal), 1e-9), one.what


def test_they_are_the_same_structure_to_pymatgen():
    crystal = contract_crystals()["distorted"]
    matcher = StructureMatcher(stol=0.01, scale=False)
    for one in representations(crystal, np.random.default_rng(5)):
        assert matcher.fit(to_pymatgen(one.crystal), to_pymatgen(crystal)), one.what


def test_each_is_what_it_is_called():
    crystal = contract_crystals()["triclinic"]
    found = {one.what: one.crystal for one in representations(crystal, np.random.default_rng(1))}
    side = np.sign(np.linalg.det(crystal.cell))
    assert np.sign(np.linalg.det(found["rotation"].cell)) == side
    assert np.sign(np.linalg.det(found["reflection"].cell)) == -side
    assert not np.allclose(found["translation"].positions, crystal.positions)
    assert not np.array_equal(found["permutation"].numbers, crystal.numbers)
    for what in ("lattice basis", "Niggli cell"):
        np.testing.assert_array_equal(found[what].positions, crystal.positions)
    assert not np.allclose(np.abs(found["lattice basis"].cell), np.abs(crystal.cell))


def test_the_niggli_cell_has_the_shortest_vectors():
    cell = 4.0 * np.eye(3)
    skewed = np.array([[1, 0, 0], [3, 1, 0], [-2, 4, 1]]) @ cell
    crystal = contract_crystals()["cubic"]
    crystal = type(crystal)(skewed, crystal.positions, crystal.numbers, crystal.pbc)
    found = {one.what: one.crystal for one in representations(crystal, np.random.default_rng(1))}
    np.testing.assert_allclose(np.linalg.norm(found["Niggli cell"].cell, axis=1), 4.0)


def test_a_slab_keeps_its_cell_and_a_molecule_is_not_repeated():
    slab = contract_crystals()["slab"]
    ways = [one.what for one in representations(slab, np.random.default_rng(0))]
    assert ways == [
        "translation", "rotation", "reflection", "permutation", "periodic shift", "supercell",
    ]  # fmt: skip
    molecule = type(slab)(slab.cell, slab.positions, slab.numbers, np.zeros(3, bool))
    assert len(list(representations(molecule, np.random.default_rng(0)))) == 4
    assert repeated(slab, np.array([2, 3, 1])).copies == 6
