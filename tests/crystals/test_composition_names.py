"""Formulas and chemical systems, against pymatgen."""

import numpy as np
import pytest
from pymatgen.core import Composition

from xtalgraph.crystals.composition import chemical_system, reduced_formula
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.transforms import permute, supercell
from xtalgraph.testing.crystals import contract_crystals


@pytest.mark.parametrize("name", contract_crystals())
def test_they_are_those_of_pymatgen(name):
    crystal = contract_crystals()[name]
    theirs = to_pymatgen(crystal).composition
    ours = Composition(reduced_formula(crystal))
    # pymatgen leaves O2 and Cl2 as molecules; per atom both agree.
    assert ours.fractional_composition.almost_equals(theirs.fractional_composition)
    assert chemical_system(crystal) == theirs.chemical_system


def test_cell_and_order_do_not_matter():
    crystal = contract_crystals()["cubic"]
    other = supercell(crystal, (3, 1, 2))
    other = permute(other, np.random.default_rng(0).permutation(len(other)))
    assert reduced_formula(other) == reduced_formula(crystal) == "SrTiO3"
