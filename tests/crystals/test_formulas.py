"""Formulas against pymatgen, on drawn compositions, all pairs of elements and its special cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition

from xtalgraph.conventions.elements import ATOMIC_NUMBERS, SYMBOLS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.formulas import (
    ELECTRONEGATIVITY,
    formula_of,
    formula_parts,
    reduced_formula_of,
)
from xtalgraph.crystals.writing import to_cif


def numbers_of(formula):
    counts = Composition(formula).get_el_amt_dict()
    return [ATOMIC_NUMBERS[symbol] for symbol, count in counts.items() for _ in range(int(count))]


def check(formula):
    numbers, theirs = numbers_of(formula), Composition(formula)
    assert reduced_formula_of(numbers) == theirs.reduced_formula
    assert [
        f"{symbol}{count}" for symbol, count in formula_parts(numbers)
    ] == theirs.formula.split()


# Anions in brackets, peroxides, molecules of two atoms, hydrogen, elements without a value.
SPECIAL = """
NbO3Rb FO2TaTl Ca3P2O8 Fe4S6O24 Na2Cl2 LiO Li2O2 KO HO H4O4 O N3 F8 Cl Br2 Cu4 CsO Cs2O RbO NaO
H2O BH4Na C6H6 CH4 HCl NH4Cl N2H8SO4 Al2Si4O12 XeF2 XeO3 He HeNa2 LiHe Og KrF2 C124N SiC SiH4
GeS PN CuAu3 Mg17Al12 Ti2O4 La2CuO4 YBa2Cu3O7 H12Al2O12 Si2 UO2 Fm Rf2O4
"""
pytestmark = pytest.mark.filterwarnings("ignore:No Pauling electronegativity")


@pytest.mark.parametrize("formula", SPECIAL.split())
def test_formulas_are_those_of_pymatgen(formula):
    check(formula)


def test_drawn_formulas_are_those_of_pymatgen():
    draw = np.random.default_rng(0)
    for _ in range(1500):
        elements = draw.choice(np.arange(1, 104), size=draw.integers(1, 6), replace=False)
        counts = draw.choice([1, 2, 2, 3, 4, 6, 8, 12], size=len(elements))
        check("".join(f"{SYMBOLS[z]}{n}" for z, n in zip(elements, counts, strict=True)))


def test_what_chemists_write():
    assert reduced_formula_of(numbers_of("NbO3Rb")) == "RbNbO3"
    assert formula_of(numbers_of("Cl4Na4")) == "Na4Cl4"
    assert formula_of([]) == reduced_formula_of([]) == ""


def test_the_order_of_atoms_does_not_matter():
    numbers = numbers_of("La2CuO4Sr2")
    assert formula_of(numbers[::-1]) == formula_of(numbers) == "Sr2La2CuO4"


def test_the_last_elements_have_no_value():
    assert set(range(1, 104)) - set(ELECTRONEGATIVITY) == {2, 10, 18}


def test_files_and_crystals_have_the_same_order():
    crystal = Crystal.from_fractional(
        np.eye(3) * 4, np.arange(15.0).reshape(5, 3) / 15, np.array([8, 8, 8, 41, 37])
    )
    assert repr(crystal).startswith("Crystal(RbNbO3, ")
    assert "_chemical_formula_sum 'Rb1 Nb1 O3'" in to_cif(crystal)


def test_formulas_of_all_perovskites_are_those_of_the_file():
    path = Path(__file__).parents[3] / "shared" / "data" / "perovskites.csv.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    formulas = pd.read_csv(path, usecols=["formula"])["formula"]  # written by pymatgen
    assert [reduced_formula_of(numbers_of(text)) for text in formulas] == formulas.tolist()
