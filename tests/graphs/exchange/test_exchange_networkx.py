"""networkx: its own degrees and components as oracles."""

import networkx
import pytest

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.exchange.networkx import from_networkx, to_networkx
from xtalgraph.graphs.summary import count_pieces


def test_there_and_back(batch, assert_equal):
    for single in batch.split():
        assert_equal(from_networkx(to_networkx(single)), single)


def test_real_crystals_there_and_back(real_batch, assert_equal):
    for single in real_batch.split():
        assert_equal(from_networkx(to_networkx(single)), single)


def test_degrees_and_pieces_agree(batch):
    for single in batch.split():
        found = to_networkx(single)
        assert [found.in_degree(atom) for atom in found] == single.degree.tolist()
        assert found.number_of_edges() == int(single.num_edges)
        pieces = count_pieces(single.center.numpy(), single.neighbor.numpy(), len(found))
        assert networkx.number_weakly_connected_components(found) == pieces


def test_edges_go_from_neighbor_to_center(batch):
    single = batch.split()[2]
    found = to_networkx(single)
    neighbor, center = int(single.neighbor[0]), int(single.center[0])
    image = tuple(single.image[0].tolist())
    assert found.edges[neighbor, center, image]["distance"] == float(single.distance[0])


def test_the_order_of_nodes_and_edges_does_not_matter(batch, assert_equal):
    single = batch.split()[0]
    found = to_networkx(single)
    turned = networkx.MultiDiGraph(**found.graph)
    turned.add_nodes_from(reversed(list(found.nodes(data=True))))
    turned.add_edges_from(reversed(list(found.edges(keys=True, data=True))))
    assert_equal(from_networkx(turned), single)


def test_what_cannot_be_is_refused(batch):
    found = to_networkx(batch.split()[0])
    with pytest.raises(GraphError, match=r"needs a networkx\.MultiDiGraph, got a DiGraph"):
        from_networkx(networkx.DiGraph(found))
    with pytest.raises(GraphError, match=r"the nodes must be 0 to 4, got \['a', "):
        from_networkx(networkx.relabel_nodes(found, {0: "a"}))
    plain = found.copy()
    plain.add_edge(0, 1, key=(1, 2))
    with pytest.raises(GraphError, match="the key of an edge must be its image"):
        from_networkx(plain)
    del found.nodes[3]["position"]
    with pytest.raises(GraphError, match="the attribute 'position' is missing"):
        from_networkx(found)
    with pytest.raises(GraphError, match="holds 10 crystals"):
        to_networkx(batch)
