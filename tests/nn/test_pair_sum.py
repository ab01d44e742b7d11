"""The sum over pairs against the sum over edges, through two derivatives."""

import pytest
import torch

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.pair_sum import pair_sum
from xtalgraph.testing.crystals import contract_crystals

GRAPH = build_graph(contract_crystals()["triclinic"], Radius(4.0))


def inputs(dtype=torch.float64):
    torch.manual_seed(0)
    shapes = (len(GRAPH.number), 3), (len(GRAPH.pairs), 3)
    return [torch.randn(*shape, dtype=dtype, requires_grad=True) for shape in shapes]


def over_edges(atom, filters):
    of_edge = filters[GRAPH.pairs.rows % len(GRAPH.pairs)]
    message = atom[GRAPH.neighbor] * of_edge
    return torch.zeros_like(atom).index_add(0, GRAPH.center, message)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
@pytest.mark.parametrize("starts", [None, GRAPH.edge_starts])
def test_it_is_the_sum_over_edges(dtype, close, starts):
    values = inputs(dtype)
    found = pair_sum(*values, GRAPH.pairs, starts)
    torch.testing.assert_close(found, over_edges(*values), rtol=close, atol=close)


def test_its_derivatives_are_those_of_finite_differences_once_and_twice():
    def function(atom, filters):
        return pair_sum(atom, filters, GRAPH.pairs, GRAPH.edge_starts)

    assert torch.autograd.gradcheck(function, inputs())
    assert torch.autograd.gradgradcheck(function, inputs())


def test_what_is_fixed_has_no_derivative():
    atom, filters = inputs()
    total = pair_sum(atom.detach(), filters, GRAPH.pairs, GRAPH.edge_starts)
    (of_filters,) = torch.autograd.grad(total.sum(), [filters])
    (expected,) = torch.autograd.grad(over_edges(atom, filters).sum(), [filters])
    torch.testing.assert_close(of_filters, expected)
