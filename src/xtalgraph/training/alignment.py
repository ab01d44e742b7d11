"""The nearest way to write a crystal down, seen from other positions of its atoms."""

from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

_ORIGINS: Final = 4
"""Origins that are tried."""
_NEVER: Final = 1e3
"""What it costs to take an atom for one of another element."""


def nearest_writing(
    target: Float[Tensor, "atoms 3"],
    start: Float[Tensor, "atoms 3"],
    number: Int[Tensor, " atoms"],
    num_atoms: Int[Tensor, " crystals"],
) -> Float[Tensor, "atoms 3"]:
    """Move the origin of crystals and renumber their atoms, so that they are near a start.

    The same crystal may be written with any origin, and with atoms of one element in any order.
    Origins that lay an atom of the rarest element on its start are tried, up to four; atoms are
    assigned by the squares of the shortest ways on the torus, and the mean of the ways is taken
    away. So the ways are short and seldom cross, and there is less to learn.

    Args:
        target: Fractional coordinates of the crystals.
        start: Fractional coordinates from which they are seen.
        number: Atomic numbers.
        num_atoms: Of each crystal.

    Returns:
        Fractional coordinates of the same crystals.

    Source: L. Klein et al., NeurIPS 2023 (arXiv 2306.15030), for such a coupling.

    >>> start, number, count = torch.rand(4, 3), torch.tensor([6, 6, 6, 6]), torch.tensor([4])
    >>> moved = start[[2, 0, 1, 3]] + torch.tensor([0.3, 0.2, 0.7])
    >>> way = nearest_writing(moved, start, number, count) - start
    >>> bool((way - way.round()).abs().max() < 1e-6)
    True
    """
    ends, begins, numbers = (x.numpy(force=True) for x in (target, start, number))
    count = num_atoms.numpy(force=True)
    first = np.cumsum(count) - count
    written = np.empty(ends.shape)
    for size in np.unique(count).tolist():
        rows = first[count == size, None] + np.arange(size)
        written[rows] = _written(ends[rows], begins[rows], numbers[rows])
    return torch.from_numpy(written).to(target)


def _written(
    ends: Float[np.ndarray, "crystals atoms 3"],
    begins: Float[np.ndarray, "crystals atoms 3"],
    numbers: Int[np.ndarray, "crystals atoms"],
) -> Float[np.ndarray, "crystals atoms 3"]:
    """Do so for crystals of one size."""
    from scipy.optimize import linear_sum_assignment

    same = numbers[:, :, None] == numbers[:, None, :]
    rarest = same.sum(axis=-1).argmin(axis=-1)
    crystal = np.arange(len(ends))
    alike = same[crystal, rarest]
    others = np.argsort(~alike, axis=-1, kind="stable")[:, :_ORIGINS]  # of its element come first
    shift = begins[crystal, rarest][:, None] - np.take_along_axis(ends, others[:, :, None], axis=1)
    way = ends[:, None, None] + shift[:, :, None, None] - begins[:, None, :, None]
    way -= np.round(way)
    cost = np.square(way).sum(axis=-1) + _NEVER * ~same[:, None]
    best = np.full(len(ends), np.inf)
    written = np.empty(ends.shape)
    for row in crystal.tolist():
        for origin in range(min(int(alike[row].sum()), others.shape[1])):
            atoms, chosen = linear_sum_assignment(cost[row, origin])
            ways = way[row, origin, atoms, chosen]
            ways = ways - ways.mean(axis=0)
            total = float(np.square(ways).sum())
            if total < best[row]:
                best[row], written[row] = total, begins[row] + ways
    return written
