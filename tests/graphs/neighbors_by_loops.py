"""The plain triple loop over atoms, atoms and images: slow, obvious, the oracle of the tests."""

from itertools import product

import numpy as np

from xtalgraph.crystals.crystal import Crystal


def neighbors_by_loops(crystal: Crystal, cutoff: float) -> list[tuple[int, int, int, int, int]]:
    """Find every (center, neighbor, image) at most ``cutoff`` apart, by trying all.

    The images to try follow from the heights of the cell: a pair whose fractional coordinates
    differ by f along a lattice vector cannot be closer than (|n + f|) times the height there.

    Args:
        crystal: Any cell.
        cutoff: Å.

    Returns:
        Sorted tuples (center, neighbor, n1, n2, n3).
    """
    heights = 1.0 / np.linalg.norm(np.linalg.inv(crystal.cell), axis=0)
    std = np.ptp(crystal.fractional, axis=0) if len(crystal) else np.zeros(3)
    reach = np.where(crystal.pbc, np.ceil(cutoff / heights + std), 0).astype(int)
    images = list(product(*(range(-n, n + 1) for n in reach.tolist())))
    edges: list[tuple[int, int, int, int, int]] = []
    for i in range(len(crystal)):
        for j in range(len(crystal)):
            for n1, n2, n3 in images:
                if i == j and (n1, n2, n3) == (0, 0, 0):
                    continue
                shift = np.array([n1, n2, n3]) @ crystal.cell
                vector = crystal.positions[j] + shift - crystal.positions[i]
                if np.sqrt(vector @ vector) <= cutoff:
                    edges.append((i, j, n1, n2, n3))
    return sorted(edges)
