"""Oxidation states of the sites of a crystal, by bond valence."""

import numpy as np
from jaxtyping import Int

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
