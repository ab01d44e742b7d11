"""The k nearest neighbours: with whole shells, and with the strict cut of the original codes."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import numpy as np

from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.ranges import Cutoff, Neighbors, Range, check_ranges
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import Edges, kth_distance, neighbors_within
from xtalgraph.graphs.strategy import Strategy

_GROWTH: Final = 1.25
"""Factor by which a search radius grows that has not found enough."""
_SAME: Final = 1e-8
"""Distances that round to the same multiple of this are equal for the strict cut, Å."""
ShellTolerance = Annotated[float, Range(0, 1, "Å")]
"""How much farther than the last neighbour the others of its shell may be."""


@dataclass(frozen=True)
class Hybrid(Strategy):
    """The k nearest neighbours within a cutoff, whole shells kept.

    CGCNN takes the 12 nearest within 8 Å. A strict cut there goes through the middle of a
    shell of equal distances, and which of its members stay depends on the order of the atoms
    in the file. Here every neighbour at most ``shell_tolerance`` farther than the k-th stays.

    Args:
        cutoff: Largest length of an edge, Å.
        max_neighbors: k, the number of neighbours to keep before ties.
        shell_tolerance: How much farther than the k-th a neighbour may be and still belong to
            its shell, Å.

    Source: Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018), for 12 within 8 Å.
    """

    cutoff: Cutoff = 8.0
    max_neighbors: Neighbors = 12
    shell_tolerance: ShellTolerance = 1e-3

    name: ClassVar[str] = "hybrid"
    continuous: ClassVar[bool] = False
    positional: ClassVar[tuple[str, ...]] = ("max_neighbors", "cutoff", "shell_tolerance")
    shown: ClassVar[int] = 2

    def __post_init__(self) -> None:
        check_ranges(self, "graph")

    @property
    def rule(self) -> str:
        """Which neighbours are kept, in words."""
        return f"the {self.max_neighbors} nearest within {self.cutoff:g} Å, whole shells"

    def edges(self, crystal: Crystal) -> Edges:
        """Find the edges up to the k-th neighbour's shell."""
        radius = min(_first_radius(crystal, self.max_neighbors), self.cutoff)
        while radius < self.cutoff:
            edges = _within(crystal, radius, self.max_neighbors, self.shell_tolerance)
            if edges is not None:
                return edges
            radius = min(radius * _GROWTH, self.cutoff)
        edges = neighbors_within(crystal, self.cutoff)
        return _up_to_shell(edges, len(crystal), self.max_neighbors, self.shell_tolerance)


@dataclass(frozen=True)
class KNearest(Strategy):
    """The k nearest neighbours, however far, whole shells kept.

    The search radius grows until every atom has k neighbours and the shell of the k-th is
    whole. Where nothing repeats and there are fewer than k other atoms, all of them are taken.
    An edge longer than ``cutoff`` is an error and is never left out in silence: the graph is
    that of the k nearest, or there is none. In the Matbench phonon set the 12th neighbour is
    at most 6.13 Å away.

    Args:
        max_neighbors: k, the number of neighbours to keep before ties.
        cutoff: Longest edge that is allowed, Å; bases and envelopes reach this far.
        shell_tolerance: How much farther than the k-th a neighbour may be and still belong to
            its shell, Å.
    """

    max_neighbors: Neighbors = 12
    cutoff: Cutoff = 12.0
    shell_tolerance: ShellTolerance = 1e-3

    name: ClassVar[str] = "knn"
    continuous: ClassVar[bool] = False
    positional: ClassVar[tuple[str, ...]] = ("max_neighbors", "cutoff", "shell_tolerance")

    def __post_init__(self) -> None:
        check_ranges(self, "graph")

    @property
    def rule(self) -> str:
        """Which neighbours are kept, in words."""
        return f"the {self.max_neighbors} nearest, whole shells, none beyond {self.cutoff:g} Å"

    def edges(self, crystal: Crystal) -> Edges:
        """Find the edges up to the k-th shell; a `GraphError` if it is beyond the cutoff."""
        others = np.inf if crystal.pbc.any() else len(crystal) - 1
        wanted = int(min(self.max_neighbors, others))
        if wanted <= 0:
            return neighbors_within(crystal, self.cutoff)
        radius = min(_first_radius(crystal, wanted), self.cutoff)
        while True:
            edges = _within(crystal, radius, wanted, self.shell_tolerance)
            if edges is not None:
                return edges
            if radius >= self.cutoff:
                break
            radius = min(radius * _GROWTH, self.cutoff)
        counts = np.bincount(neighbors_within(crystal, self.cutoff).center, minlength=len(crystal))
        if np.any(counts < wanted):
            atom = int(np.argmin(counts))
            raise GraphError(
                f"the {wanted} nearest neighbours of every atom must lie within {self.cutoff:g} Å, "
                f"but atom {atom} of {crystal.formula} has {counts[atom]} there; raise cutoff, "
                "lower max_neighbors, or use the strategy hybrid, which takes fewer"
            )
        # A shell that begins within the tolerance of the cutoff may end beyond it.
        wider = neighbors_within(crystal, self.cutoff + self.shell_tolerance)
        kept = _up_to_shell(wider, len(crystal), wanted, self.shell_tolerance)
        if kept.distance.max() > self.cutoff:
            raise GraphError(
                f"the shell of the {wanted} nearest neighbours in {crystal.formula} ends at "
                f"{kept.distance.max():.6g} Å, beyond the cutoff of {self.cutoff:g} Å; raise cutoff"
            )
        return kept


