from collections import Counter

import pytest
from pymatgen.core import Composition

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.crystals.cif.formula import agrees, elements, readings


@pytest.mark.parametrize(
    "formula",
    [
        "Ti O2",
        "TiO2",
        "Ca(CO3)",
        "Ca (C O3)",
        "Al2(SO4)3",
        "Fe[CN]6",
        "C47.5 H35 Cl2 O P2 Rh",
        "Mg3 (P O4)2",
        "LiNi0.5Mn1.5O4",
        "U.5 O2",
    ],
)
def test_formulas_are_read_as_pymatgen_reads_them(formula):
    (reading,) = readings(formula)
    expected = Composition(formula.replace(" ", "").replace("[", "(").replace("]", ")"))
    assert dict(reading.amounts) == {
        ATOMIC_NUMBERS[el.symbol]: pytest.approx(amount) for el, amount in expected.items()
    }


def test_a_formula_in_capitals_has_several_readings():
    assert {frozenset(reading.amounts) for reading in readings("SIO2")} == {
        frozenset({14, 8}),
        frozenset({16, 53, 8}),
    }
    assert agrees(Counter({14: 2, 8: 4}), "SIO2", None)
    assert agrees(Counter({16: 2, 53: 2, 8: 4}), "SIO2", None)
    assert not agrees(Counter({14: 2, 8: 2}), "SIO2", None)
    assert elements("SIO2") is None
    assert elements("Si O2") == {14, 8}
    assert elements("TI O2") == {22, 8}


@pytest.mark.parametrize(
    "formula",
    [
        "Cu S O4 . 5H2 O",
        "Fe1-x O",
        "K4[Fe(CN)6]",
        "Na1 +",
        "",
        "?",
        "xyz",
        "((",
        "C9999999999",
        "T O2",
        "A" * 5000,
        "(" * 3000,
        "SI" * 40,
    ],
)
def test_what_cannot_be_compared_agrees_with_everything(formula):
    assert readings(formula) == ()
    assert agrees(Counter({1: 1}), formula, 1.0)


@pytest.mark.parametrize(
    ("amount", "atoms", "good"),
    [
        ("0.33", 1, True),
        ("0.333", 1, True),
        ("0.34", 1, False),
        ("0.3", 1, True),
        ("0.25", 1, False),
    ],
)
def test_a_decimal_is_right_to_its_last_digit(amount, atoms, good):
    assert agrees(Counter({11: atoms, 17: 3}), f"Na{amount} Cl1", 3.0) is good


def test_the_ratio_of_whole_numbers_is_exact():
    assert not agrees(Counter({6: 1000, 1: 1001}), "C H", None)
    assert agrees(Counter({6: 1000, 1: 1000}), "C H", None)


def test_the_formula_may_be_that_of_the_cell():
    assert agrees(Counter({6: 8}), "C8", 8.0)
    assert agrees(Counter({6: 64}), "C8", 8.0)
    assert not agrees(Counter({6: 16}), "C8", 8.0)
    # pymatgen does not reduce peroxides further than K2 O2.
    assert agrees(Counter({19: 4, 8: 4}), "K4 O4", 2.0)
    assert not agrees(Counter({19: 4, 8: 4}), "K4 O4", 3.0)
    assert not agrees(Counter({22: 4, 8: 8}), "Ti2 O4", 4.0)
