"""Functions of lengths and directions at the slots of the edges they belong to."""

import pytest
import torch

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.testing.crystals import contract_crystals

HARMONICS = SphericalHarmonics(2)


def graph_of(strategy) -> CrystalGraph:
    return build_graph(list(contract_crystals().values()), strategy)


@pytest.mark.parametrize("strategy", [Radius(4.0), Hybrid(4.0, 6)], ids=["pairs", "no pairs"])
def test_every_edge_is_at_its_place(strategy):
    graph = graph_of(strategy)
    assert (graph.pairs is None) is isinstance(strategy, Hybrid)
    around = Surroundings.of(graph, HARMONICS, torch.float64)
    unit = graph.vector / graph.distance.unsqueeze(-1)
    harmonics = around.harmonics.mT.flatten(0, 1)
    slot = graph.neighborhoods.slot
    torch.testing.assert_close(harmonics[slot], HARMONICS(unit))
    lengths = around.at_slots(around.distance.unsqueeze(-1)).flatten()
    torch.testing.assert_close(lengths[slot], graph.distance)
    numbers = around.at_neighbors(graph.number.double().unsqueeze(-1)).flatten()
    torch.testing.assert_close(numbers[slot], graph.number[graph.neighbor].double())
    placed = around.at_slots(around.distance.unsqueeze(-1))
    torch.testing.assert_close(around.of_edges(placed).squeeze(-1), graph.distance)
    empty = torch.ones(len(lengths), dtype=torch.bool).index_fill(0, slot, False)
    assert bool(empty.any())
    assert not bool(harmonics[empty].any())
    assert not bool(lengths[empty].any())


@pytest.mark.parametrize("strategy", [Radius(3.0), Hybrid(3.0, 3)], ids=["pairs", "no pairs"])
def test_rows_at_their_places_are_twice_differentiable(strategy):
    graph = build_graph([contract_crystals()[name] for name in ("cubic", "slab")], strategy)
    around = Surroundings.of(graph, HARMONICS, torch.float64)
    rows = torch.randn(len(around.distance), 2, requires_grad=True)

    def placed(values: torch.Tensor) -> torch.Tensor:
        return around.at_slots(values).sin()

    def edges(values: torch.Tensor) -> torch.Tensor:
        return around.of_edges(placed(values))

    for function in (placed, edges):
        assert torch.autograd.gradcheck(function, rows)
        assert torch.autograd.gradgradcheck(function, rows)
