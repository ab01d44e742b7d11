"""DGL: its own batching and its own message passing as oracles."""

import pytest
import torch

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.exchange.dgl import from_dgl, to_dgl

dgl = pytest.importorskip("dgl", reason="DGL 1 has wheels for Python 3.11 and older only")


def test_there_and_back(batch, assert_equal):
    assert_equal(from_dgl(to_dgl(batch)), batch)
    single = batch.to(dtype=torch.float32)
    assert_equal(from_dgl(to_dgl(single)), single)


def test_real_crystals_there_and_back(real_batch, assert_equal):
    assert_equal(from_dgl(to_dgl(real_batch)), real_batch)


def test_what_dgl_takes_apart_and_joins_comes_back(batch, assert_equal):
    parts = dgl.unbatch(to_dgl(batch))
    for part, single in zip(parts, batch.split(), strict=True):
        assert_equal(from_dgl(part), single)
    assert_equal(from_dgl(dgl.batch(parts[::-1])), batch.select(range(len(batch))[::-1]))


def test_messages_of_dgl_go_from_neighbor_to_center(batch):
    graph = to_dgl(batch)
    graph.ndata["h"] = torch.arange(len(batch.number), dtype=torch.float64) ** 2
    graph.update_all(dgl.function.u_mul_e("h", "distance", "m"), dgl.function.sum("m", "out"))
    sent = graph.ndata["h"][batch.neighbor] * batch.distance
    expected = torch.zeros_like(graph.ndata["h"]).index_add(0, batch.center, sent)
    torch.testing.assert_close(graph.ndata["out"], expected)
    assert torch.equal(graph.in_degrees(), batch.degree)


def test_what_cannot_be_is_refused(batch):
    graph = to_dgl(batch)
    graph.ndata["pbc"] = torch.rand(len(batch.number), 3) > 0.5
    with pytest.raises(GraphError, match="must have one pbc"):
        from_dgl(graph)
    del graph.ndata["pbc"]
    with pytest.raises(GraphError, match="ndata of this DGLGraph lacks pbc"):
        from_dgl(graph)
    bare = to_dgl(batch)
    del bare.edata["image"]
    with pytest.raises(GraphError, match="edata of this DGLGraph lacks image"):
        from_dgl(bare)
