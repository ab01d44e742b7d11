"""Which crystals a strategy serves, one by one."""

import dataclasses

import pytest
import torch

from xtalgraph.data.refusals import build_or_refuse
from xtalgraph.graphs.recipe import GraphRecipe
from xtalgraph.graphs.strategies import Bonded
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = contract_crystals()


@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
def test_the_graph_is_that_of_the_served(tolerance):
    recipe, names = GraphRecipe(Bonded(), tolerance), list(CRYSTALS)
    graph, refused = build_or_refuse(list(CRYSTALS.values()), recipe)
    reasons = {names[one.index]: one.reason for one in refused}
    assert reasons.keys() >= {"slab", "wire"}
    assert "bonds by Voronoi cells need pbc" in reasons["slab"]
    expected = recipe.build([c for name, c in CRYSTALS.items() if name not in reasons])
    assert type(graph) is type(expected)
    for field in dataclasses.fields(expected):
        assert torch.equal(getattr(graph, field.name), getattr(expected, field.name))


def test_all_or_none():
    recipe = GraphRecipe(Bonded())
    graph, refused = build_or_refuse([CRYSTALS["cubic"]], recipe)
    assert (len(graph), refused) == (1, [])
    graph, refused = build_or_refuse([CRYSTALS["slab"]], recipe)
    assert (graph, [one.index for one in refused]) == (None, [0])
    assert build_or_refuse([], recipe) == (None, [])
