"""How crystals become graphs, as a value: everything a graph depends on but its crystal."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.graph import Graph, collate
from xtalgraph.graphs.strategy import Strategy
from xtalgraph.graphs.unsupported import UnsupportedStructure

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

    Raises:
        ConfigError: If the tolerance is below 0.

    Example:
        >>> from xtalgraph.graphs.strategies import Radius
        >>> GraphSettings(Radius(4.0), 1e-3).settings()
        {'strategy': 'radius', 'cutoff': 4.0, 'reduction_tolerance': 0.001, 'angles': None}
    """

    strategy: Strategy
    reduction_tolerance: float = 0.0
    angles: Angles | None = None

    def __post_init__(self) -> None:
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
            GraphError: If there are no crystals, or the strategy refuses one of them.
        """
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
        further = {"reduction_tolerance": self.reduction_tolerance, "angles": angles}
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
