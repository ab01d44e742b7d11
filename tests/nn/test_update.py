"""Updates against their equations written out."""

import torch

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.update import GatedUpdate, GRUUpdate, ReplaceUpdate, ResidualUpdate
from xtalgraph.testing.crystals import contract_crystals

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
