"""GCN against PyTorch Geometric's with the same weights, and against its equation in loops."""

import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.models.gcn import GCN
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals


def encoder(**settings: object) -> GCN:
    torch.manual_seed(0)
    return GCN(GCN.Config(width=6, depth=2, **settings), 5.0).double()


def graph_of(strategy: object) -> Graph:
    return build_graph(list(contract_crystals().values()), strategy)


@pytest.mark.parametrize("envelope", ["none", "cosine"])
def test_with_degrees_it_is_that_of_pytorch_geometric(pyg, envelope):
    graph = graph_of(Radius(5.0))
    ours = encoder(alpha="degree", aggregator="sum", envelope=envelope)
    atom = ours.embed(graph)
    # Theirs takes an edge to an own image for the loop it would add, so the loops are given.
    loops = torch.arange(len(atom)).expand(2, -1)
    index = torch.cat([torch.stack([graph.neighbor, graph.center]), loops], dim=1)
    factor = torch.cat([ours.edges.envelope(graph.distance), torch.ones_like(atom[:, 0])])
    for convolution in ours.convolutions:
        theirs = pyg.GCNConv(6, 6, add_self_loops=False).double()
        theirs.lin.weight, theirs.bias = convolution.linear.weight, convolution.linear.bias
        atom = torch.relu(theirs(atom, index, factor))
    torch.testing.assert_close(ours(graph).atom, atom, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("aggregator", ["mean", "sum"])
def test_with_a_network_it_is_the_equation_in_loops(aggregator):
    graph = graph_of(Hybrid(cutoff=5.0))
    ours = encoder(envelope="none", aggregator=aggregator)
    h = list(ours.embed(graph))
    for convolution in ours.convolutions:
        alpha = convolution.messages.message.alpha
        weight, bias = convolution.linear.weight, convolution.linear.bias
        new = []
        for i in range(len(h)):
            edges = (graph.center == i).nonzero().flatten().tolist()
            total = torch.zeros(6, dtype=torch.float64)
            for k in edges:
                total = (
                    total + alpha(ours.edges.basis(graph.distance[[k]]))[0] * h[graph.neighbor[k]]
                )
            if aggregator == "mean" and edges:
                total = total / len(edges)
            new.append(torch.relu(weight @ (h[i] + total) + bias))
        h = new
    torch.testing.assert_close(ours(graph).atom, torch.stack(h), rtol=1e-10, atol=1e-10)


def test_degrees_divide_once():
    with pytest.raises(ConfigError, match=r"needs model\.aggregator=sum, got 'mean'"):
        ModelSpec("gcn", {"alpha": "degree"}, "auto", "radius", {}, (Target("e", Kind.EXTENSIVE),))


@pytest.mark.parametrize(
    "settings",
    [{"alpha": "degree", "aggregator": "sum"}]
    + [{"aggregator": name} for name in ("sum", "max", "attention")],
    ids=str,
)
def test_every_choice_signs_the_contract(settings):
    torch.manual_seed(0)
    spec = ModelSpec(
        "gcn",
        {"width": 8, "depth": 2, **settings},
        "auto",
        "radius",
        {},
        (Target("e", Kind.EXTENSIVE),),
        1e-3,
    )
    assert [c for c in check_contract(spec.make_model(), spec) if not c.passed] == []


def test_an_unknown_alpha_is_told_the_nearest():
    config = GCN.Config()
    object.__setattr__(config, "alpha", "degre")  # past the checker of types in these tests
    with pytest.raises(ConfigError, match=r"unknown model\.alpha 'degre'; did you mean 'degree'"):
        config.__post_init__()
