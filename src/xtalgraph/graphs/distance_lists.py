"""Which crystals are the same within a tolerance: the distances from each atom to its nearest."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial.distance import cdist

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import Edges, neighbors_within

NUM_DISTANCES: Final = 32
"""How many distances are listed for each atom; in a crystal they reach to about 5 Å."""
FARTHEST: Final = 12.0
"""Distances beyond this, or to atoms that do not exist, are listed as this, Å."""
_GROWTH: Final = 1.25
"""Factor by which a search radius grows that has not found enough."""
_SLACK: Final = 1e-9
"""By how much a distance may miss the tolerance, Å, so that rounding does not decide."""


@dataclass(frozen=True, eq=False)
class DistanceLists:
    """For each atom of a crystal the distances to its nearest neighbours, sorted.

    It is the pointwise distance distribution of the crystal, with the element of each point. It
    does not change when the crystal is turned, reflected, shifted, described by another cell, or
    its atoms are given in another order; in a supercell every row is there several times. Where
    every atom moves by at most ε, no entry changes by more than 2ε.

    Source: Widdowson and Kurlin, NeurIPS 35 (2022), arXiv 2108.04798; Widdowson et al., MATCH
    Commun. Math. Comput. Chem. 87, 529 (2022), doi 10.46793/match.87-3.529W, for the means.
    """

    number: Int[np.ndarray, " atoms"]
    """Atomic numbers, ascending."""
    distance: Float[np.ndarray, "atoms k"]
    """Distances of each atom to the k nearest, ascending, at most `FARTHEST`, Å."""

    @classmethod
    def of(cls, crystal: Crystal) -> "DistanceLists":
        """List the distances of a crystal.

        >>> cell, origin = 1.805 * (1 - np.eye(3)), np.zeros((1, 3))
        >>> copper = Crystal.from_fractional(cell, origin, np.array([29]))
        >>> DistanceLists.of(copper).distance[0, [0, 11, 12, 17, 18]].round(3).tolist()
        [2.553, 2.553, 3.61, 3.61, 4.421]
        """
        atoms = len(crystal)
        radius = min(_first_radius(crystal), FARTHEST)
        edges = neighbors_within(crystal, radius)
        while radius < FARTHEST and _degree(edges, atoms).min() < NUM_DISTANCES:
            radius = min(radius * _GROWTH, FARTHEST)
            edges = neighbors_within(crystal, radius)
        by_length = np.lexsort((edges.distance, edges.center))
        degree = _degree(edges, atoms)
        start = np.cumsum(degree) - degree
        rank = np.arange(len(edges)) - np.repeat(start, degree)
        kept = rank < NUM_DISTANCES
        listed = np.full((atoms, NUM_DISTANCES), FARTHEST)
        listed[edges.center[kept], rank[kept]] = edges.distance[by_length][kept]
        number = crystal.site_numbers
        if crystal.occupancies is not None:
            number = number.copy()
            for site, colour in crystal.occupancies.colours().items():
                number[site] = MAX_ATOMIC_NUMBER + 1 + colour
        order = np.argsort(number, kind="stable")
        return cls(number[order], listed[order])

    def means(self) -> Float[np.ndarray, " elements_k"]:
        """Return the mean list of the atoms of each element, one after the other, Å.

        Two crystals of one reduced formula that are the same within a tolerance have means that
        differ nowhere by more than the tolerance.
        """
        starts = np.flatnonzero(np.diff(self.number, prepend=-1))
        counts = np.diff(np.append(starts, len(self.number)))
        return (np.add.reduceat(self.distance, starts) / counts[:, None]).reshape(-1)

    def same_as(self, other: "DistanceLists", tolerance: float) -> bool:
        """Whether each atom has a partner of its element whose list differs by at most so much.

        In a supercell an atom stands for each of its copies: the partners are sought among as
        many copies of both crystals as make them equal in size.

        Args:
            other: Of another crystal.
            tolerance: Largest difference of two distances, Å.

        Returns:
            Always true for a crystal and its copy whose atoms were moved by at most half the
            tolerance each, in whatever cell, order and orientation the copy is given.
        """
        size = math.lcm(len(self.number), len(other.number))
        times = size // len(self.number), size // len(other.number)
        if not np.array_equal(np.repeat(self.number, times[0]), np.repeat(other.number, times[1])):
            return False
        return all(
            _matches(
                self.distance[self.number == z], other.distance[other.number == z], times, tolerance
            )
            for z in np.unique(self.number)
        )


def _matches(
    first: Float[np.ndarray, "one k"],
    second: Float[np.ndarray, "two k"],
    times: tuple[int, int],
    tolerance: float,
) -> bool:
    """Whether the rows, each so many times, can be paired so that no pair differs by more."""
    near = cdist(first, second, "chebyshev") <= tolerance + _SLACK
    if not (near.any(axis=0).all() and near.any(axis=1).all()):
        return False
    if near.all():
        return True
    allowed = csr_array(np.repeat(np.repeat(near, times[0], axis=0), times[1], axis=1))
    return bool((maximum_bipartite_matching(allowed) >= 0).all())


def _first_radius(crystal: Crystal) -> float:
    """Return a radius at which most atoms of a dense crystal have enough neighbours, Å."""
    volume_per_atom = crystal.volume / len(crystal)
    return 1.15 * (3.0 * (NUM_DISTANCES + 1) * volume_per_atom / (4.0 * math.pi)) ** (1.0 / 3.0)


def _degree(edges: Edges, atoms: int) -> Int[np.ndarray, " atoms"]:
    return np.bincount(edges.center, minlength=atoms)
