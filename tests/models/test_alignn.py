"""ALIGNN's layers against the equations of the paper in loops; smooth where an edge leaves."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.reduction import merge_geometry
from xtalgraph.graphs.strategies import Hybrid
from xtalgraph.models.alignn import ALIGNN, EdgeGatedConvolution
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

SMALL = {"width": 6, "embedding_width": 5, "angle_basis": 4, "basis_step": 0.5}


@pytest.fixture(scope="module")
def graph() -> Graph:
    crystals = contract_crystals()
    few = [crystals[name] for name in ("cubic", "triclinic", "wire", "no edges")]
    return build_graph(few, Hybrid(cutoff=5.0, max_neighbors=4), angles=Angles())


def encoder(**settings: object) -> ALIGNN:
    torch.manual_seed(0)
    model = ALIGNN(ALIGNN.Config(**SMALL | {"envelope": "none"} | settings), 5.0).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.normal_()
    return model


def norm(layer: torch.nn.Module, rows: Tensor) -> Tensor:
    """The batch normalisation of Ioffe and Szegedy, by torch, with the statistics of the batch."""
    return functional.batch_norm(rows, None, None, layer.weight, layer.bias, training=True)


def convolution(
    layer: EdgeGatedConvolution, x: Tensor, y: Tensor, receiver: list[int], sender: list[int]
) -> tuple[Tensor, Tensor]:
    """Equations 1 to 3 of the paper, row by row and pair by pair, without the skip of the rows."""
    of_sender = layer.of_sender.weight
    b, v = of_sender[: len(of_sender) // 2], of_sender[len(of_sender) // 2 :]
    a, c, w = layer.gate_of_receiver, layer.gate_of_pair.weight, layer.own.weight
    m = [
        a.weight @ x[i] + a.bias + b @ x[j] + c @ y[k]
        for k, (i, j) in enumerate(zip(receiver, sender, strict=True))
    ]
    rows = []
    for i, row in enumerate(x):
        mine = [k for k, end in enumerate(receiver) if end == i]
        gates = [1 / (1 + torch.exp(-m[k])) for k in mine]
        total = sum(gates, torch.zeros_like(row)) + 1e-6
        heard = [gate / total * (v @ x[sender[k]]) for k, gate in zip(mine, gates, strict=True)]
        rows.append(w @ row + sum(heard, torch.zeros_like(row)))
    received = functional.silu(norm(layer.norm, torch.stack(rows)))
    if layer.pair_norm is None:
        return received, y
    return received, y + functional.silu(norm(layer.pair_norm, torch.stack(m)))


def test_the_network_is_the_equations_of_the_paper(graph):
    model = encoder(alignn_layers=2, gcn_layers=2)
    found = model(graph)

    def dense(layers: torch.nn.ModuleList, rows: Tensor) -> Tensor:
        for layer in layers:
            rows = functional.silu(norm(layer.norm, rows @ layer.linear.weight.T))
        return rows

    along_edges = graph.center.tolist(), graph.neighbor.tolist()
    along_triplets = graph.receiving_edge.tolist(), graph.sending_edge.tolist()
    h = functional.silu(norm(model.embed_norm, model.embed(graph)))
    e = dense(model.of_length, model.edges.basis(graph.distance))
    t = dense(model.of_angle, model.triplets.basis(graph.cosine))
    for layer in range(4):
        if layer < 2:
            heard, t = convolution(model.on_edges[layer], e, t, *along_triplets)
            e = e + heard
        heard, e = convolution(model.on_atoms[layer], h, e, *along_edges)
        h = h + heard
    torch.testing.assert_close(found.atom, h, rtol=1e-10, atol=1e-10)
    parameters = list(model.parameters())
    torch.testing.assert_close(
        torch.autograd.grad((found.atom**2).sum(), parameters),
        torch.autograd.grad((h**2).sum(), parameters),
        rtol=1e-8,
        atol=1e-8,
    )


def test_the_line_graph_joins_an_edge_to_those_that_end_where_it_starts(graph):
    """As in the paper: k → j → i, the angle at j, cos θ = r_ji · r_jk / |r_ji| |r_jk|."""
    vector = graph.vector
    for receiver, sender, cosine in zip(
        graph.receiving_edge[::17], graph.sending_edge[::17], graph.cosine[::17], strict=True
    ):
        assert graph.neighbor[receiver] == graph.center[sender]
        to_i, to_k = -vector[receiver], vector[sender]
        expected = to_i @ to_k / (to_i.norm() * to_k.norm())
        torch.testing.assert_close(cosine, expected)


def three(distance: float) -> Crystal:
    """Two atoms, and a third that is this far from the second, at a right angle, in Å."""
    positions = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [3.0, distance, 0.0]])
    return Crystal(100.0 * np.eye(3), positions, np.array([11, 17, 8]), np.zeros(3, bool))


@pytest.mark.parametrize("angle_cutoff", [4.0, 8.0], ids=["of angles", "of edges"])
@pytest.mark.parametrize("envelope", ["cosine", "polynomial"])
def test_nothing_jumps_where_an_edge_or_its_angles_leave(envelope, angle_cutoff):
    torch.manual_seed(0)
    settings = SMALL | {"envelope": envelope, "angle_cutoff": angle_cutoff}
    spec = ModelSpec(
        "alignn", settings, "auto", "radius", {"cutoff": 5.0}, (Target("y", Kind.EXTENSIVE),)
    )
    model, end, step = spec.make_model().double().eval(), min(5.0, angle_cutoff), 1e-5
    with torch.no_grad():
        graphs = [spec.make_graph(three(end + k * step)) for k in (-2, -1, 1, 2)]
        at = [float(model(graph).values["y"]) for graph in graphs]
    slopes = (at[1] - at[0]) / step, (at[3] - at[2]) / step
    assert abs(at[2] - at[1]) < 1e-3 * step + 2 * step * abs(slopes[1])
    assert slopes[0] == pytest.approx(slopes[1], abs=1e-3)


def test_without_angles_there_is_no_line_graph(graph):
    model = encoder(angle_neighbors=0)
    assert len(model.on_edges) == len(model.of_angle) == 0
    assert len(model(graph).layers) == 5


@pytest.mark.parametrize("neighbors", [12, 0])
def test_angles_are_read(graph, neighbors):
    merged = merge_geometry(graph, 1e-3)
    model = encoder(angle_neighbors=neighbors)  # with the statistics of the batch
    with torch.no_grad():
        change = model(merged).atom - model(merged.replace(cosine=-merged.cosine)).atom
    assert (float(change.abs().max()) > 1e-4) == (neighbors > 0)


def test_a_batch_without_angles_leaves_the_running_statistics_as_they_are(graph):
    model = encoder().train()
    model(graph)
    before = {key: value.clone() for key, value in model.named_buffers()}
    lonely = graph.select([3])
    assert len(lonely.center) == 0
    model(lonely)
    for key, value in model.named_buffers():
        assert torch.isfinite(value).all(), key
        if "pair_norm" in key or "of_angle" in key:
            assert torch.equal(value, before[key]), key
