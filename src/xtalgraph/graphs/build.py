"""From crystals to their graph."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.strategies import Strategy


def build_graph(
    crystals: Crystal | Sequence[Crystal], strategy: Strategy, *, progress: bool = False
) -> CrystalGraph:
    """Build the graph of one crystal or of many, in one batch, in float64 on the CPU.

    Args:
        crystals: One or more; their order is kept.
        strategy: Which pairs are neighbours.
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
        >>> salt = Crystal.from_fractional(fcc, np.array([[0, 0, 0], [0.5] * 3]), [11, 17])
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
    found = [strategy.edges(crystal) for crystal in todo]
    num_atoms = np.array([len(crystal) for crystal in batch])
    num_edges = np.array([len(edges) for edges in found])
    offset = np.repeat(np.cumsum(num_atoms) - num_atoms, num_edges)

    def tensor(parts: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts))

    return CrystalGraph(
        num_atoms=torch.from_numpy(num_atoms),
        num_edges=torch.from_numpy(num_edges),
        cell=torch.from_numpy(np.stack([crystal.cell for crystal in batch])),
        pbc=torch.from_numpy(np.stack([crystal.pbc for crystal in batch])),
        number=tensor([crystal.numbers for crystal in batch]),
        position=tensor([crystal.positions for crystal in batch]),
        center=tensor([e.center for e in found]) + torch.from_numpy(offset),
        neighbor=tensor([e.neighbor for e in found]) + torch.from_numpy(offset),
        image=tensor([e.image for e in found]),
    )