@dataclass(frozen=True)
class KNearestStrict(Strategy):
    """Exactly k nearest within a cutoff, as the original codes cut: for comparisons only.

    The cut goes through shells of equal distances. Among equals (to 1e-8 Å) the atoms that come
    first in the file stay, then the lower images, so the graph changes with the order of atoms
    and with the choice of cell, and so does every prediction from it.

    Args:
        cutoff: Largest length of an edge, Å.
        max_neighbors: k, the largest number of edges of an atom.

    Source: Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018).
    """

    cutoff: Cutoff = 8.0
    max_neighbors: Neighbors = 12

    name: ClassVar[str] = "knn-strict"
    continuous: ClassVar[bool] = False
    positional: ClassVar[tuple[str, ...]] = ("max_neighbors", "cutoff")
    shown: ClassVar[int] = 2

    def __post_init__(self) -> None:
        check_ranges(self, "graph")

    @property
    def rule(self) -> str:
        """Which neighbours are kept, in words."""
        return f"the first {self.max_neighbors} within {self.cutoff:g} Å, shells cut"

    def edges(self, crystal: Crystal) -> Edges:
        """Find the k nearest of each atom; ties go to those that come first."""
        edges = neighbors_within(crystal, self.cutoff)
        rounded = np.round(edges.distance / _SAME)
        order = np.lexsort((rounded, edges.center))  # stable: equals stay sorted by neighbor, image
        counts = np.bincount(edges.center, minlength=len(crystal))
        rank = np.arange(len(edges)) - np.repeat(np.cumsum(counts) - counts, counts)
        keep = np.zeros(len(edges), dtype=bool)
        keep[order] = rank < self.max_neighbors
        return edges.select(keep)


def _within(crystal: Crystal, radius: float, k: int, tolerance: float) -> Edges | None:
    """Return the edges up to the k-th neighbour's shell if the radius holds them all."""
    edges = neighbors_within(crystal, radius)
    kth = kth_distance(edges.distance, edges.center, len(crystal), k)
    if not np.all(kth + tolerance <= radius):
        return None
    return edges.select(edges.distance <= (kth + tolerance)[edges.center])


def _up_to_shell(edges: Edges, num_atoms: int, k: int, tolerance: float) -> Edges:
    limit = kth_distance(edges.distance, edges.center, num_atoms, k) + tolerance
    return edges.select(edges.distance <= limit[edges.center])


def _first_radius(crystal: Crystal, k: int) -> float:
    """A sphere that holds 2 k atoms at the crystal's density; 4 Å where the cell has none."""
    if not crystal.pbc.all():
        return 4.0
    return float(np.cbrt(1.5 * k * crystal.volume / (np.pi * len(crystal))))
