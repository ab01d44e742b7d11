import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.species import number_of_label, number_of_symbol


@pytest.mark.parametrize(
    ("symbol", "number"),
    [
        ("Fe", 26),
        ("FE", 26),
        ("fe", 26),
        ("Fe3+", 26),
        ("O2-", 8),
        ("O-2", 8),
        ("Cl0+", 17),
        ("V5+", 23),
        ("D", 1),
        ("Fe2.5+", 26),
    ],
)
def test_symbols(symbol, number):
    assert number_of_symbol(symbol) == number


@pytest.mark.parametrize("symbol", ["", "?", "Wat", "Xx", "3+", "X", "OH", "CN", "NH4", "OG"])
def test_what_is_no_element(symbol):
    with pytest.raises(InputError, match="not an element"):
        number_of_symbol(symbol)


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("Fe1", 26),
        ("O", 8),
        ("O12A", 8),
        ("OW1", 8),
        ("Ca2", 20),
        ("C1A", 6),
        ("MG1", 12),
        ("FE2", 26),
        ("SI1", 14),
        ("Ow1", 8),
        ("Hw1", 1),
        ("Na+", 11),
        ("CuA", 29),
        ("H1", 1),
        ("D2", 1),
    ],
)
def test_labels(label, number):
    assert number_of_label(label) == number


@pytest.mark.parametrize("symbol", ["CO3", "NO3", "PO4", "NP2"])
def test_symbols_that_may_be_groups(symbol):
    with pytest.raises(InputError, match="a group of"):
        number_of_symbol(symbol)
    assert number_of_symbol(f"{symbol}+") == number_of_symbol(symbol[:2])


@pytest.mark.parametrize("label", ["CA1", "CO2", "HO1", "SB1", "PO1", "BA2"])
def test_labels_that_could_mean_two_elements(label):
    with pytest.raises(InputError, match="could mean"):
        number_of_label(label)


@pytest.mark.parametrize(
    ("label", "elements", "number"),
    [("CA1", {20, 8}, 20), ("CA1", {6, 8}, 6), ("SB1", {51}, 51), ("FE1", {9}, 9)],
)
def test_the_elements_of_the_crystal_decide(label, elements, number):
    assert number_of_label(label, frozenset(elements)) == number


@pytest.mark.parametrize("label", ["CA1", "CO2"])
@pytest.mark.parametrize("elements", [{20, 27, 6}, {8}])
def test_both_elements_or_none_do_not_decide(label, elements):
    with pytest.raises(InputError, match="could mean"):
        number_of_label(label, frozenset(elements))


@pytest.mark.parametrize("label", ["Wat1", "1", "", "Q1", "Xx2", "T1", "Cn1", "Hs1", "Og", "TX"])
def test_labels_that_mean_none(label):
    with pytest.raises(InputError, match="does not begin with"):
        number_of_label(label)
