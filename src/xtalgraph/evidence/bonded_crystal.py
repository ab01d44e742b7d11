"""A crystal with the bonds of its first shells, as the pictures take it and as a run keeps it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.summary import bonds_of
from xtalgraph.plots.crystal_drawing import BondedCrystal


def with_bonds(crystal: Crystal, classes: Int[np.ndarray, " atoms"] | None = None) -> BondedCrystal:
    """Return a crystal with the bonds of its first shells; a mixture is drawn as its main element.

    Args:
        crystal: To be drawn.
        classes: Symmetry class of each atom, counted from 0; None where it is not known.

    >>> caesium_chloride = Crystal.from_fractional(
    ...     4.12 * np.eye(3), np.array([[0.0] * 3, [0.5] * 3]), np.array([55, 17])
    ... )
    >>> np.bincount(with_bonds(caesium_chloride).center).tolist()
    [8, 8]
    """
    bonds = bonds_of(crystal)
    return BondedCrystal(
        cell=crystal.cell,
        positions=crystal.positions,
        numbers=crystal.main_numbers,
        pbc=crystal.pbc,
        center=bonds.center,
        neighbor=bonds.neighbor,
        image=bonds.image,
        classes=classes,
    )


def to_plain(drawn: BondedCrystal) -> dict[str, Any]:
    """Return what `from_plain` reads, without symmetry classes: lists of numbers, for JSON.

    Args:
        drawn: A crystal; each of its bonds becomes center, neighbor and the three of the image.
    """
    return {
        "cell": drawn.cell.tolist(),
        "positions": drawn.positions.tolist(),
        "numbers": drawn.numbers.tolist(),
        "pbc": drawn.pbc.tolist(),
        "bonds": np.column_stack([drawn.center, drawn.neighbor, drawn.image]).tolist(),
    }


def from_plain(plain: Mapping[str, Any]) -> BondedCrystal:
    """Return the crystal that `to_plain` wrote; an `InputError` if a bond names no atom."""
    bonds = np.array(plain["bonds"], dtype=np.int64).reshape(-1, 5)
    return BondedCrystal(
        cell=np.array(plain["cell"], dtype=float).reshape(3, 3),
        positions=np.array(plain["positions"], dtype=float).reshape(-1, 3),
        numbers=np.array(plain["numbers"], dtype=np.int64),
        pbc=np.array(plain["pbc"], dtype=bool),
        center=bonds[:, 0],
        neighbor=bonds[:, 1],
        image=bonds[:, 2:],
    )
