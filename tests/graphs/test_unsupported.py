"""Which crystals a strategy serves, one by one."""

import dataclasses

import pytest
import torch

from xtalgraph.graphs.build import GraphSettings, build_supported
from xtalgraph.graphs.strategies import Bonded
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = contract_crystals()


@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
def test_the_graph_is_that_of_the_served(tolerance):
    graph_settings, names = GraphSettings(Bonded(), tolerance), list(CRYSTALS)
    graph, unsupported = build_supported(list(CRYSTALS.values()), graph_settings)
    reasons = {names[one.index]: one.reason for one in unsupported}
    assert reasons.keys() >= {"slab", "wire"}
    assert "bonds by Voronoi cells need pbc" in reasons["slab"]
    expected = graph_settings.build([c for name, c in CRYSTALS.items() if name not in reasons])
    assert type(graph) is type(expected)
    for field in dataclasses.fields(expected):
        assert torch.equal(getattr(graph, field.name), getattr(expected, field.name))


def test_all_or_none():
    graph_settings = GraphSettings(Bonded())
    graph, unsupported = build_supported([CRYSTALS["cubic"]], graph_settings)
    assert (len(graph), unsupported) == (1, [])
    graph, unsupported = build_supported([CRYSTALS["slab"]], graph_settings)
    assert (graph, [one.index for one in unsupported]) == (None, [0])
    assert build_supported([], graph_settings) == (None, [])
