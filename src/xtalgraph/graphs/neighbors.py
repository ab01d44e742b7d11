"""Neighbours within a distance, over all periodic images."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import vesin
from jaxtyping import Bool, Float, Int, Int32, UInt64
from scipy.sparse import coo_array, csr_array

from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.limits import MAX_EDGES
from xtalgraph.crystals.checks import MAX_NUMBER_DENSITY
from xtalgraph.crystals.crystal import Crystal

_FARTHEST: Final = 1e8
"""Å; images are 32 bits wide."""
_MANY: Final = 50_000
"""Edges from which on they are sorted as the rows of a sparse matrix."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Directed edges of one crystal, sorted by center, then neighbor, then image."""

    center: Int[np.ndarray, " edges"]
    """The atom that looks."""
    neighbor: Int[np.ndarray, " edges"]
    """The atom that is seen."""
    image: Int32[np.ndarray, "edges 3"]
    """Lattice translation of the neighbor."""
    distance: Float[np.ndarray, " edges"]
    """Length, Å."""

    def __len__(self) -> int:
        return len(self.center)

    def select(self, keep: Bool[np.ndarray, " edges"]) -> "Edges":
        """Return the edges where ``keep`` is true."""
        return Edges(self.center[keep], self.neighbor[keep], self.image[keep], self.distance[keep])


def neighbors_within(crystal: Crystal, cutoff: float) -> Edges:
    """Find every pair (atom, image of an atom) at most ``cutoff`` apart.

    An atom is a neighbour of its own images but not of itself. The search is a cell list by
    the vesin library (measured here against ASE, matscipy and pymatgen: docs/architecture.md);
    a plain loop over all pairs and images is its oracle in the tests.

    Args:
        crystal: Any cell: skewed, left-handed, smaller than the cutoff, partly periodic.
        cutoff: Å. Pairs within 1e-9 Å of it may go either way.

    Raises:
        GraphError: If an atom is farther than 1e8 Å from the origin, or about `MAX_EDGES` edges or
            more are to be expected.
    """
    cutoff = _cutoff_to_search(crystal, cutoff)
    farthest = float(np.abs(crystal.positions).max(initial=0.0))
    if not farthest < _FARTHEST:
        raise GraphError(
            f"positions must lie within {_FARTHEST:g} Å of the origin, got {farthest:g} Å: shift "
            "the atoms into the cell"
        )
    search = vesin.NeighborList(cutoff=cutoff, full_list=True)
    center, neighbor, image, distance = search.compute(
        crystal.positions, crystal.cell, crystal.pbc, "ijSd"
    )
    if _MANY < len(center) < 2**31:
        rows = _as_rows(center, neighbor)
        if len(rows.data) == len(center):  # fewer if a pair has several images, which it adds up
            return Edges(
                np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)),
                rows.indices.astype(np.int64),
                image.take(rows.data, axis=0),
                distance.take(rows.data),
            )
    order = _order(center, neighbor, image)
    return Edges(
        center.take(order).view(np.int64),
        neighbor.take(order).view(np.int64),
        image.take(order, axis=0),
        distance.take(order),
    )


def _cutoff_to_search(crystal: Crystal, cutoff: float) -> float:
    """Return the cutoff, or the size of a molecule where that is less; raise on too many edges.

    The time of the search grows with the cube of the cutoff, even where there is nothing to find.
    """
    sphere = 4 / 3 * math.pi * cutoff**3
    if len(crystal) * sphere < MAX_EDGES:  # no solid has an atom per Å³
        return cutoff
    periodic = crystal.cell[crystal.pbc]
    size = math.sqrt(max(np.linalg.det(periodic @ periodic.T), 0.0)) if len(periodic) else 1.0
    reach = (1.0, 2 * cutoff, math.pi * cutoff**2, sphere)[len(periodic)]
    images = reach / size if size > 0 else math.inf
    neighbors = len(crystal) * images  # of a cell larger than the sphere: those of a mean density
    if len(periodic) < 3:
        neighbors = min(len(crystal) * max(images, 1.0), MAX_NUMBER_DENSITY * sphere)
    if len(crystal) * neighbors > MAX_EDGES:
        raise GraphError(
            f"a cutoff of {cutoff:g} Å gives about {len(crystal) * neighbors:.1e} edges in a "
            f"crystal of {len(crystal)} atoms, and a graph has {MAX_EDGES:.0e} at most: take a "
            "smaller cutoff"
        )
    if len(periodic):
        return cutoff
    return min(cutoff, 1.0 + float(np.linalg.norm(np.ptp(crystal.positions, axis=0))))


def _as_rows(
    center: UInt64[np.ndarray, " edges"], neighbor: UInt64[np.ndarray, " edges"]
) -> csr_array:
    """Return the places of the edges as a sparse matrix, whose library sorts in linear time."""
    row = np.arange(len(center), dtype=np.int32)
    return coo_array((row, (center.astype(np.int32), neighbor.astype(np.int32)))).tocsr()


def _order(
    center: UInt64[np.ndarray, " edges"],
    neighbor: UInt64[np.ndarray, " edges"],
    image: Int32[np.ndarray, "edges 3"],
) -> Int[np.ndarray, " edges"]:
    """Return the order by center, then neighbor, then image."""
    if not len(center):
        return np.zeros(0, dtype=np.int64)
    low, high = image.min(axis=0), image.max(axis=0)
    spans = (high - low + 1).tolist()
    atoms, images = int(neighbor.max()) + 1, math.prod(spans)
    if images >= 2**31 or (int(center.max()) + 1) * atoms * images >= 2**63:
        return np.lexsort((*image.T[::-1], neighbor, center))
    # One number that sorts as the five do; in place, for the arrays may fill the memory.
    code = image[:, 0] - low[0]
    for axis in (1, 2):
        code *= spans[axis]
        code += image[:, axis]
        code -= low[axis]
    key = center.view(np.int64) * atoms
    key += neighbor.view(np.int64)
    key *= images
    key += code
    return key.argsort()


def kth_distance(
    distance: Float[np.ndarray, " edges"], center: Int[np.ndarray, " edges"], num_atoms: int, k: int
) -> Float[np.ndarray, " atoms"]:
    """Return the length of the k-th shortest edge of each atom; infinite where there are fewer."""
    order = np.lexsort((distance, center))
    count = np.bincount(center, minlength=num_atoms)
    start = np.cumsum(count) - count
    enough = count >= k
    kth = np.full(num_atoms, np.inf)
    kth[enough] = distance[order[start[enough] + k - 1]]
    return kth
