"""Pairs of ions: what their interactions add up to, the repulsion of Born and Mayer, Ewald sums."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int
from scipy.special import erfc
from vesin import NeighborList

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.units import COULOMB
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


def ewald(
    crystal: Crystal,
    charges: Float[np.ndarray, " atoms"],
    *,
    accuracy: float = 1e-10,
    splitting: float | None = None,
) -> Interaction:
    r"""Energy, forces and stress of point charges that repeat in three directions.

    With the splitting α, the charges q and their structure factor
    S(k) = Σ q_i exp(i k·r_i), the energy over e²/(4πε₀) is

        ½ Σ q_i q_j erfc(α r_ij)/r_ij + 2π/V Σ_{k≠0} exp(-k²/4α²)/k² |S(k)|² - α/√π Σ q_i²

    summed to the distance s/α and to the wave number 2αs, where exp(-s²) is the accuracy.
    The sum is that of a crystal in a conducting medium (no surface term).

    Args:
        crystal: The crystal, periodic in three directions.
        charges: Charges in units of e; their sum must vanish.
        accuracy: Size of the terms that are left out, relative to those kept.
        splitting: α in 1/Å; by default the value that makes both sums equally long. The result
            does not depend on it.

    Returns:
        The total of the cell.

    Raises:
        InputError: The cell is charged, or is not periodic in three directions.

    Source:
        P. P. Ewald, Ann. Phys. 369, 253 (1921), doi 10.1002/andp.19213690304;
        stress: Nosé and Klein, Mol. Phys. 50, 1055 (1983).
    """
    charges = np.asarray(charges, dtype=float)
    if not crystal.pbc.all():
        raise InputError(f"crystal must repeat in three directions, got pbc={crystal.pbc.tolist()}")
    if abs(charges.sum()) > 1e-9 * max(1.0, float(np.abs(charges).sum())):
        raise InputError(f"charges must add up to 0, got {charges.sum():g} e in {crystal.formula}")
    reach = float(np.sqrt(-np.log(accuracy)))
    if splitting is None:
        splitting = float(np.sqrt(np.pi) * (len(crystal) / crystal.volume**2) ** (1 / 6))
    near = _real_space(crystal, charges, splitting, reach / splitting)
    far = _reciprocal_space(crystal, charges, splitting, 2 * splitting * reach)
    self_energy = -COULOMB * splitting / np.sqrt(np.pi) * float(charges @ charges)
    total = near + far
    return Interaction(float(total.energy + self_energy), total.forces, total.stress)


def _real_space(
    crystal: Crystal, charges: Float[np.ndarray, " atoms"], splitting: float, cutoff: float
) -> Interaction:
    pairs = Pairs.within(crystal, cutoff)
    r = pairs.distances
    products = COULOMB * charges[pairs.first] * charges[pairs.second]
    energies = products * erfc(splitting * r) / r
    gaussians = products * (2 * splitting / np.sqrt(np.pi)) * np.exp(-((splitting * r) ** 2))
    return pairs.interaction(energies, -(energies + gaussians) / r, len(crystal), crystal.volume)


def _reciprocal_space(
    crystal: Crystal, charges: Float[np.ndarray, " atoms"], splitting: float, cutoff: float
) -> Interaction:
    k = _half_wave_vectors(crystal.cell, cutoff)
    squares = np.einsum("ka,ka->k", k, k)
    phases = k @ crystal.positions.T
    cosines, sines = np.cos(phases) * charges, np.sin(phases) * charges
    real, imaginary = cosines.sum(axis=1), sines.sum(axis=1)
    # Twice 2π/V: k and -k contribute the same, and only one of them is in the list.
    weights = 4 * np.pi * COULOMB / crystal.volume * np.exp(-squares / (4 * splitting**2)) / squares
    energies = weights * (real**2 + imaginary**2)
    forces = (
        2 * ((weights * real)[:, None] * sines - (weights * imaginary)[:, None] * cosines).T @ k
    )
    # Under a strain k shrinks as the cell grows, and V grows with its trace.
    bending = energies * 2 * (1 / squares + 1 / (4 * splitting**2))
    strain = (bending[:, None] * k).T @ k - energies.sum() * np.eye(3)
    return Interaction(float(energies.sum()), forces, strain / crystal.volume)


def _half_wave_vectors(
    cell: Float[np.ndarray, "3 3"], cutoff: float
) -> Float[np.ndarray, "waves 3"]:
    """Reciprocal lattice vectors (1/Å) shorter than `cutoff`, one of each pair k and -k."""
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    # k·a_i = 2π n_i and |k| < cutoff bound n_i.
    bounds = np.floor(cutoff * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int)
    axes = [np.arange(-b, b + 1) for b in bounds]
    n = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    # The grid is symmetric about its middle, the origin: what follows it is one half.
    k = n[len(n) // 2 + 1 :] @ reciprocal
    return k[np.einsum("ka,ka->k", k, k) < cutoff**2]
