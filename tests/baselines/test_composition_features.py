import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pymatgen.core import Composition, Element

from xtalgraph.baselines.composition_features import (
    DESCRIBED,
    STATISTICS,
    composition_features,
    count_elements,
    element_fractions,
)
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal

FIRST_PROPERTY = 119  # after 118 fractions and the number of elements


def counts_of(*formulas):
    counts = np.zeros((len(formulas), 119))
    for row, formula in enumerate(formulas):
        for symbol, amount in Composition(formula).get_el_amt_dict().items():
            counts[row, Element(symbol).Z] = amount
    return counts


def statistics(formula, name):
    start = FIRST_PROPERTY + DESCRIBED.index(name) * len(STATISTICS)
    return composition_features(counts_of(formula))[0, start : start + len(STATISTICS)]


def test_counts_are_those_of_the_crystal():
    cell, positions = 6 * np.eye(3), np.arange(15).reshape(5, 3) / 3
    perovskite = Crystal(cell, positions, np.array([38, 22, 8, 8, 8]), np.ones(3, dtype=bool))
    salt = Crystal(cell, positions[:2], np.array([11, 17]), np.ones(3, dtype=bool))
    assert (count_elements([perovskite, salt]) == counts_of("SrTiO3", "NaCl")).all()
    assert count_elements([]).shape == (0, 119)


def test_statistics_of_titania_by_hand():
    # Pauling electronegativities Ti 1.54, O 3.44; x = 1/3, 2/3
    mean = (1.54 + 2 * 3.44) / 3
    deviation = ((mean - 1.54) + 2 * (3.44 - mean)) / 3
    expected = [mean, deviation, 1.54, 3.44, 1.90, 3.44]
    assert statistics("TiO2", "electronegativity") == pytest.approx(expected)


def test_mode_of_equally_frequent_elements_is_their_mean():
    assert statistics("NaCl", "electronegativity")[-1] == pytest.approx((0.93 + 3.16) / 2)


def test_mean_mass_agrees_with_pymatgen():
    for formula in ("SrTiO3", "Fe2O3", "CsPbI3"):
        composition = Composition(formula)
        assert statistics(formula, "atomic_mass")[0] == pytest.approx(
            composition.weight / composition.num_atoms, rel=1e-4
        )


def test_unknown_property_is_nan_only_where_the_element_is_present():
    assert np.isnan(statistics("XeF2", "electron_affinity")).all()
    assert np.isnan(statistics("ZnO", "electron_affinity")).all()
    assert np.isfinite(statistics("NaF", "electron_affinity")).all()


def test_one_element_has_no_spread():
    features = composition_features(counts_of("Si8"))[0]
    assert features[13] == 1.0  # the column of Z = 14
    assert features[118] == 1.0
    mean, deviation, low, high, std, mode = statistics("Si8", "covalent_radius")
    assert mean == low == high == mode == pytest.approx(1.16)
    assert deviation == pytest.approx(0, abs=1e-12)
    assert std == 0.0


@given(arrays(int, (3, 118), elements=st.integers(0, 2)), st.integers(2, 9))
def test_supercells_have_the_same_features(atoms, multiple):
    counts = np.zeros((3, 119))
    counts[:, 1:] = atoms
    counts[:, 8] += 1
    np.testing.assert_allclose(
        composition_features(multiple * counts),
        composition_features(counts),
        rtol=1e-10,
        atol=1e-10,
    )


def test_crystals_without_atoms_are_refused():
    with pytest.raises(InputError, match="row 1"):
        element_fractions(np.concatenate([counts_of("NaCl"), np.zeros((1, 119))]))
    with pytest.raises(InputError, match="row 0"):
        composition_features(-counts_of("NaCl"))
