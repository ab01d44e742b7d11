"""Neighbours within a distance, over all periodic images."""

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
    order = np.lexsort((*image.T[::-1], neighbor, center))
    return Edges(
        center[order].astype(np.int64),
        neighbor[order].astype(np.int64),
        image[order].astype(np.int64),
        distance[order],
    )
