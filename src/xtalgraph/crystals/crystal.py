"""The crystal as a value: cell, positions, atomic numbers, periodicity."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.crystals.formulas import formula_of

_LAYOUT: Final[tuple[tuple[str, type, tuple[int, ...]], ...]] = (
    ("cell", np.float64, (3, 3)),
    ("positions", np.float64, (-1, 3)),
    ("numbers", np.int64, (-1,)),
    ("pbc", np.bool_, (3,)),
)


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
        for name, dtype, shape in _LAYOUT:
            array: np.ndarray = np.array(getattr(self, name), dtype=dtype).reshape(shape)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        pbc = "".join("FT"[int(p)] for p in self.pbc)
        return f"Crystal({self.formula}, {len(self)} atoms, pbc={pbc})"

    @cached_property
    def formula(self) -> str:
        """Formula of the cell, not reduced, as chemists order it: ``Na4Cl4``."""
        return formula_of(self.numbers.tolist())

    @cached_property
    def fractional(self) -> Float[np.ndarray, "atoms 3"]:
        """Coordinates in units of the lattice vectors."""
        return np.linalg.solve(self.cell.T, self.positions.T).T

    @property
    def volume(self) -> float:
        """Volume of the cell in Å³, positive for either handedness."""
        return float(abs(np.linalg.det(self.cell)))

    def to_bytes(self) -> bytes:
        """Return number of atoms, cell, positions, atomic numbers and periodicity, little-endian.

        Two crystals have the same bytes if and only if they are the same to the bit.
        """
        arrays = (
            np.array([len(self)], dtype="<i8"),
            self.cell.astype("<f8"),
            self.positions.astype("<f8"),
            self.numbers.astype("<i8"),
            self.pbc,
        )
        return b"".join(array.tobytes() for array in arrays)

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
