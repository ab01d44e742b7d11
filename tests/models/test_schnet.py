"""SchNet's interaction block against PyTorch Geometric's with the same weights."""

import math

import pytest
import torch

from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.schnet import Interaction, SchNet
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.expansion import Expansion
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 5.0
WIDTH, BASIS, FILTERS = 6, 5, 7


def theirs_like(ours: Interaction, cutoff: float) -> torch.nn.Module:
    from torch_geometric.nn.models.schnet import InteractionBlock

    theirs = InteractionBlock(WIDTH, BASIS, FILTERS, cutoff).double()
    message = ours.convolution.message
    pairs = [
        (theirs.conv.lin1, message.of_neighbor),
        (theirs.mlp[0], message.filter[0]),
        (theirs.mlp[2], message.filter[2]),
        (theirs.conv.lin2, ours.dense[0]),
        (theirs.lin, ours.dense[2]),
    ]
    for other, mine in pairs:
        other.load_state_dict(mine.state_dict())
    return theirs


@pytest.mark.parametrize("envelope", [True, False], ids=["cosine", "none"])
def test_the_interaction_is_that_of_pytorch_geometric(pyg, envelope):
    torch.manual_seed(0)
    graph = build_graph(list(contract_crystals().values()), Radius(CUTOFF))
    ours = Interaction(WIDTH, BASIS, FILTERS).double()
    # Theirs always has a cosine; from very far away it is one.
    theirs = theirs_like(ours, CUTOFF if envelope else 1e9)
    settings = SchNet.Config(envelope="cosine" if envelope else "none")
    factor = SchNet(settings, CUTOFF).edges.envelope(graph.distance)
    atom = torch.randn(len(graph.number), WIDTH, dtype=torch.float64, requires_grad=True)
    edge = torch.randn(len(graph.center), BASIS, dtype=torch.float64, requires_grad=True)
    found = ours(atom, Expansion(edge, factor, factor.unsqueeze(-1)), graph, None)
    index = torch.stack([graph.neighbor, graph.center])
    expected = theirs(atom, index, graph.distance, edge)
    # Their ln 2 has seven digits.
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(
        torch.autograd.grad((found**2).sum(), [atom, edge]),
        torch.autograd.grad((expected**2).sum(), [atom, edge]),
        rtol=1e-6,
        atol=1e-6,
    )


def ssp(x: torch.Tensor) -> torch.Tensor:
    return torch.log(0.5 * torch.exp(x) + 0.5)


def test_the_whole_encoder_written_out():
    torch.manual_seed(0)
    graph = build_graph(contract_crystals()["triclinic"], Radius(4.0))
    encoder = SchNet(SchNet.Config(width=5, filters=4, depth=2, envelope="none"), 4.0).double()
    x = [encoder.embed.weight[z] for z in graph.number.tolist()]
    for block in encoder.interactions:
        message = block.convolution.message
        total = [torch.zeros(4, dtype=torch.float64) for _ in x]
        ends = zip(graph.center.tolist(), graph.neighbor.tolist(), strict=True)
        for k, (i, j) in enumerate(ends):
            d = graph.distance[k]
            gaussians = torch.tensor(
                [math.exp(-10.0 * (float(d) - 0.1 * n) ** 2) for n in range(41)],
                dtype=torch.float64,
            )
            w = message.filter[2](ssp(message.filter[0](gaussians)))
            total[i] = total[i] + (message.of_neighbor.weight @ x[j]) * w
        x = [a + block.dense[2](ssp(block.dense[0](t))) for a, t in zip(x, total, strict=True)]
    features = encoder(graph)
    torch.testing.assert_close(features.atom, torch.stack(x), rtol=1e-6, atol=1e-7)
    assert len(features.layers) == 3


def test_it_can_be_chosen_by_name():
    spec = ModelSpec("schnet", {}, "auto", "radius", {}, (Target("e", Kind.EXTENSIVE),))
    assert isinstance(spec.make_model().encoder, SchNet)
    assert spec.settings["filters"] == 64
