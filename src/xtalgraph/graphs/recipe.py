"""How crystals become graphs, as a value: everything a graph depends on but its crystal."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.strategy import Strategy

BUILDER_VERSION: Final = 1
"""Raised by whoever changes a graph that some crystal gets: a field, an edge, an order, a bit.
Graphs kept on disk are used by the version that built them only; a test holds their hash."""


@final
@dataclass(frozen=True)
class GraphRecipe:
    """Builds graphs. Two equal recipes give equal graphs, to the bit.

    Args:
        strategy: Which pairs are neighbours.
        fold_tolerance: The graph is folded by symmetry, with distances this close merged, Å; 0
            leaves it as it is.

    Raises:
        ConfigError: If the tolerance is below 0.

    Example:
        >>> from xtalgraph.graphs.strategies import Radius
        >>> GraphRecipe(Radius(4.0), 1e-3).settings()
        {'strategy': 'radius', 'cutoff': 4.0, 'fold_tolerance': 0.001}
    """

    strategy: Strategy
    fold_tolerance: float = 0.0

    def __post_init__(self) -> None:
        if not self.fold_tolerance >= 0:
            raise ConfigError(f"fold_tolerance must be at least 0 Å, got {self.fold_tolerance}")

    def build(self, crystals: Crystal | Sequence[Crystal], *, progress: bool = False) -> Graph:
        """Build the graph of one crystal or of many, in one batch.

        Args:
            crystals: One or more; their order is kept.
            progress: Show a progress bar on standard error.

        Raises:
            GraphError: If there are no crystals, or the strategy refuses one of them.
        """
        if self.fold_tolerance > 0:
            return build_reduced(crystals, self.strategy, self.fold_tolerance, progress=progress)
        return build_graph(crystals, self.strategy, progress=progress)

    def settings(self) -> dict[str, Any]:
        """Return the recipe in plain values."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)[1:]}
        strategy: dict[str, Any] = dataclasses.asdict(self.strategy)  # type: ignore[call-overload]
        return {"strategy": self.strategy.name, **strategy, **own}
