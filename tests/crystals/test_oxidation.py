"""Oxidation states of textbook compounds."""

import numpy as np
import pytest

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.oxidation import can_be_neutral, oxidation_states
from xtalgraph.data.table import read_table

HALF = [0.5, 0.5, 0.5]


def crystal(edge: float, symbols: str, sites: list[list[float]], pbc=(True, True, True)) -> Crystal:
    numbers = np.array([ATOMIC_NUMBERS[symbol] for symbol in symbols.split()])
    return Crystal.from_fractional(edge * np.eye(3), np.array(sites, dtype=float), numbers, pbc)


def test_perovskites_and_salts():
    perovskite = [[0, 0, 0], HALF, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    cases = {
        "Sr Ti O O O": (3.905, perovskite, [2, 4, -2, -2, -2]),
        "K Nb O O O": (4.02, perovskite, [1, 5, -2, -2, -2]),
        "Cs Cl": (4.12, [[0, 0, 0], HALF], [1, -1]),
    }
    for symbols, (edge, sites, expected) in cases.items():
        assert oxidation_states(crystal(edge, symbols, sites)).tolist() == expected


def test_the_order_of_the_atoms_is_kept():
    salt = read_table("docs/examples-graph/NaCl.cif").crystals[0]
    assert oxidation_states(salt).tolist() == [1 if z == 11 else -1 for z in salt.numbers]


def test_what_has_none_is_refused():
    with pytest.raises(InputError, match=r"no neutral assignment .* for Al: .*Metals have none"):
        oxidation_states(crystal(2.86, "Al", [[0, 0, 0]]))
    with pytest.raises(InputError, match=r"three directions, this one has pbc .*False"):
        oxidation_states(crystal(4.12, "Cs Cl", [[0, 0, 0], HALF], (True, True, False)))


@pytest.mark.parametrize(
    ("numbers", "neutral"),
    [
        ([11, 17], True),
        ([11, 17, 17], False),
        ([38, 22, 8, 8, 8], True),
        ([38, 11, 8, 8, 8], False),  # 2 + 1 - 6
        ([6, 6, 6], True),  # an element
        ([12, 13, 13], True),  # metals alone
        ([2, 8], False),  # helium is no ion
    ],
)
def test_a_composition_is_neutral_if_oxidation_states_can_add_up_to_zero(numbers, neutral):
    assert can_be_neutral(np.array(numbers)) is neutral
