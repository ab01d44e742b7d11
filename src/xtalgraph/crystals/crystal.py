"""The crystal as a value: cell, positions, atomic numbers, periodicity."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.conventions.elements import SYMBOLS


@dataclass(frozen=True, eq=False)
class Crystal:
    """One crystal, slab, wire or molecule. The arrays are read-only copies of what was given.

    Args:
        cell: Lattice vectors as rows, in Å. Need not be right-handed.
        positions: Cartesian coordinates in Å; atoms may lie outside the cell.
        numbers: Atomic numbers.
        pbc: Which of the three lattice directions repeat.
    """

    cell: Float[np.ndarray, "3 3"]
    """Lattice vectors as rows, Å."""
    positions: Float[np.ndarray, "atoms 3"]
    """Cartesian coordinates, Å."""
    numbers: Int[np.ndarray, " atoms"]
    """Atomic numbers."""
    pbc: Bool[np.ndarray, "3"]
    """Which lattice directions repeat."""

    def __post_init__(self) -> None:
        shapes = {"cell": (float, (3, 3)), "positions": (float, (-1, 3))}
        shapes |= {"numbers": (np.int64, (-1,)), "pbc": (bool, (3,))}
        for name, (dtype, shape) in shapes.items():
            array = np.array(getattr(self, name), dtype=dtype).reshape(shape)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        return f"Crystal({self.formula}, {len(self)} atoms, pbc={''.join('FT'[int(p)] for p in self.pbc)})"

    @cached_property
    def formula(self) -> str:
        """Unreduced formula in the order in which the elements first appear, e.g. ``Na4Cl4``."""
        counts = Counter(SYMBOLS[z] for z in self.numbers.tolist())
        return "".join(f"{s}{n if n > 1 else ''}" for s, n in counts.items())

    @cached_property
    def fractional(self) -> Float[np.ndarray, "atoms 3"]:
        """Coordinates in units of the lattice vectors."""
        return np.linalg.solve(self.cell.T, self.positions.T).T

    @property
    def volume(self) -> float:
        """Volume of the cell in Å³, positive for either handedness."""
        return float(abs(np.linalg.det(self.cell)))

    @classmethod
    def from_fractional(
        cls,
        cell: Float[np.ndarray, "3 3"],
        fractional: Float[np.ndarray, "atoms 3"],
        numbers: Int[np.ndarray, " atoms"],
        pbc: tuple[bool, bool, bool] = (True, True, True),
    ) -> "Crystal":
        """Build a crystal from coordinates in units of the lattice vectors."""
        cell = np.asarray(cell, dtype=float)
        positions = np.asarray(fractional, dtype=float).reshape(-1, 3) @ cell
        return cls(cell, positions, np.asarray(numbers), np.asarray(pbc))
