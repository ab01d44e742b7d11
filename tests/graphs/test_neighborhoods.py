"""Rows of slots hold each edge once."""

import pytest
import torch

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.testing.crystals import contract_crystals


@pytest.mark.parametrize("ordered", [True, False])
def test_each_edge_has_a_place_in_the_row_of_its_center(ordered):
    graph = build_graph(list(contract_crystals().values()), Radius(4.0))
    if not ordered:
        order = torch.randperm(len(graph.center), generator=torch.Generator().manual_seed(0))
        graph = graph.replace(
            center=graph.center[order], neighbor=graph.neighbor[order], image=graph.image[order]
        )
    around = graph.neighborhoods
    atoms, slots = around.shape
    assert (atoms, slots) == (len(graph.number), int(graph.degree.max()))
    assert len(torch.unique(around.slot)) == len(graph.center)
    assert torch.equal(around.slot // slots, graph.center)
    assert torch.equal(around.neighbor[around.slot], graph.neighbor)
    filled = torch.zeros(atoms * slots, dtype=torch.bool)
    filled[around.slot] = True
    first = torch.arange(slots) < graph.degree.unsqueeze(-1)
    assert torch.equal(filled.view(atoms, slots), first), "empty slots are at the end"


def test_it_does_not_follow_the_positions():
    graph = build_graph(contract_crystals()["cubic"], Radius(4.0))
    around = graph.neighborhoods
    assert graph.moved(graph.position + 0.1, graph.cell).neighborhoods is around


def test_without_edges_there_are_no_places():
    around = build_graph(contract_crystals()["no edges"], Radius(4.0)).neighborhoods
    assert around.shape == (1, 0)
    assert len(around.neighbor) == 0
