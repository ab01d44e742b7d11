"""Oxidation states of the sites of a crystal, by bond valence, and of a composition."""

from functools import lru_cache

import numpy as np
from jaxtyping import Int

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.symmetry import quiet_spglib


def oxidation_states(crystal: Crystal) -> Int[np.ndarray, " atoms"]:
    """Assign whole oxidation states that add up to zero, most probable by bond valence sums.

    It is pymatgen's analysis: bond valence sums after O'Keeffe and Brese give each site the chances
    of its oxidation states in the ICSD, and the most likely assignment that is neutral is taken.
    Sites that symmetry makes equal get the same state. Ions have such states; metals and most
    intermetallic compounds have none.

    Args:
        crystal: Repeating in all three directions.

    Returns:
        One for each atom, in units of the elementary charge.

    Raises:
        InputError: If a direction does not repeat, or no neutral assignment was found.

    Source: O'Keeffe and Brese, J. Am. Chem. Soc. 113, 3226 (1991), doi 10.1021/ja00009a002.
    """
    from pymatgen.core.bond_valence import BVAnalyzer

    if not crystal.pbc.all():
        raise InputError(
            "oxidation states are found by the symmetry of a crystal that repeats in three "
            f"directions, this one has pbc {crystal.pbc.tolist()}"
        )
    structure = to_pymatgen(crystal)
    try:
        with quiet_spglib():
            valences = BVAnalyzer().get_valences(structure)
    except (ValueError, KeyError) as error:
        raise InputError(
            f"no neutral assignment of oxidation states was found for "
            f"{structure.composition.reduced_formula}: {error} Metals have none"
        ) from error
    return np.array(valences, dtype=np.int64)


def can_be_neutral(numbers: Int[np.ndarray, " atoms"]) -> bool:
    """Whether atoms can be ions whose charges add up to zero, or are elements or metals alone.

    Every element takes one oxidation state of those that pymatgen has from the ICSD.

    Args:
        numbers: Atomic numbers.

    >>> can_be_neutral(np.array([11, 17])), can_be_neutral(np.array([11, 17, 17]))
    (True, False)
    """
    elements, counts = np.unique(numbers, return_counts=True)
    return _neutral(tuple(zip(elements.tolist(), counts.tolist(), strict=True)))


@lru_cache(maxsize=100_000)
def _neutral(amounts: tuple[tuple[int, int], ...]) -> bool:
    from pymatgen.core import Element

    elements = [Element(SYMBOLS[z]) for z, _ in amounts]
    if len(elements) == 1 or all(element.is_metal for element in elements):
        return True
    charges = {0}
    for element, (_, count) in zip(elements, amounts, strict=True):
        states = element.icsd_oxidation_states or element.common_oxidation_states
        charges = {charge + count * state for charge in charges for state in states}
    return 0 in charges
