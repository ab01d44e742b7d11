"""Neighbours that are searched once for many steps of a simulation."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final, final

import numpy as np

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.neighbors import Edges, neighbors_within
from xtalgraph.graphs.strategy import Strategy

SKIN: Final = 0.5
"""How far beyond the cutoff neighbours are searched, Å."""


@dataclass(frozen=True)
class _Within(Strategy):
    """The edges of a list that are within the cutoff."""

    edges_of_list: Edges
    cutoff: float

    name: ClassVar[str] = "listed"
    continuous: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ()

    @property
    def rule(self) -> str:
        """Which neighbours are kept, in words."""
        return f"all neighbours within {self.cutoff:g} Å"

    def edges(self, crystal: Crystal) -> Edges:
        """Return the listed edges that are short enough now."""
        listed = self.edges_of_list
        vector = crystal.positions[listed.neighbor] - crystal.positions[listed.center]
        vector += listed.image @ crystal.cell
        distance = np.sqrt(np.einsum("ej,ej->e", vector, vector))
        moved = Edges(listed.center, listed.neighbor, listed.image, distance)
        return moved.select(distance <= self.cutoff)


@final
class NeighborList:
    """Graphs of a crystal that moves, whose neighbours are searched only when they may be others.

    They are searched up to the cutoff and a skin. As long as no atom can have come from beyond the
    skin to within the cutoff, the edges are those of that search that are short enough: the same
    edges, in the same order, as a new search would give. Cells may be strained, too.

    Args:
        settings: How graphs are built: all neighbours within a radius, not reduced.
        skin: Å; 0 searches at each step.

    Raises:
        ConfigError: If the skin is negative, or the graphs are not those of a potential.
    """

    def __init__(self, settings: GraphSettings, skin: float = SKIN) -> None:
        if not skin >= 0:
            raise ConfigError(f"the skin must be at least 0 Å, got {skin}")
        if settings.strategy.name != "radius" or settings.reduction_tolerance:
            raise ConfigError(
                "a neighbour list is for all neighbours within a radius on full graphs, got the "
                f"strategy {settings.strategy.name} with a reduction tolerance of "
                f"{settings.reduction_tolerance:g} Å"
            )
        self.settings, self.skin = settings, skin
        self.searches = 0
        self._searched: Crystal | None = None
        self._listed: Edges | None = None

    def graph(self, crystal: Crystal) -> Graph:
        """Return the graph of a crystal, often the last one moved; a `GraphError` if too large."""
        if self._listed is None or not self._serves(crystal):
            reach = self.settings.strategy.cutoff + self.skin
            self._listed, self._searched = neighbors_within(crystal, reach), crystal
            self.searches += 1
        strategy = _Within(self._listed, self.settings.strategy.cutoff)
        return replace(self.settings, strategy=strategy).build(crystal)

    def _serves(self, crystal: Crystal) -> bool:
        """Whether no edge can be missing from the list.

        A vector v between two atoms becomes v F + Δ, with the deformation F of the cell and the
        difference Δ of what the atoms moved beside it: not shorter than s |v| − 2 max |u|, s the
        smallest singular value of F.
        """
        before = self._searched
        if before is None or len(before) != len(crystal):
            return False
        same = np.array_equal(before.site_numbers, crystal.site_numbers)
        if not same or not np.array_equal(before.pbc, crystal.pbc):
            return False
        deformation = np.linalg.solve(before.cell, crystal.cell)
        moved = crystal.positions - before.positions @ deformation
        farthest = float(np.sqrt(np.square(moved).sum(axis=1).max(initial=0.0)))
        smallest = float(np.linalg.svd(deformation, compute_uv=False)[-1])
        cutoff = self.settings.strategy.cutoff
        return smallest * (cutoff + self.skin) - 2.0 * farthest > cutoff
