"""Perovskite crystals: ideal supercells, the ordering of their ions, tilts, strain and rattling."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.crystals.crystal import Crystal


@dataclass(frozen=True, eq=False)
class Perovskite:
    """Ideal sites of a cubic perovskite in a supercell, in units of its lattice constant.

    The rows of each array run over the cells; site X i lies half a lattice constant from B
    along the axis i.
    """

    shape: tuple[int, int, int]
    """Number of 5-atom cells along each axis."""

    @property
    def cells(self) -> Int[np.ndarray, "cells 3"]:
        """Position of each 5-atom cell in the supercell."""
        return np.array(list(product(*map(range, self.shape))))

    @property
    def num_cells(self) -> int:
        """Number of 5-atom cells."""
        return int(np.prod(self.shape))

    def sites(self) -> tuple[Float[np.ndarray, "cells 3"], ...]:
        """Sites A, B, and X along the first, second and third axis."""
        b = self.cells.astype(float)
        return (b + 0.5, b, *(b + 0.5 * axis for axis in np.eye(3)))

    def tilts(
        self, angles: Float[np.ndarray, "3"], in_phase: Bool[np.ndarray, "3"]
    ) -> Float[np.ndarray, "axes cells 3"]:
        """Displacements of the X sites that rotate the octahedra (Glazer's tilts).

        Neighbouring octahedra turn in opposite senses in the plane across the axis; along the
        axis they turn in the same sense (in phase) or in opposite ones. An axis along which the
        supercell does not close the pattern is left untilted.

        Args:
            angles: Angle of rotation about each axis, rad; small.
            in_phase: Whether the octahedra along each axis turn in phase.

        Returns:
            For the X sites along each axis, the displacement in lattice constants.

        Source:
            A. M. Glazer, Acta Cryst. B28, 3384 (1972), doi 10.1107/S0567740872007976.
        """
        even = np.array(self.shape) % 2 == 0
        moves = np.zeros((3, self.num_cells, 3))
        for axis in range(3):
            alternates = np.arange(3) != axis
            alternates[axis] = not in_phase[axis]
            if not even[alternates].all():
                continue
            sense = 1 - 2 * (self.cells[:, alternates].sum(axis=1) % 2)
            for bond in range(3):
                direction = np.cross(np.eye(3)[axis], np.eye(3)[bond])
                moves[bond] += 0.5 * np.tan(angles[axis]) * sense[:, None] * direction
        return moves

    def crystal(
        self,
        numbers: tuple[Int[np.ndarray, " cells"], ...],
        cell: Float[np.ndarray, "3 3"],
        tilts: Float[np.ndarray, "axes cells 3"],
        rattle: Float[np.ndarray, "atoms 3"],
    ) -> Crystal:
        """Put ions on the sites.

        Args:
            numbers: Atomic numbers on the sites A, B, X, X, X.
            cell: Vectors of the (strained) 5-atom cell as rows, Å.
            tilts: Displacements of the X sites, in lattice constants.
            rattle: Further displacement of each ion, Å.

        Returns:
            The crystal, its ions ordered A, B, X along the first, second, third axis.
        """
        a, b, *x = self.sites()
        sites = np.concatenate(
            [a, b, *(ideal + move for ideal, move in zip(x, tilts, strict=True))]
        )
        supercell = np.diag(self.shape) @ cell
        return Crystal(
            supercell, sites @ cell + rattle, np.concatenate(numbers), np.ones(3, dtype=bool)
        )
