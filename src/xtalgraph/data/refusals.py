"""Crystals of which no graph can be built: each is named with its reason, the others are built."""

from collections.abc import Sequence

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.graph import Graph, collate
from xtalgraph.graphs.recipe import GraphRecipe
from xtalgraph.graphs.refusal import Refusal


def build_or_refuse(
    crystals: Sequence[Crystal], recipe: GraphRecipe, *, progress: bool = False
) -> tuple[Graph | None, list[Refusal]]:
    """Build one graph of all the crystals of which one can be built.

    Args:
        crystals: What to build from; their order is kept.
        recipe: How.
        progress: Show a progress bar on standard error.

    Returns:
        The graph, None if there is none, and what was refused.
    """
    if not crystals:
        return None, []
    try:
        return recipe.build(crystals, progress=progress), []
    except GraphError:
        pass  # which of them it was is found one by one, below
    served: list[Graph] = []
    refused: list[Refusal] = []
    for index, crystal in enumerate(crystals):
        try:
            served.append(recipe.build(crystal))
        except GraphError as error:
            refused.append(Refusal(index, str(error)))
    return (collate(served) if served else None), refused
