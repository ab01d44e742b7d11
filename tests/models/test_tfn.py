"""The tensor field network is its equations, written out edge by edge on e3nn."""

import math

import pytest
import torch
from e3nn import o3
from torch.nn.functional import silu, softplus

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.models.tfn import TFN
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 4.0


def encoder(**settings) -> TFN:
    torch.manual_seed(0)
    size = {"channels": 3, "depth": 2, "radials": 4, "radial_width": 5}
    model = TFN(TFN.Config(**size | settings), CUTOFF).double()
    with torch.no_grad():
        for layer in model.layers:
            for bias in layer.nonlinearity.biases:
                bias.normal_()
    return model


def by_edges(model: TFN, graph) -> dict:
    distance = graph.distance
    waves = torch.arange(1, model.config.radials + 1) * torch.pi / CUTOFF
    basis = 2**0.5 * torch.sin(distance.unsqueeze(-1) * waves) / distance.unsqueeze(-1)
    basis = basis * model.edges.envelope(distance).unsqueeze(-1)
    unit = graph.vector / distance.unsqueeze(-1)
    tensors = {(0, 1): model.embed(graph).unsqueeze(-1)}  # channels, then components
    for layer in model.layers:
        first, last = layer.radial.weights
        radial = silu(basis @ first) @ last
        mixed = {
            irrep: torch.einsum("acm,cd->adm", tensors[irrep], weight)
            for irrep, weight in zip(layer.before.outputs, layer.before.weights, strict=True)
        }
        sums: dict = {irrep: [] for irrep in layer.outputs}
        column = 0
        for start, values in mixed.items():
            for order in range(model.config.degree + 1):
                for end in o3.Irrep(*start) * o3.Irrep(order, (-1) ** order):
                    if (end.l, end.p) not in layer.outputs:
                        continue
                    weight = radial[:, column : column + values.shape[1]]
                    column += values.shape[1]
                    y = o3.spherical_harmonics(order, unit, False, normalization="component")
                    couple = (2 * end.l + 1) ** 0.5 * o3.wigner_3j(start[0], order, end.l)
                    message = torch.einsum(
                        "ec,eca,eb,abm->ecm", weight, values[graph.neighbor], y, couple
                    )
                    total = message.new_zeros(len(graph.number), *message.shape[1:])
                    sums[end.l, end.p].append(total.index_add(0, graph.center, message))
        assert column == radial.shape[1]
        made = {}
        parts = zip(layer.outputs, layer.after.weights, layer.nonlinearity.biases, strict=True)
        own = dict(zip(layer.of_self.outputs, layer.of_self.weights, strict=True))
        for irrep, weight, bias in parts:
            joined = 0.25 * torch.cat(sums[irrep], dim=1)
            value = torch.einsum("acm,cd->adm", joined, weight)
            if irrep in own:
                value = value + torch.einsum("acm,cd->adm", tensors[irrep], own[irrep])
            shift = bias.unsqueeze(-1)
            if irrep == (0, 1):
                made[irrep] = softplus(value + shift) - math.log(2)
            else:
                norm = (value.pow(2).sum(-1, keepdim=True) + 1e-3).sqrt()
                made[irrep] = (softplus(norm + shift) - math.log(2)) * value
        tensors = made
    return tensors


@pytest.fixture(autouse=True)
def _double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("strategy", [Radius(CUTOFF), Hybrid(CUTOFF, 6)], ids=["pairs", "no pairs"])
@pytest.mark.parametrize("settings", [{}, {"parity": True, "depth": 3}, {"degree": 0}], ids=str)
def test_it_is_its_equations_for_each_edge(settings, strategy):
    model = encoder(**settings)
    crystals = contract_crystals()
    graph = build_graph([crystals["triclinic"], crystals["cubic"]], strategy)
    expected, features = by_edges(model, graph), model(graph)
    torch.testing.assert_close(features.atom, expected.pop((0, 1)).squeeze(-1), rtol=0, atol=1e-10)
    assert list(features.tensor) == list(expected)
    for irrep, values in features.tensor.items():
        torch.testing.assert_close(values, expected[irrep].mT, rtol=0, atol=1e-10)


def test_a_graph_without_directions_is_an_error():
    graph = build_reduced([contract_crystals()["cubic"]], Radius(CUTOFF), 0.01)
    with pytest.raises(GraphError, match="needs a CrystalGraph"):
        encoder()(graph)
