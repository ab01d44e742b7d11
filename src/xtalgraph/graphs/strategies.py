"""Which pairs of atoms are neighbours: a strategy is a frozen set of settings that finds edges."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import Edges, neighbors_within


class Strategy(ABC):
    """Finds the edges of a crystal. Subclasses are frozen dataclasses of their settings."""

    name: ClassVar[str]
    """The name in configurations."""
    continuous: ClassVar[bool]
    """Whether an edge can only appear or vanish at the cutoff, where an envelope is zero."""
    cutoff: float
    """No edge is longer than this, Å."""

    @abstractmethod
    def edges(self, crystal: Crystal) -> Edges:
        """Find the directed edges of one crystal, sorted by center."""


def _check_cutoff(cutoff: float) -> None:
    if not (np.isfinite(cutoff) and cutoff > 0):
        raise ConfigError(f"cutoff must be larger than 0 Å, got {cutoff}")


@dataclass(frozen=True)
class Radius(Strategy):
    """All neighbours within a cutoff, over all periodic images.

    Args:
        cutoff: Largest length of an edge, Å. Pairs within 1e-9 Å of it may go either way.
    """

    cutoff: float = 5.0

    name: ClassVar[str] = "radius"
    continuous: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_cutoff(self.cutoff)

    def edges(self, crystal: Crystal) -> Edges:
        """Find all edges up to the cutoff."""
        return neighbors_within(crystal, self.cutoff)


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

    cutoff: float = 8.0
    max_neighbors: int = 12
    shell_tolerance: float = 1e-3

    name: ClassVar[str] = "hybrid"
    continuous: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_cutoff(self.cutoff)
        if self.max_neighbors < 1:
            raise ConfigError(f"max_neighbors must be at least 1, got {self.max_neighbors}")
        if not self.shell_tolerance >= 0:
            raise ConfigError(f"shell_tolerance must not be negative, got {self.shell_tolerance}")

    def edges(self, crystal: Crystal) -> Edges:
        """Find the edges up to the k-th neighbour's shell."""
        found = neighbors_within(crystal, self.cutoff)
        counts = np.bincount(found.center, minlength=len(crystal))
        limit = _kth_distance(found, counts, self.max_neighbors) + self.shell_tolerance
        return found.select(found.distance <= limit[found.center])


def _kth_distance(
    edges: Edges, counts: Int[np.ndarray, " atoms"], k: int
) -> Float[np.ndarray, " atoms"]:
    """Distance of the k-th nearest neighbour of each atom; infinite where there are fewer."""
    order = np.lexsort((edges.distance, edges.center))
    starts = np.cumsum(counts) - counts
    enough = counts >= k
    kth = np.full(len(counts), np.inf)
    kth[enough] = edges.distance[order[starts[enough] + k - 1]]
    return kth


STRATEGIES: Final[dict[str, type[Radius] | type[Hybrid]]] = {
    strategy.name: strategy for strategy in (Radius, Hybrid)
}
"""Every strategy by its name in configurations."""
