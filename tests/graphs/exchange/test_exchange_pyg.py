"""PyTorch Geometric: its own batching, its own layer, its own transform as oracles."""

from pathlib import Path

import pytest
import torch
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import CGConv

from xtalgraph.conventions.errors import GraphError
from xtalgraph.data.table import read_table
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange import pyg_data
from xtalgraph.graphs.exchange.pyg import from_pyg, to_pyg
from xtalgraph.graphs.reduction import merge_distances
from xtalgraph.graphs.strategies import Hybrid, Radius


def test_there_and_back(batch, assert_equal):
    assert_equal(from_pyg(to_pyg(batch)), batch)
    single = batch.to(dtype=torch.float32)
    assert_equal(from_pyg(to_pyg(single)), single)


def test_real_crystals_there_and_back(real_batch, assert_equal):
    assert_equal(from_pyg(to_pyg(real_batch)), real_batch)


def test_folded_graphs_there_and_back(crystals, undirected, assert_equal):
    folded = build_reduced(crystals, Hybrid(), 1e-3)
    assert_equal(from_pyg(to_pyg(folded)), folded)
    merged = merge_distances(undirected, 1e-3)
    assert_equal(from_pyg(to_pyg(merged)), merged)


def test_a_batch_is_the_batch_of_its_singles(batch):
    whole = to_pyg(batch)
    singles = [to_pyg(single).to_data_list()[0] for single in batch.split()]
    joined = Batch.from_data_list(singles)
    assert set(whole.keys()) == set(joined.keys())
    for key in whole.keys():  # noqa: SIM118
        assert torch.equal(torch.as_tensor(whole[key]), torch.as_tensor(joined[key])), key
    assert torch.equal(whole.batch, batch.crystal_of_atom)
    assert whole.num_graphs == len(batch)
    assert whole.validate()


def test_what_pyg_takes_apart_and_loads_comes_back(batch, assert_equal):
    parts = to_pyg(batch).to_data_list()
    for part, single in zip(parts, batch.split(), strict=True):
        assert_equal(from_pyg(part), single)
    loaded = list(DataLoader(parts, batch_size=4))
    assert_equal(from_pyg(loaded[1]), batch.select([4, 5, 6, 7]))


def test_distances_follow_from_positions_and_offsets(batch):
    data = to_pyg(batch)
    source, target = data.edge_index
    shift = data.cell_offsets.double().unsqueeze(1) @ data.cell[data.batch[target]]
    length = (data.pos[source] + shift.squeeze(1) - data.pos[target]).norm(dim=1, keepdim=True)
    torch.testing.assert_close(data.edge_attr, length, rtol=0, atol=1e-12)


def test_a_layer_of_pyg_sends_messages_from_neighbor_to_center(batch):
    torch.manual_seed(0)
    data = to_pyg(batch)
    layer = CGConv(4, dim=1).double()
    x = torch.randn(data.num_nodes, 4, dtype=torch.float64)
    ends = [x[batch.center], x[batch.neighbor], batch.distance.unsqueeze(1)]
    message = torch.cat(ends, dim=1)
    gated = layer.lin_f(message).sigmoid() * torch.nn.functional.softplus(layer.lin_s(message))
    expected = x.index_add(0, batch.center, gated)
    torch.testing.assert_close(layer(x, data.edge_index, data.edge_attr), expected)
    assert not torch.equal(expected, x)


def test_edges_may_stand_in_any_order(batch, assert_equal):
    data = to_pyg(batch)
    order = torch.randperm(data.num_edges, generator=torch.Generator().manual_seed(1))
    data.edge_index = data.edge_index[:, order]
    data.cell_offsets = data.cell_offsets[order]
    assert_equal(from_pyg(data), batch)


def test_a_data_of_somebody_else(assert_equal, undirected):
    single = undirected.split()[0]
    plain = Data(
        z=single.number,
        pos=single.position,
        cell=single.cell[0],
        pbc=single.pbc[0],
        edge_index=torch.stack([single.neighbor, single.center]),
        cell_offsets=single.image,
    )
    assert_equal(from_pyg(plain), single)
    plain.batch = torch.zeros_like(single.number)
    assert_equal(from_pyg(plain), single)
    plain.batch = torch.tensor([0, 1, 0, 1, 0])
    with pytest.raises(GraphError, match="batch must be sorted"):
        from_pyg(plain)


