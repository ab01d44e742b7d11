"""What a formula alone says: fractions of the elements and statistics of their properties."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.element_table import PROPERTIES, property_of
from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal

STATISTICS: Final[tuple[str, ...]] = ("mean", "deviation", "minimum", "maximum", "range", "mode")
"""Statistics of each property over the atoms of a crystal, in the order of the columns."""
DESCRIBED: Final[tuple[str, ...]] = tuple(n for n in PROPERTIES if n != "common_oxidation_state")
"""The properties of which there are statistics: those that reports have been written with."""


def count_elements(crystals: Sequence[Crystal]) -> Float[np.ndarray, "crystals 119"]:
    """Number of atoms of each element in each crystal, indexed by atomic number.

    Args:
        crystals: Any crystals.

    Returns:
        Whole numbers as float64, fractions where sites are disordered; row sums are the numbers of
        atoms.
    """
    counts = np.zeros((len(crystals), MAX_ATOMIC_NUMBER + 1))
    for row, crystal in enumerate(crystals):
        counts[row] = crystal.amounts
    return counts


def element_fractions(
    counts: Float[np.ndarray, "crystals 119"],
) -> Float[np.ndarray, "crystals 119"]:
    """Share of each element among the atoms.

    Args:
        counts: Atoms of each element, from :func:`count_elements`.

    Returns:
        Rows that sum to 1.

    Raises:
        InputError: A row holds no atoms, or a count below zero.
    """
    counts = np.asarray(counts, dtype=np.float64)
    total = counts.sum(axis=1, keepdims=True)
    bad = np.flatnonzero(~(total[:, 0] > 0) | (counts < 0).any(axis=1))
    if bad.size:
        raise InputError(
            f"every composition must hold at least one atom and no negative count, "
            f"row {bad[0]} does not ({bad.size} such rows); leave it out"
        )
    return counts / total


def composition_features(
    counts: Float[np.ndarray, "crystals 119"],
) -> Float[np.ndarray, "crystals features"]:
    """Features of compositions in the manner of Magpie.

    The columns are: the fractions of the 118 elements; the number of different elements; and for
    each property p of the element table, weighted with the fractions x, the mean p̄ = Σ x p, the
    deviation Σ x |p − p̄|, the minimum, maximum and range over the elements present, and the value
    of the most frequent element (the mean over several that are equally frequent).
    A statistic is NaN where the property of an element present is not known.

    They depend on the fractions alone: NaCl and Na4Cl4 have the same.

    Args:
        counts: Atoms of each element, from :func:`count_elements`.

    Raises:
        InputError: A row holds no atoms, or a count below zero.

    Source: L. Ward et al., npj Comput. Mater. 2, 16028 (2016), doi 10.1038/npjcompumats.2016.28.
    """
    fractions = element_fractions(counts)
    present = fractions > 0
    frequent = np.isclose(fractions, fractions.max(axis=1, keepdims=True), rtol=1e-9, atol=0)
    frequent = frequent / frequent.sum(axis=1, keepdims=True)
    columns = [fractions[:, 1:], present.sum(axis=1, keepdims=True).astype(np.float64)]
    for name in DESCRIBED:
        values = property_of(name)
        unknown = (present & np.isnan(values)).any(axis=1)
        values = np.nan_to_num(values)
        mean = fractions @ values
        deviation = (fractions * np.abs(values - mean[:, None])).sum(axis=1)
        low = np.where(present, values, np.inf).min(axis=1)
        high = np.where(present, values, -np.inf).max(axis=1)
        mode = frequent @ values
        block = np.stack([mean, deviation, low, high, high - low, mode], axis=1)
        block[unknown] = np.nan
        columns.append(block)
    return np.concatenate(columns, axis=1)


def informative_columns(
    features: Float[np.ndarray, "crystals columns"],
) -> Int[np.ndarray, " kept"]:
    """Columns that vary over the rows, each of several equal ones once.

    Args:
        features: One row for each crystal.

    Returns:
        Their places. NaN counts as a value of its own. One column is kept where none varies.
    """
    filled = np.nan_to_num(features, nan=-1e9)
    varies = np.flatnonzero((filled != filled[:1]).any(axis=0))
    if not varies.size:
        return np.zeros(1, dtype=np.int64)
    _, first = np.unique(filled[:, varies], axis=1, return_index=True)
    return varies[np.sort(first)]
