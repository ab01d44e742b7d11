"""All pairs of ions within a distance, periodic images included."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from vesin import NeighborList

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic.interaction import Interaction


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every pair once (a half list); an ion and its own image is a pair too."""

    first: Int[np.ndarray, " pairs"]
    """Index of one ion."""
    second: Int[np.ndarray, " pairs"]
    """Index of the other."""
    vectors: Float[np.ndarray, "pairs 3"]
    """From the first to the image of the second, Å."""
    distances: Float[np.ndarray, " pairs"]
    """Length of the vectors, Å."""

    @classmethod
    def within(cls, crystal: Crystal, cutoff: float) -> "Pairs":
        """Find the pairs of a crystal that are nearer than `cutoff` (Å)."""
        search = NeighborList(cutoff=cutoff, full_list=False, sorted=True, n_threads=1)
        first, second, vectors, distances = search.compute(
            points=crystal.positions, box=crystal.cell, periodic=crystal.pbc, quantities="ijDd"
        )
        return cls(first.astype(np.int64), second.astype(np.int64), vectors, distances)

    def interaction(
        self,
        energies: Float[np.ndarray, " pairs"],
        slopes: Float[np.ndarray, " pairs"],
        num_atoms: int,
        volume: float,
    ) -> Interaction:
        """Add up a pair potential.

        Args:
            energies: Energy of each pair, eV.
            slopes: Its derivative by the distance, eV/Å.
            num_atoms: Number of ions in the cell.
            volume: Volume of the cell, Å³.

        Returns:
            Energy, forces and stress of the cell.
        """
        pulls = (slopes / self.distances)[:, None] * self.vectors
        forces = np.empty((num_atoms, 3))
        for axis in range(3):
            forces[:, axis] = np.bincount(self.first, pulls[:, axis], num_atoms)
            forces[:, axis] -= np.bincount(self.second, pulls[:, axis], num_atoms)
        return Interaction(float(energies.sum()), forces, pulls.T @ self.vectors / volume)
