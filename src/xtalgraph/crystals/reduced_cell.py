"""The reduced cell of a crystal: one choice of the lattice vectors for each lattice."""

import numpy as np
import spglib
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.symmetry import quiet_spglib


def reduced_basis(cell: Float[np.ndarray, "3 3"]) -> Int[np.ndarray, "3 3"] | None:
    """Return Niggli's lattice vectors as whole combinations of others; None if there are none.

    Args:
        cell: Lattice vectors as rows, Å.

    Source: Grosse-Kunstleve et al., Acta Cryst. A60, 1 (2004), doi 10.1107/S010876730302186X, for
    the reduction, which is spglib's.
    """
    with quiet_spglib():
        try:
            reduced = spglib.niggli_reduce(cell)
        except spglib.SpglibError:
            return None
    if reduced is None:
        return None
    return np.rint(np.linalg.solve(cell.T, np.asarray(reduced).T).T).astype(np.int64)


def with_reduced_cell(crystal: Crystal) -> Crystal:
    """Return the same crystal with right-handed lattice vectors as Niggli has them.

    The atoms stay, in their order and at their positions.

    Args:
        crystal: It repeats in all directions.

    Raises:
        InputError: If it does not, or its cell cannot be reduced.

    >>> skewed = np.array([[3.0, 0, 0], [3.0, 3.0, 0], [0, 0, 4.0]])
    >>> copper = Crystal.from_fractional(skewed, np.zeros((1, 3)), np.array([29]))
    >>> np.linalg.norm(with_reduced_cell(copper).cell, axis=1).tolist()
    [3.0, 3.0, 4.0]
    """
    if not crystal.pbc.all():
        raise InputError("it does not repeat in all directions, and has no reduced cell")
    basis = reduced_basis(crystal.cell)
    if basis is None:
        raise InputError("its cell cannot be reduced")
    cell = basis @ crystal.cell
    return crystal.moved(cell if np.linalg.det(cell) > 0 else -cell, crystal.positions)
