"""Neighbours within a distance, over all periodic images."""

import math
from dataclasses import dataclass

import numpy as np
import vesin
from jaxtyping import Bool, Float, Int

from xtalgraph.crystals.crystal import Crystal


@dataclass(frozen=True, eq=False)
class Edges:
    """Directed edges of one crystal, sorted by center, then neighbor, then image."""

    center: Int[np.ndarray, " edges"]
    """The atom that looks."""
    neighbor: Int[np.ndarray, " edges"]
    """The atom that is seen."""
    image: Int[np.ndarray, "edges 3"]
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
    `xtalgraph.graphs.reference.neighbors_by_loops` is its oracle.

    Args:
        crystal: Any cell: skewed, left-handed, smaller than the cutoff, partly periodic.
        cutoff: Å. Pairs within 1e-9 Å of it may go either way.
    """
    search = vesin.NeighborList(cutoff=cutoff, full_list=True)
    center, neighbor, image, distance = search.compute(
        crystal.positions, crystal.cell, crystal.pbc, "ijSd"
    )
    order = _order(center.astype(np.int64), neighbor.astype(np.int64), image.astype(np.int64))
    return Edges(
        center[order].astype(np.int64),
        neighbor[order].astype(np.int64),
        image[order].astype(np.int64),
        distance[order],
    )


def _order(
    center: Int[np.ndarray, " edges"],
    neighbor: Int[np.ndarray, " edges"],
    image: Int[np.ndarray, "edges 3"],
) -> Int[np.ndarray, " edges"]:
    """Return the order by center, then neighbor, then image."""
    if not len(center):
        return np.zeros(0, dtype=np.int64)
    low = image.min(axis=0)
    spans = [int(center.max()) + 1, int(neighbor.max()) + 1, *(np.ptp(image, axis=0) + 1).tolist()]
    if math.prod(spans) >= 2**63:
        return np.lexsort((*image.T[::-1], neighbor, center))
    key = center * spans[1] + neighbor  # one number that sorts as the five do, in one pass
    for column, (lowest, span) in enumerate(zip(low.tolist(), spans[2:], strict=True)):
        key = key * span + (image[:, column] - lowest)
    return np.argsort(key)