def test_rock_salt_from_its_cif_has_144_edges_in_pyg():
    path = Path(__file__).parents[3] / "docs" / "examples-graph" / "NaCl.cif"
    (salt,) = read_table(path).crystals
    data = to_pyg(build_graph(salt, Radius(4.0))).to_data_list()[0]
    assert (data.num_nodes, data.num_edges) == (8, 8 * (6 + 12))
    assert data.is_undirected()


def test_gradients_go_through(undirected):
    position = undirected.position.clone().requires_grad_()
    data = to_pyg(undirected.replace(position=position))
    (gradient,) = torch.autograd.grad(data.edge_attr.exp().sum(), position)
    (ours,) = torch.autograd.grad(
        undirected.replace(position=position).distance.exp().sum(), position
    )
    torch.testing.assert_close(gradient, ours)


def test_attributes_that_number_edges_are_counted_on(monkeypatch, undirected):
    monkeypatch.setattr(pyg_data, "EDGE_POINTERS", frozenset({"reverse_edge"}))
    parts = to_pyg(undirected.select([0, 1])).to_data_list()
    for part in parts:
        part.reverse_edge = torch.arange(part.num_edges)
    joined = Batch.from_data_list(parts)
    assert torch.equal(joined.reverse_edge, torch.arange(joined.num_edges))
    for part, again in zip(parts, joined.to_data_list(), strict=True):
        assert torch.equal(part.reverse_edge, again.reverse_edge)


@pytest.mark.parametrize("name", ["z", "cell", "pbc", "edge_index", "cell_offsets"])
def test_what_is_missing_is_named(undirected, name):
    data = to_pyg(undirected)
    del data[name]
    with pytest.raises(GraphError, match=f"lacks {name}; a CrystalGraph needs"):
        from_pyg(data)


def test_without_positions_the_graph_is_invariant(undirected):
    data = to_pyg(undirected)
    del data["pos"]
    with pytest.raises(GraphError, match="lacks atom_multiplicity, edge_multiplicity"):
        from_pyg(data)


def one_edge(source: int, target: int, image: list[int], **changed) -> Batch:
    data = Data(
        z=torch.tensor([11, 17]),
        pos=torch.tensor([[0.0, 0, 0], [2.0, 2, 2]]),
        cell=4 * torch.eye(3).unsqueeze(0),
        pbc=torch.tensor([[True, True, False]]),
        edge_index=torch.tensor([[source], [target]]),
        cell_offsets=torch.tensor([image]),
        num_nodes=2,
    )
    return data.update(changed)


def test_edges_that_cannot_be():
    assert isinstance(from_pyg(one_edge(0, 1, [0, 1, 0])), CrystalGraph)
    with pytest.raises(GraphError, match="names atom 2, and there are 2 atoms"):
        from_pyg(one_edge(0, 2, [0, 0, 0]))
    with pytest.raises(GraphError, match="atom 1 has an edge to itself"):
        from_pyg(one_edge(1, 1, [0, 0, 0]))
    with pytest.raises(GraphError, match=r"has the image \[0, 0, 1\], but pbc is"):
        from_pyg(one_edge(0, 1, [0, 0, 1]))
    twice = {
        "edge_index": torch.tensor([[0, 0], [1, 1]]),
        "cell_offsets": torch.zeros(2, 3, dtype=torch.long),
    }
    with pytest.raises(GraphError, match=r"atom 1 to atom 0 in image \[0, 0, 0\] stands twice"):
        from_pyg(one_edge(0, 1, [0, 0, 0], **twice))
    joined = Batch.from_data_list([one_edge(0, 1, [0, 0, 0])] * 2)
    joined.edge_index = torch.tensor([[0, 2], [1, 1]])
    with pytest.raises(GraphError, match="atom 1 of crystal 0 and atom 2 of crystal 1"):
        from_pyg(joined)
