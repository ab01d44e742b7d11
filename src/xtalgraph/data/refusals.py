"""Crystals of which no graph can be built: each is named with its reason, the others are built."""

from collections.abc import Sequence

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.graph import Graph, collate
from xtalgraph.graphs.graph_settings import GraphSettings
from xtalgraph.graphs.unsupported import UnsupportedStructure


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
