"""PyTorch Geometric: its own batching, its own layer, its own transform as oracles."""

from pathlib import Path

import pytest
import torch
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import CGConv

from xtalgraph.conventions.errors import GraphError
from xtalgraph.data.table import read_table
from xtalgraph.graphs.angles import Angles, add_triplets
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.pyg import from_pyg, to_pyg
from xtalgraph.graphs.reduction import merge_geometry
from xtalgraph.graphs.strategies import Hybrid, Radius


def test_there_and_back(batch, assert_equal):
    assert_equal(from_pyg(to_pyg(batch)), batch)
    single = batch.to(dtype=torch.float32)
    assert_equal(from_pyg(to_pyg(single)), single)


def test_real_crystals_there_and_back(real_batch, assert_equal):
    assert_equal(from_pyg(to_pyg(real_batch)), real_batch)


def test_folded_graphs_there_and_back(crystals, undirected, assert_equal):
    reduced = build_reduced(crystals, Hybrid(), 1e-3)
    assert_equal(from_pyg(to_pyg(reduced)), reduced)
    merged = merge_geometry(undirected, 1e-3)
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


def test_triplets_survive_in_any_batch(crystals, assert_equal):
    # all but the batch itself is PyG's: taking apart, and putting together in another order
    full = add_triplets(build_graph(crystals, Radius(4.0)))
    reduced = build_reduced(crystals, Radius(4.0), 1e-3, angles=Angles(cutoff=3.5))
    for graph in (full, reduced):
        assert len(graph.receiving_edge)
        assert_equal(from_pyg(to_pyg(graph)), graph)
        parts = to_pyg(graph).to_data_list()
        chosen = [3, 0, 8, 2]
        joined = Batch.from_data_list([parts[i] for i in chosen])
        assert_equal(from_pyg(joined), graph.select(chosen))


def test_triplets_of_edges_in_another_order_are_refused(undirected):
    data = to_pyg(add_triplets(undirected))
    data.edge_index = data.edge_index.flip(1)
    data.cell_offsets = data.cell_offsets.flip(0)
    with pytest.raises(GraphError, match="receiving_edge numbers edges, and they are not sorted"):
        from_pyg(data)
    for name in ("num_triplets", "receiving_edge", "sending_edge", "at_center"):
        del data[name]
    assert torch.equal(from_pyg(data).neighbor, undirected.neighbor)


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
