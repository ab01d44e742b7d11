"""Pairs of ions, what their interactions add up to, and Born and Mayer's repulsion."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int
from vesin import NeighborList

from xtalgraph.crystals.crystal import Crystal


@dataclass(frozen=True, eq=False)
class Interaction:
    """Energy of a cell with its derivatives. Two of them add up."""

    energy: float
    """Total of the cell, eV."""
    forces: Float[np.ndarray, "atoms 3"]
    """Minus the derivative by the positions, eV/Å."""
    stress: Float[np.ndarray, "3 3"]
    """Derivative by the strain over the volume, eV/Å³, positive in tension."""

    def __add__(self, other: "Interaction") -> "Interaction":
        return Interaction(
            self.energy + other.energy, self.forces + other.forces, self.stress + other.stress
        )


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
        """
        pulls = (slopes / self.distances)[:, None] * self.vectors
        forces = np.empty((num_atoms, 3))
        for axis in range(3):
            forces[:, axis] = np.bincount(self.first, pulls[:, axis], num_atoms)
            forces[:, axis] -= np.bincount(self.second, pulls[:, axis], num_atoms)
        return Interaction(float(energies.sum()), forces, pulls.T @ self.vectors / volume)


CUTOFF: Final = 8.0
"""Beyond this distance in Å there is no repulsion."""
_SWITCH: Final = 6.5  # Å; from here to the cutoff the repulsion is brought to zero


def born_mayer(
    crystal: Crystal,
    prefactors: Float[np.ndarray, "atoms atoms"],
    radii: Float[np.ndarray, " atoms"],
    hardness: float,
) -> Interaction:
    """Energy, forces and stress of the exponential repulsion of every pair of ions.

    A pair at distance r has the energy A_ij exp((R_i + R_j - r)/ρ) f(r). The factor f is 1 up
    to 6.5 Å and falls to 0 at 8 Å as 1 - 10x³ + 15x⁴ - 6x⁵, with two continuous derivatives; at
    6.5 Å the repulsion of the largest ions is below 0.4 meV for each pair.

    Args:
        crystal: The crystal.
        prefactors: A_ij in eV, symmetric.
        radii: R_i in Å.
        hardness: ρ in Å.

    Source:
        M. Born and J. E. Mayer, Z. Phys. 75, 1 (1932), doi 10.1007/BF01340511.
    """
    pairs = Pairs.within(crystal, CUTOFF)
    r = pairs.distances
    contact = radii[pairs.first] + radii[pairs.second]
    repulsion = prefactors[pairs.first, pairs.second] * np.exp((contact - r) / hardness)
    x = np.clip((r - _SWITCH) / (CUTOFF - _SWITCH), 0.0, 1.0)
    switch = 1 - x**3 * (10 - 15 * x + 6 * x**2)
    switch_slope = -30 * (x * (1 - x)) ** 2 / (CUTOFF - _SWITCH)
    slopes = repulsion * (switch_slope - switch / hardness)
    return pairs.interaction(repulsion * switch, slopes, len(crystal), crystal.volume)
