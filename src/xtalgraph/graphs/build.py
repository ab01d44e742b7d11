"""From crystals to their graph, and everything a graph depends on but its crystal, as a value."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor

from xtalgraph.conventions.elements import numbers_of, why_not_known
from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.angles import Angles, add_triplets
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph, collate
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.shares import charges_of, shares_of
from xtalgraph.graphs.strategies import Strategy


@dataclass(frozen=True)
class UnsupportedStructure:
    """A crystal that has no graph, or no space group."""

    index: int
    """Its place among the crystals that were given, from 0."""
    reason: str
    """Why, in plain words."""


_PART = 512
"""Crystals whose graphs are reduced at a time; only so many are ever held in full, and an eighth
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
        charge=tensor([charges_of(crystal) for crystal in batch]),
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
    """Build the graph of one crystal or of many, and reduce it by symmetry; see `reduce_graph`.

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


BUILDER_VERSION: Final = 2
"""Raised by whoever changes a graph that some crystal gets: a field, an edge, an order, a bit.
Graphs kept on disk are used by the version that built them only; a test holds their hash."""


@final
@dataclass(frozen=True)
class GraphSettings:
    """Builds graphs. Two equal recipes give equal graphs, to the bit.

    Args:
        strategy: Which pairs are neighbours.
        reduction_tolerance: The graph is reduced by symmetry, with distances this close merged, Å;
            0 leaves it as it is.
        angles: Which triplets the graph has; none if it is left out.
        elements: Symbols of the elements that a crystal may hold; all where none are given.

    Raises:
        ConfigError: If the tolerance is below 0, or a symbol is not one of an element.

    >>> from xtalgraph.graphs.strategies import Radius
    >>> GraphSettings(Radius(4.0), 1e-3).settings()
    {'strategy': 'radius', 'cutoff': 4.0, 'reduction_tolerance': 0.001, 'angles': None}
    """

    strategy: Strategy
    reduction_tolerance: float = 0.0
    angles: Angles | None = None
    elements: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        numbers_of(self.elements or None)
        if not self.reduction_tolerance >= 0:
            raise ConfigError(
                f"reduction_tolerance must be at least 0 Å, got {self.reduction_tolerance}"
            )

    def build(self, crystals: Crystal | Sequence[Crystal], *, progress: bool = False) -> Graph:
        """Build the graph of one crystal or of many, in one batch.

        Args:
            crystals: One or more; their order is kept.
            progress: Show a progress bar on standard error.

        Raises:
            GraphError: If there are no crystals, the strategy refuses one of them, or one holds an
                element that it may not.
        """
        if self.elements:
            known = numbers_of(self.elements)
            for crystal in [crystals] if isinstance(crystals, Crystal) else crystals:
                if reason := why_not_known(crystal.elements, known):
                    raise GraphError(reason)
        strategy, angles = self.strategy, self.angles
        if self.reduction_tolerance > 0:
            return build_reduced(
                crystals, strategy, self.reduction_tolerance, angles=angles, progress=progress
            )
        return build_graph(crystals, strategy, angles=angles, progress=progress)

    def settings(self) -> dict[str, Any]:
        """Return the graph settings in plain values."""
        angles = None if self.angles is None else dataclasses.asdict(self.angles)
        strategy: dict[str, Any] = dataclasses.asdict(self.strategy)  # type: ignore[call-overload]
        further: dict[str, Any] = {
            "reduction_tolerance": self.reduction_tolerance,
            "angles": angles,
        }
        if self.elements:
            further["elements"] = list(self.elements)
        return {"strategy": self.strategy.name, **strategy, **further}


def build_supported(
    crystals: Sequence[Crystal], graph_settings: GraphSettings, *, progress: bool = False
) -> tuple[Graph | None, list[UnsupportedStructure]]:
    """Build one graph of all the crystals of which one can be built.

    Args:
        crystals: What to build from; their order is kept.
        graph_settings: How.
        progress: Show a progress bar on standard error.

    Returns:
        The graph, None if there is none, and what was refused.
    """
    if not crystals:
        return None, []
    try:
        return graph_settings.build(crystals, progress=progress), []
    except GraphError:
        pass  # which of them it was is found one by one, below
    served: list[Graph] = []
    unsupported: list[UnsupportedStructure] = []
    for index, crystal in enumerate(crystals):
        try:
            served.append(graph_settings.build(crystal))
        except GraphError as error:
            unsupported.append(UnsupportedStructure(index, str(error)))
    return (collate(served) if served else None), unsupported
