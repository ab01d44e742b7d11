"""Each edge is found with its reverse, on cells of every shape."""

import numpy as np
import pytest
import torch

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.nearest import KNearest
from xtalgraph.graphs.strategies import Radius
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = contract_crystals()


@pytest.mark.parametrize(
    "name", [name for name in CRYSTALS if name not in ("one atom", "no edges")]
)
def test_both_edges_of_a_pair_are_the_same_way_there_and_back(name):
    graph = build_graph([CRYSTALS[name], CRYSTALS["distorted"]], Radius(4.0))
    pairs = graph.pairs
    assert pairs is not None
    assert 2 * len(pairs) == len(graph.center)
    edge = torch.empty_like(pairs.rows)
    edge[pairs.rows] = torch.arange(len(edge))
    there, back = edge[: len(pairs)], edge[len(pairs) :]
    assert torch.equal(there, pairs.first)
    assert torch.equal(graph.center[there], graph.neighbor[back])
    assert torch.equal(graph.neighbor[there], graph.center[back])
    assert torch.equal(graph.image[there], -graph.image[back])
    for edges in there, back:
        torch.testing.assert_close(graph.pair_distance, graph.distance[edges])


def test_a_graph_of_one_crystal_has_the_same_lengths():
    graph = build_graph(CRYSTALS["triclinic"], Radius(4.0))
    torch.testing.assert_close(graph.pair_distance, graph.distance[graph.pairs.first])


def test_edges_without_a_reverse_make_no_pairs():
    assert build_graph(CRYSTALS["distorted"], KNearest(3, 6.0)).pairs is None
    graph = build_graph(CRYSTALS["distorted"], Radius(4.0))
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(graph.center)))
    fields = {name: getattr(graph, name)[order] for name in ("center", "neighbor", "image")}
    assert graph.replace(**fields).pairs is None


def test_a_moved_graph_keeps_its_pairs_and_has_new_lengths():
    graph = build_graph(CRYSTALS["distorted"], Radius(4.0))
    pairs = graph.pairs
    moved = graph.moved(2 * graph.position, 2 * graph.cell)
    assert moved.pairs is pairs
    torch.testing.assert_close(moved.pair_distance, 2 * graph.pair_distance)
