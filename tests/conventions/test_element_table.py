import csv
import warnings
from importlib.resources import files

import ase.data
import numpy as np
import pytest
from pymatgen.core import Element

from xtalgraph.conventions.element_table import BLOCKS, PROPERTIES, property_of
from xtalgraph.conventions.elements import ATOMIC_NUMBERS, SYMBOLS
from xtalgraph.conventions.errors import ConfigError


def value(name, symbol):
    return property_of(name)[ATOMIC_NUMBERS[symbol]]


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_is_a_read_only_column_over_all_elements(name):
    column = property_of(name)
    assert column.shape == (119,)
    assert column.dtype == np.float64
    assert np.isnan(column[0])
    assert np.isfinite(column[1:]).sum() > 70
    assert not column.flags.writeable


def test_symbols_of_the_file_are_ours():
    text = files("xtalgraph.conventions").joinpath("elements.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert [row["symbol"] for row in rows] == list(SYMBOLS[1:])
    assert list(rows[0]) == ["atomic_number", "symbol", *PROPERTIES]


def test_sodium_chlorine_and_iron():
    expected = {
        "Na": ("s", 1, 3, 1, 0.93, 5.1391, 0.5479),
        "Cl": ("p", 17, 3, 7, 3.16, 12.9676, 3.6127),
        "Fe": ("d", 8, 4, 8, 1.83, 7.9025, 0.151),
    }
    for symbol, (block, group, period, valence, chi, ionization, affinity) in expected.items():
        assert BLOCKS[int(value("block", symbol))] == block
        assert value("group", symbol) == group
        assert value("period", symbol) == period
        assert value("valence_electrons", symbol) == valence
        assert value("electronegativity", symbol) == chi
        assert value("first_ionization_energy", symbol) == pytest.approx(ionization, abs=2e-4)
        assert value("electron_affinity", symbol) == pytest.approx(affinity, abs=2e-3)


def test_radii_of_pyykko_and_atsumi():
    # Table 2 of doi 10.1002/chem.200800987, in pm.
    for symbol, radius in {"H": 32, "C": 75, "O": 63, "Fe": 116, "Cs": 232, "U": 170}.items():
        assert value("covalent_radius", symbol) == pytest.approx(radius / 100)


def test_masses_agree_with_ase():
    assert property_of("atomic_mass")[1:84] == pytest.approx(ase.data.atomic_masses[1:84], rel=2e-4)


def test_places_in_the_periodic_table_agree_with_pymatgen():
    for z in range(1, 119):
        element = Element.from_Z(z)
        assert property_of("period")[z] == element.row
        if BLOCKS[int(property_of("block")[z])] == "f":
            assert np.isnan(property_of("group")[z])
        else:
            assert property_of("group")[z] == element.group
            # pymatgen puts helium, 1s², in the p block and counts La and Ac to the f block.
            if z not in (2, 57, 89):
                assert BLOCKS[int(property_of("block")[z])] == element.block


def test_electronegativities_agree_with_pymatgen_but_for_the_revised_ones():
    # Pauling's own values were revised for a few; the two tables follow different editions.
    revised = {"Tc", "Lu", "W", "Au", "Tl", "Pb", "Bi", "U"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen warns of the noble gases
        theirs = np.array([np.nan] + [Element.from_Z(z).X for z in range(1, 96)])
    ours = property_of("electronegativity")[:96]
    differ = np.abs(ours - theirs) > 0.105
    assert {SYMBOLS[z] for z in np.flatnonzero(differ)} <= revised


def test_electrons_add_up():
    core = dict(zip(range(1, 8), (0, 2, 10, 18, 36, 54, 86), strict=True))
    electrons = sum(property_of(f"{letter}_electrons") for letter in BLOCKS)
    for z in range(1, 119):
        assert electrons[z] == z - core[int(property_of("period")[z])]


def test_volumes_are_those_of_condensed_matter():
    volume = property_of("atomic_volume")[1:]
    assert volume.min() > 4
    assert volume.max() < 120
    # Liquid argon 1.396 g/cm³ at 87.3 K; sodium 0.968 g/cm³.
    assert value("atomic_volume", "Ar") == pytest.approx(39.95 / 1.396, rel=0.01)
    assert value("atomic_volume", "Na") == pytest.approx(22.99 / 0.968, rel=0.01)


def test_what_is_not_known_is_nan():
    for symbol in ("He", "Ne", "Mg", "Zn", "N"):
        assert np.isnan(value("electron_affinity", symbol))
    assert np.isnan(value("electronegativity", "Ar"))
    assert np.isnan(value("melting_point", "C"))


def test_melting_points_are_of_the_stable_form():
    for symbol, kelvin in {"Sn": 505.1, "S": 388.4, "Fe": 1811, "W": 3687}.items():
        assert value("melting_point", symbol) == pytest.approx(kelvin, rel=3e-3)


def test_unknown_property_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'electronegativity'"):
        property_of("electronegativty")
    with pytest.raises(ConfigError, match="known are group"):
        property_of("zzz")


def test_the_common_oxidation_state_is_the_textbook_one():
    expected = {"Na": 1, "Ca": 2, "Al": 3, "Ti": 4, "Nb": 5, "W": 6, "O": -2, "Cl": -1, "Fe": 3}
    expected |= {"H": 1, "Si": 4, "S": -2, "N": -3, "Pb": 2, "La": 3, "U": 6}
    for symbol, state in expected.items():
        assert value("common_oxidation_state", symbol) == state
    for symbol in ("He", "Ar", "Pt", "Og"):  # none, or several and no counts
        assert np.isnan(value("common_oxidation_state", symbol))


def test_the_common_oxidation_state_is_one_that_pymatgen_knows():
    for z in range(1, 119):
        state = property_of("common_oxidation_state")[z]
        if np.isfinite(state):
            element = Element.from_Z(z)
            assert state in {*element.oxidation_states, *element.common_oxidation_states}
