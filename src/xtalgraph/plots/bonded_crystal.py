"""What the pictures of a periodic graph are given: a crystal and its bonds, as arrays."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.conventions.errors import InputError


@dataclass(frozen=True, eq=False)
class BondedCrystal:
    """A crystal with the bonds to draw, ``position[neighbor] + image @ cell - position[center]``.

    Raises:
        InputError: When a bond names an atom that does not exist, or crosses a wall along a
            direction that does not repeat.
    """

    cell: Float[np.ndarray, "3 3"]
    """Lattice vectors as rows, Å."""
    positions: Float[np.ndarray, "atoms 3"]
    """Cartesian coordinates, Å."""
    numbers: Int[np.ndarray, " atoms"]
    """Atomic numbers."""
    pbc: Bool[np.ndarray, "3"]
    """Which lattice directions repeat."""
    center: Int[np.ndarray, " bonds"]
    """Atom at which each bond starts."""
    neighbor: Int[np.ndarray, " bonds"]
    """Atom at which it ends."""
    image: Int[np.ndarray, "bonds 3"]
    """In which cell that atom stands, in lattice vectors."""
    classes: Int[np.ndarray, " atoms"] | None = None
    """Symmetry class of each atom, counted from 0; None where it is not known."""

    def __post_init__(self) -> None:
        atoms = len(self.numbers)
        for name, index in (("center", self.center), ("neighbor", self.neighbor)):
            wrong = index[(index < 0) | (index >= atoms)]
            if len(wrong):
                raise InputError(
                    f"{name} of a bond must be an atom between 0 and {atoms - 1}, got {wrong[0]}"
                )
        if (self.image[:, ~self.pbc] != 0).any():
            axes = ", ".join("abc"[axis] for axis in np.flatnonzero(~self.pbc))
            raise InputError(
                f"bonds must not cross the wall along {axes}, which does not repeat; "
                "set pbc there, or take these bonds out"
            )

    @property
    def has_volume(self) -> bool:
        """Whether the lattice vectors span a cell."""
        return abs(float(np.linalg.det(self.cell))) > 1e-9
