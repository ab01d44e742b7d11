"""Anions, against bond valences, and on crystals whose anions everybody knows."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.oxidation import oxidation_states
from xtalgraph.data.table import read_table
from xtalgraph.graphs.anions import ANIONS, FAMILIES, anion_family, family_named

PHONONS = Path(__file__).parents[3] / "shared" / "data" / "matbench_phonons.json.gz"


@pytest.mark.parametrize(
    ("crystal", "family"),
    [
        (bulk("MgO", "rocksalt", a=4.21), "O"),
        (bulk("GaN", "wurtzite", a=3.19), "N"),
        (bulk("SiC", "zincblende", a=4.36), "C"),
        (bulk("Cu"), "none"),
        (bulk("Si"), "none"),
        (bulk("Ar", "fcc", a=5.3), "none"),
        (bulk("CuZn", "cesiumchloride", a=2.95), "none"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.symbols),
)
def test_known_crystals(crystal, family):
    assert anion_family(from_ase(crystal)) == family


def test_the_carbon_of_a_carbonate_is_no_anion_and_an_oxyfluoride_has_two():
    linear = np.array([[0, 0, 0], [0, 0, 1.28], [0, 1.11, -0.64], [0, -1.11, -0.64], [3.2, 0, 0]])
    calcite = Crystal(7.0 * np.eye(3), linear, np.array([6, 8, 8, 8, 20]), np.ones(3, bool))
    assert anion_family(calcite) == "O"
    sites = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    mixed = Crystal.from_fractional(4.0 * np.eye(3), sites, np.array([56, 22, 8, 8, 9]))
    assert anion_family(mixed) == "F-O"


@pytest.mark.skipif(not PHONONS.is_file(), reason=f"{PHONONS} is not there")
def test_they_are_the_negative_ions_of_bond_valence():
    """Two independent rules: electronegativities of neighbours, and bond valence sums."""
    agree = known = 0
    for crystal in read_table(PHONONS).crystals[::16]:
        try:
            charges = oxidation_states(crystal)
        except InputError:  # a metal
            continue
        negative = {SYMBOLS[z] for z in crystal.numbers[charges < 0].tolist()}
        known += 1
        agree += anion_family(crystal) == "-".join(sorted(negative))
    assert known > 50
    assert agree / known > 0.95


def test_families_have_names():
    assert family_named("nitride") == "N"
    assert family_named("oxyfluoride") == family_named("O-F") == "F-O"
    assert set("-".join(FAMILIES.values()).split("-")) <= {*ANIONS, "none"}
    with pytest.raises(ConfigError, match="there is no family 'nitrid'; did you mean 'nitride'"):
        family_named("nitrid")
