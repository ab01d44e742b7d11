"""What disordered sites hold: one value, whatever the order in which it was said."""

import numpy as np
import pytest
from pymatgen.core import Composition, Lattice, Structure

from xtalgraph.conventions.errors import DisorderError, InputError
from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.composition import (
    chemical_system,
    composition_key,
    held_by,
    reduced_formula,
)
from xtalgraph.crystals.convert import from_pymatgen, from_pymatgen_dict, to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.occupancies import occupancies_of
from xtalgraph.crystals.transforms import permute, supercell
from xtalgraph.crystals.writing import to_cif

FCC = 2.98 * (1 - np.eye(3))
SITES = np.array([[0.0, 0, 0], [2.98, 2.98, 2.98]])


def salt(*held) -> Crystal:
    return Crystal.from_sites(FCC, SITES, held)


def test_full_occupancy_is_the_ordered_crystal_to_the_bit():
    ordered = Crystal(FCC, SITES, np.array([11, 17]), np.ones(3, dtype=bool))
    full = salt({11: 1.0}, {17: 1.0, 35: 0.0})
    assert full.occupancies is None
    assert full.to_bytes() == ordered.to_bytes()
    assert full.amounts.tolist() == np.bincount([11, 17], minlength=119).tolist()


def test_the_order_of_species_does_not_matter():
    one, other = salt({11: 0.3, 19: 0.7}, {17: 1.0}), salt({19: 0.7, 11: 0.3}, {17: 1.0})
    assert one.to_bytes() == other.to_bytes()
    assert one.to_bytes() != salt({11: 0.4, 19: 0.6}, {17: 1.0}).to_bytes()


def test_amounts_and_formulas_are_those_of_pymatgen():
    crystal = supercell(salt({11: 0.25, 19: 0.5}, {17: 0.9, 35: 0.1}), (2, 1, 1))
    theirs: Composition = to_pymatgen(crystal).composition
    assert {z: crystal.amounts[z] for z in crystal.elements} == pytest.approx(
        {element.Z: amount for element, amount in theirs.items()}
    )
    assert crystal.num_atoms == pytest.approx(theirs.num_atoms)
    assert salt({11: 0.5, 19: 0.5}, {17: 1.0}).formula == "K0.5Na0.5Cl"
    assert reduced_formula(crystal) == "K0.5Na0.25Br0.1Cl0.9"
    assert chemical_system(crystal) == "Br-Cl-K-Na"
    assert held_by(crystal) == {"Br", "Cl", "K", "Na", "vacancy"}


def test_a_composition_has_one_key_in_any_cell_and_is_not_that_of_an_ordered_compound():
    half = salt({11: 0.5, 19: 0.5}, {17: 1.0})
    assert composition_key(half) == composition_key(supercell(half, (2, 2, 2)))
    assert composition_key(half) != composition_key(salt({11: 0.4, 19: 0.6}, {17: 1.0}))
    assert composition_key(half) != composition_key(salt({11: 1.0}, {17: 1.0}))


def test_rounded_thirds_are_a_full_site_and_a_deficit_is_a_vacancy():
    _, held = occupancies_of([{29: 0.333, 79: 0.333, 47: 0.333}])
    assert held is not None
    assert held.species.tolist() == [29, 47, 79]
    assert held.share.sum() == pytest.approx(1, abs=1e-15)
    _, held = occupancies_of([{29: 0.333, 79: 0.5}])
    assert held is not None
    assert held.species.tolist() == [0, 29, 79]
    assert held.share == pytest.approx([0.167, 0.333, 0.5])


@pytest.mark.parametrize(
    ("held", "match"),
    [
        ({11: 0.7, 19: 0.6}, "site 0 add up to 1.3, which is more than 1: Na0.7 K0.6"),
        ({11: -0.1, 19: 0.6}, "an occupancy is a number from 0 to 1"),
        ({11: float("nan")}, "an occupancy is a number from 0 to 1"),
        ({11: 0.0}, "site 0 is empty"),
    ],
)
def test_what_cannot_be_is_refused(held, match):
    with pytest.raises(InputError, match=match):
        occupancies_of([held])


def test_what_needs_one_atom_on_each_site_says_so():
    crystal = salt({11: 0.5, 19: 0.5}, {17: 1.0})
    with pytest.raises(DisorderError, match=r"partial occupancy: site 0 holds Na0.5 K0.5"):
        _ = crystal.numbers
    assert find_problem(crystal) is None
    assert crystal.site_numbers.tolist() == [0, 17]
    assert crystal.site_labels == ["K0.5Na0.5", "Cl"]


def test_transforms_carry_the_mixtures():
    crystal = salt({11: 0.25, 19: 0.75}, {17: 0.5})
    turned = permute(crystal, np.array([1, 0]))
    assert turned.site_labels == ["Cl0.5", "K0.75Na0.25"]
    large = supercell(crystal, np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]]))
    assert large.site_labels == crystal.site_labels * 2
    assert large.amounts == pytest.approx(2 * crystal.amounts)


def test_there_and_back_through_pymatgen_and_its_dictionary():
    structure = Structure(
        Lattice(FCC), [{"Na+": 0.5, "K+": 0.25}, "Cl-"], SITES, coords_are_cartesian=True
    )
    crystal = from_pymatgen(structure, "mix")
    assert crystal.to_bytes() == salt({11: 0.5, 19: 0.25}, {17: 1.0}).to_bytes()
    again = from_pymatgen_dict(to_pymatgen(crystal).as_dict(), "mix")
    assert again.to_bytes() == crystal.to_bytes()
    for read in (from_pymatgen, lambda one: from_pymatgen_dict(one.as_dict())):
        with pytest.raises(InputError, match=r"partial occupancy.*--disorder mix"):
            read(structure)


def test_two_charges_of_one_element_are_one_full_site():
    structure = Structure(Lattice.cubic(4), [{"Fe2+": 0.5, "Fe3+": 0.5}], [[0, 0, 0]])
    assert from_pymatgen(structure).numbers.tolist() == [26]


def test_a_written_cif_is_read_back_by_pymatgen(tmp_path):
    path = tmp_path / "mixed.cif"
    path.write_text(to_cif(salt({11: 0.25, 19: 0.5}, {17: 1.0})), encoding="utf-8")
    theirs = Structure.from_file(path)
    assert theirs.composition.almost_equals(Composition({"Na": 0.25, "K": 0.5, "Cl": 1}))
