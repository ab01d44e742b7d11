"""Shells: the neighbours that a person would call bonded, and the k-th distance."""

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.graphs.neighbors import Edges

SHELL_GAP = 0.1
"""A shell ends at the first gap wider than this part of the nearest distance."""


def first_shell(edges: Edges, num_atoms: int) -> Bool[np.ndarray, " edges"]:
    """Mark the edges of the first coordination shells, each with its reverse.

    Sorted by distance, the shell of an atom ends before the first gap between neighbours that is
    wider than a tenth of its nearest distance. In rock salt that gives 6, in bcc 8, in fcc 12.

    Where two atoms disagree, the bond is there for both: in SrTiO3 the 12 O of Sr are bonds of
    these O, too, which so have 2 Ti and 4 Sr. Bonds counted from the cations are then as many as
    from the anions, as coordination numbers demand (A. F. Wells, Structural Inorganic Chemistry);
    bonds that both ends have alone would leave Sr without any. pymatgen's StructureGraph does the
    same with what its finders say of single sites.

    Args:
        edges: Of one crystal, sorted by center; must reach beyond the first shell.
        num_atoms: Atoms of the crystal.
    """
    inside = np.zeros(len(edges), dtype=bool)
    counts = np.bincount(edges.center, minlength=num_atoms)
    order = np.lexsort((edges.distance, edges.center))
    for stop, count in zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True):
        mine = order[stop - count : stop]
        distance = edges.distance[mine]
        if count:
            gaps = np.flatnonzero(np.diff(distance) > SHELL_GAP * distance[0])
            inside[mine[: gaps[0] + 1 if len(gaps) else count]] = True
    return _with_reverse(edges, inside)


def _with_reverse(edges: Edges, inside: Bool[np.ndarray, " edges"]) -> Bool[np.ndarray, " edges"]:
    """Mark the reverse of what is marked; what has none is not marked."""
    there = np.column_stack([edges.center, edges.neighbor, edges.image])
    back = np.column_stack([edges.neighbor, edges.center, -edges.image])
    _, name = np.unique(np.concatenate([there, back]), axis=0, return_inverse=True)
    forward, backward = np.split(name.reshape(-1), 2)
    marked, present = np.zeros((2, len(name) + 1), dtype=bool)
    marked[forward[inside]] = True
    present[forward] = True
    return (inside | marked[backward]) & present[backward]


def kth_distance(
    distance: Float[np.ndarray, " edges"],
    center: Int[np.ndarray, " edges"],
    num_atoms: int,
    k: int,
) -> Float[np.ndarray, " atoms"]:
    """Return the length of the k-th shortest edge of each atom; infinite where there are fewer.

    Args:
        distance: Length of each edge, Å.
        center: The atom of each edge.
        num_atoms: How many atoms there are.
        k: Counted from 1.
    """
    order = np.lexsort((distance, center))
    count = np.bincount(center, minlength=num_atoms)
    start = np.cumsum(count) - count
    enough = count >= k
    kth = np.full(num_atoms, np.inf)
    kth[enough] = distance[order[start[enough] + k - 1]]
    return kth
