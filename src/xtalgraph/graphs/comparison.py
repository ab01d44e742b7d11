"""Several strategies on one crystal, side by side."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE, reduce_graph
from xtalgraph.graphs.strategies import Strategy, strategy_spec
from xtalgraph.graphs.summary import count_pieces


@dataclass(frozen=True)
class GraphSize:
    """What one strategy makes of one crystal, in numbers."""

    strategy: str
    """In one word, as `parse_strategy` reads it."""
    num_edges: int
    """Directed edges."""
    degrees: list[int]
    """Edges of each atom, in the order of the file."""
    longest: float | None
    """Longest edge, Å; None where there is none."""
    components: int
    """Pieces into which the graph falls; 1 is whole."""
    reduced_atoms: int | None
    """Atoms after the symmetry reduction; None where nothing is reduced."""
    reduced_edges: int | None
    """Edges after it."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def compare_strategies(
    crystal: Crystal, strategies: Sequence[Strategy], reduction_tolerance: float = DEFAULT_TOLERANCE
) -> list[GraphSize | str]:
    """Build the graph of a crystal with each strategy and measure it.

    Args:
        crystal: Checked.
        strategies: In the order of the result.
        reduction_tolerance: Distances this close are merged, Å; 0 keeps the full graph.

    Returns:
        One for each strategy; the reason where the strategy raises `GraphError`.
    """
    return [_measure(crystal, strategy, reduction_tolerance) for strategy in strategies]


def _measure(crystal: Crystal, strategy: Strategy, tolerance: float) -> GraphSize | str:
    word = strategy_spec(strategy)
    try:
        graph = build_graph(crystal, strategy)
    except GraphError as error:
        return str(error)
    reduced = reduce_graph(graph, tolerance) if tolerance != 0 else None
    pieces = count_pieces(graph.center.numpy(), graph.neighbor.numpy(), len(crystal))
    return GraphSize(
        strategy=word,
        num_edges=len(graph.center),
        degrees=[int(degree) for degree in graph.degree],
        longest=float(graph.distance.max()) if len(graph.center) else None,
        components=pieces,
        reduced_atoms=None if reduced is None else len(reduced.number),
        reduced_edges=None if reduced is None else len(reduced.center),
    )
