"""From crystals to their graph."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.angles import Angles, add_triplets
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import collate
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.shares import shares_of
from xtalgraph.graphs.strategies import Strategy

_PART = 512
"""Crystals whose graphs are folded at a time; only so many are ever held in full, and an eighth
of them where the graphs have triplets, which are many more than edges."""


def build_graph(
    crystals: Crystal | Sequence[Crystal],
    strategy: Strategy,
    *,
    angles: Angles | None = None,
    progress: bool = False,
) -> CrystalGraph:
    """Build the graph of one crystal or of many, in one batch, in float64 on the CPU.

    Args:
        crystals: One or more; their order is kept.
        strategy: Which pairs are neighbours.
        angles: Which triplets the graph has; none if it is left out.
        progress: Show a progress bar on standard error.

    Returns:
        The batch; edges sorted by center within each crystal.

    Raises:
        GraphError: If there are no crystals.

    Example:
        >>> import numpy as np
        >>> from xtalgraph.crystals.crystal import Crystal
        >>> from xtalgraph.graphs.strategies import Radius
        >>> fcc = 2.82 * (np.ones((3, 3)) - np.eye(3))
        >>> sites, numbers = np.array([[0, 0, 0], [0.5] * 3]), np.array([11, 17])
        >>> salt = Crystal.from_fractional(fcc, sites, numbers)
        >>> build_graph(salt, Radius(4.0)).degree.tolist()
        [18, 18]
    """
    batch = [crystals] if isinstance(crystals, Crystal) else list(crystals)
    if not batch:
        raise GraphError("cannot build a graph of 0 crystals: give at least one")
    todo: Iterable[Crystal] = batch
    if progress:
        from tqdm import tqdm

        todo = tqdm(batch, desc="graphs", unit="crystal", mininterval=0.5)
    edges_of = [strategy.edges(crystal) for crystal in todo]
    num_atoms = np.array([len(crystal) for crystal in batch])
    num_edges = np.array([len(edges) for edges in edges_of])
    starts = np.cumsum(num_atoms) - num_atoms

    def tensor(parts: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts))

    def through_batch(parts: list[np.ndarray]) -> Tensor:
        if len(parts) == 1:  # maybe of millions of atoms: not copied
            return torch.from_numpy(parts[0])
        return tensor([part + start for part, start in zip(parts, starts, strict=True)])

    graph = CrystalGraph(
        num_atoms=torch.from_numpy(num_atoms),
        num_edges=torch.from_numpy(num_edges),
        cell=torch.from_numpy(np.stack([crystal.cell for crystal in batch])),
        pbc=torch.from_numpy(np.stack([crystal.pbc for crystal in batch])),
        number=tensor([crystal.site_numbers for crystal in batch]),
        position=tensor([crystal.positions for crystal in batch]),
        center=through_batch([e.center for e in edges_of]),
        neighbor=through_batch([e.neighbor for e in edges_of]),
        image=tensor([e.image for e in edges_of]),
        **shares_of(batch),
    )
    return graph if angles is None else add_triplets(graph, angles)


def build_reduced(
    crystals: Crystal | Sequence[Crystal],
    strategy: Strategy,
    tolerance: float,
    *,
    angles: Angles | None = None,
    progress: bool = False,
) -> InvariantGraph:
    """Build the graph of one crystal or of many, and fold it by symmetry; see `reduce_graph`.

    Args:
        crystals: One or more; their order is kept.
        strategy: Which pairs are neighbours.
        tolerance: Distances this close are merged, Å, and cosines of angles.
        angles: Which triplets the graph has; none if it is left out.
        progress: Show a progress bar on standard error.

    Returns:
        The batch, in float64 on the CPU.

    Raises:
        GraphError: If there are no crystals.
        ConfigError: If the tolerance is not larger than 0.
    """
    batch = [crystals] if isinstance(crystals, Crystal) else list(crystals)
    part = _PART if angles is None else _PART // 8
    starts: Iterable[int] = range(0, max(len(batch), 1), part)
    if progress:
        from tqdm import tqdm

        starts = tqdm(starts, desc="graphs", unit="part", mininterval=0.5)
    parts = (build_graph(batch[start : start + part], strategy, angles=angles) for start in starts)
    return collate([reduce_graph(graph, tolerance) for graph in parts])
