"""Padding changes nothing that adds up by multiplicity, and comes in few sizes."""

import pytest
import torch

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.padding import Size, above, pad_graph, padded_size
from xtalgraph.graphs.strategies import Radius
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = list(contract_crystals().values())


def reduced(angles=None):
    return GraphSettings(Radius(5.0), 1e-3, angles).build(CRYSTALS)


@pytest.mark.parametrize("angles", [None, Angles(4.0)])
def test_the_graph_comes_first_and_the_rest_counts_nothing(angles):
    graph = reduced(angles)
    padded = pad_graph(graph, padded_size(graph))
    assert len(padded) == len(graph) + 1
    first, last = padded.select(range(len(graph))), padded.select([len(graph)])
    for name, value in vars(graph).items():
        assert torch.equal(getattr(first, name), value), name
    for multiplicity in (last.atom_multiplicity, last.edge_multiplicity, last.triplet_multiplicity):
        assert not multiplicity.any()
    assert padded_size(graph) == Size(
        len(padded.number), len(padded.center), len(padded.receiving_edge)
    )
    assert padded.edge_starts is not None
    assert padded.triplet_starts is not None


def test_sizes_are_few_and_at_most_a_little_too_large():
    sizes = [above(count) for count in range(5000)]
    assert all(count < size <= 1.25 * (count + 1) for count, size in enumerate(sizes))
    assert len(set(sizes)) < 60


def test_a_graph_that_does_not_fit_is_refused():
    graph = reduced()
    with pytest.raises(GraphError, match="must be larger"):
        pad_graph(graph, padded_size(graph)._replace(edges=len(graph.center)))
