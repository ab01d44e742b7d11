"""The template: the worked example of water, and maps at the atoms equal to maps at the edges."""

import numpy as np
import pytest
import torch
from torch import nn

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.aggregation import MeanAggregator, SumAggregator
from xtalgraph.nn.messages import (
    GatedUpdate,
    GRUUpdate,
    Message,
    MessagePassing,
    NeighborMessage,
    ReplaceUpdate,
    ResidualUpdate,
)
from xtalgraph.testing.crystals import contract_crystals

WATER = Crystal(
    10.0 * np.eye(3),
    np.array([[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]]),
    np.array([8, 1, 1]),
    np.zeros(3, dtype=bool),
)


@pytest.mark.parametrize(
    ("aggregator", "expected"),
    [(SumAggregator(), [[10, 10, 10], [30, 30, 30]]), (MeanAggregator(), [[9, 5.5, 5.5]])],
    ids=["sum", "mean"],
)
def test_water(aggregator, expected):
    graph = build_graph(WATER, Radius(2.0))
    layer = MessagePassing(NeighborMessage(), aggregator, ResidualUpdate())
    atom = graph.number.double().unsqueeze(-1)
    ones = torch.ones(6, dtype=torch.float64)
    for values in expected:
        atom = layer(atom, graph.distance.unsqueeze(-1), ones, graph)
        assert atom.squeeze(-1).tolist() == values


class Bilinear(Message):
    """A message that reads all three."""

    def forward(
        self, center: torch.Tensor, neighbor: torch.Tensor, edge: torch.Tensor
    ) -> torch.Tensor:
        return (center + neighbor).tanh() * edge


def test_maps_at_the_atoms_are_maps_at_the_edges():
    graph = build_graph(list(contract_crystals().values()), Radius(5.0))
    atom = torch.randn(len(graph.number), 4, dtype=torch.float64, requires_grad=True)
    edge, factor = graph.distance.unsqueeze(-1), torch.rand_like(graph.distance)
    maps = nn.Linear(4, 3), nn.Linear(4, 3, bias=False)
    layer = MessagePassing(Bilinear(*maps), SumAggregator(), ReplaceUpdate()).double()
    found = layer(atom, edge, factor, graph)
    expected = torch.zeros(len(atom), 3, dtype=torch.float64)
    for k, (i, j) in enumerate(zip(graph.center.tolist(), graph.neighbor.tolist(), strict=True)):
        expected[i] += factor[k] * (maps[0](atom[i]) + maps[1](atom[j])).tanh() * edge[k]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    inputs = [atom, *layer.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad((found**2).sum(), inputs),
        torch.autograd.grad((expected**2).sum(), inputs),
        rtol=1e-10,
        atol=1e-10,
    )


def test_an_end_that_is_not_read_gets_no_gradient_and_costs_no_columns():
    graph = build_graph(WATER, Radius(2.0))
    message = NeighborMessage()
    center, neighbor = message.at_atoms(torch.randn(3, 4, dtype=torch.float64))
    assert center.shape == (3, 0)
    assert neighbor.shape == (3, 4)
    atom = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    layer = MessagePassing(message, SumAggregator(), ReplaceUpdate())
    out = layer(atom, graph.distance.unsqueeze(-1), torch.ones(6, dtype=torch.float64), graph)
    (gradient,) = torch.autograd.grad(out[0].sum(), atom)
    assert gradient.tolist() == [[0.0] * 4, [1.0] * 4, [1.0] * 4]


GRAPH = build_graph(contract_crystals()["cubic"], Radius(4.0))
ATOM, RECEIVED = torch.randn(2, 5, 4, dtype=torch.float64).unbind()


def test_replace_and_residual():
    assert torch.equal(ReplaceUpdate()(ATOM, RECEIVED, GRAPH), RECEIVED)
    assert torch.equal(ResidualUpdate()(ATOM, RECEIVED, GRAPH), ATOM + RECEIVED)


def test_the_gated_unit_has_reset_and_update_gates():
    received = torch.randn(5, 3, dtype=torch.float64)
    update = GRUUpdate(4, 3).double()
    cell = update.cell
    of_input = (received @ cell.weight_ih.T + cell.bias_ih).chunk(3, dim=-1)
    of_memory = (ATOM @ cell.weight_hh.T + cell.bias_hh).chunk(3, dim=-1)
    reset, keep = ((of_input[k] + of_memory[k]).sigmoid() for k in (0, 1))
    new = (of_input[2] + reset * of_memory[2]).tanh()
    expected = (1 - keep) * new + keep * ATOM
    torch.testing.assert_close(update(ATOM, received, GRAPH), expected, rtol=1e-12, atol=1e-12)


def test_the_gated_mlp():
    update = GatedUpdate(4, 4).double()
    z = torch.cat([ATOM, RECEIVED], dim=1)
    gate, core = (z @ update.mix.weight.T + update.mix.bias).split(4, dim=1)
    expected = ATOM + 1 / (1 + torch.exp(-gate)) * core / (1 + torch.exp(-core))
    torch.testing.assert_close(update(ATOM, RECEIVED, GRAPH), expected, rtol=1e-12, atol=1e-12)
