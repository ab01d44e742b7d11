"""What a neighbour strategy made of some crystals: a graph of those that it serves."""

from collections.abc import Mapping
from dataclasses import dataclass

from xtalgraph.graphs.graph import Graph


@dataclass(frozen=True, eq=False)
class Admission:
    """The graph of the crystals that a strategy serves, and why it refuses the others."""

    graph: Graph | None
    """Of the crystals that are served, in their order; None where there are none."""
    refused: Mapping[int, str]
    """The reason for each crystal that is refused, by its place among those that were given."""
