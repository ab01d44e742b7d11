"""MEGNet's block against equations 1 to 7 of the paper in loops; the state of a crystal."""

import pytest
import torch
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.strategies import Hybrid
from xtalgraph.models.megnet import Block, MEGNet, Perceptron
from xtalgraph.testing.crystals import contract_crystals

WIDTH, HIDDEN = 4, 5


@pytest.fixture(scope="module")
def graph() -> Graph:
    crystals = [c for name, c in contract_crystals().items() if name != "distorted"]
    return build_graph(crystals, Hybrid(cutoff=5.0, max_neighbors=6))


def ssp(x: Tensor) -> Tensor:
    return torch.log(0.5 * torch.exp(x) + 0.5)


def phi(network: Perceptron, *parts: Tensor) -> Tensor:
    """The paper's φ on the parts side by side."""
    first = torch.cat([linear.weight for linear in network.first], dim=1)
    x = first @ torch.cat(parts) + network.first[0].bias
    for linear in (network.rest[1], network.rest[3]):
        x = linear.weight @ ssp(x) + linear.bias
    return x


def mean(rows: list[Tensor]) -> Tensor:
    return torch.stack(rows).mean(0) if rows else torch.zeros(WIDTH, dtype=torch.float64)


@pytest.mark.parametrize("dense", [True, False])
def test_a_block_is_the_equations_of_the_paper(graph, dense):
    torch.manual_seed(0)
    block = Block(WIDTH, HIDDEN, dense).double()
    sizes = len(graph.number), len(graph.center), len(graph)
    given = [torch.randn(n, WIDTH, dtype=torch.float64, requires_grad=True) for n in sizes]
    v, e, u = (list(rows) for rows in given)
    if dense:
        for rows, layers in ((v, block.of_atom), (e, block.of_edge), (u, block.of_state)):
            for k, row in enumerate(rows):
                x = row
                for linear in (layers[0], layers[2]):
                    x = ssp(linear.weight @ x + linear.bias)
                rows[k] = x
    center, neighbor = graph.center.tolist(), graph.neighbor.tolist()
    owner = graph.crystal_of_atom.tolist()
    e = [
        phi(block.edge, v[i], v[j], e[k], u[owner[i]])
        for k, (i, j) in enumerate(zip(center, neighbor, strict=True))
    ]
    v = [
        phi(block.atom, mean([e[k] for k, c in enumerate(center) if c == i]), v[i], u[owner[i]])
        for i in range(len(v))
    ]
    u = [
        phi(
            block.state,
            mean([e[k] for k, c in enumerate(center) if owner[c] == n]),
            mean([v[i] for i in range(len(v)) if owner[i] == n]),
            u[n],
        )
        for n in range(len(u))
    ]
    ones = torch.ones(len(center), dtype=torch.float64)
    found = block(*given, ones, graph)
    for one, other in zip(found, (v, e, u), strict=True):
        torch.testing.assert_close(one, torch.stack(other), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        torch.autograd.grad(sum((x**2).sum() for x in found), given),
        torch.autograd.grad(sum((torch.stack(x) ** 2).sum() for x in (v, e, u)), given),
        rtol=1e-9,
        atol=1e-9,
    )


def encoder(**settings: object) -> MEGNet:
    torch.manual_seed(0)
    config = MEGNet.Config(width=WIDTH, hidden=HIDDEN, depth=2, **settings)
    return MEGNet(config, 5.0).double()


def test_the_state_is_zeros_unless_given(graph):
    model = encoder(state_width=3)
    zeros = torch.zeros(len(graph), 3, dtype=torch.float64)
    assert torch.equal(model(graph.replace(conditions=zeros)).crystal, model(graph).crystal)
    with pytest.raises(GraphError, match=r"model\.state_width = 3 conditions, got 2"):
        model(graph.replace(conditions=zeros[:, :2]))


def test_the_state_of_a_crystal_is_read_by_it_alone(graph):
    model = encoder(state_width=1)
    state = torch.zeros(len(graph), 1, dtype=torch.float64)
    cold = model(graph.replace(conditions=state.clone()))
    state[2] = 3.0
    warm = model(graph.replace(conditions=state))
    changed = (cold.atom != warm.atom).any(dim=1)
    assert torch.equal(changed, graph.crystal_of_atom == 2)
    assert (cold.crystal != warm.crystal).any(dim=1).tolist() == [n == 2 for n in range(len(graph))]


def test_a_method_is_a_learned_vector_beside_the_numbers(graph):
    model = encoder(fidelities=3, fidelity_width=5)
    methods = torch.arange(len(graph)) % 3
    one = model(graph.replace(fidelity=methods))
    other = model(graph.replace(fidelity=(methods + (methods == 1)).clamp(max=2)))
    changed = (one.crystal != other.crystal).any(dim=1)
    assert torch.equal(changed, methods == 1)
    (slope,) = torch.autograd.grad(one.crystal.sum(), model.of_fidelity.weight)
    assert (slope.abs().sum(dim=1) > 0).tolist() == [True] * 3


def test_shapes(graph):
    features = encoder()(graph)
    assert features.crystal.shape == (len(graph), encoder().crystal_width)
    assert len(features.layers) == 3
