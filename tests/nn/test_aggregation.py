"""Aggregators against plain loops; folded as full; smooth where a neighbour leaves."""

import typing

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.reduction import merge_equivalent, merge_geometry
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.aggregation import AggregatorName, make_aggregator
from xtalgraph.nn.expansion import CosineEnvelope
from xtalgraph.testing.crystals import contract_crystals

NAMES = typing.get_args(AggregatorName)
CUTOFF = 5.0


def aggregator(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return make_aggregator(name, 3).double()


@pytest.mark.parametrize("name", NAMES)
def test_without_an_envelope_it_is_the_textbook_one(name):
    graph = build_graph(list(contract_crystals().values()), Radius(CUTOFF))
    message = torch.randn(len(graph.center), 3, dtype=torch.float64)
    aggregate = aggregator(name)
    found = aggregate(message, torch.ones(len(message), dtype=torch.float64), graph)
    for atom in range(len(graph.number)):
        mine = message[graph.center == atom]
        if not len(mine):
            expected = torch.zeros(3, dtype=torch.float64)
        elif name == "sum":
            expected = mine.sum(0)
        elif name == "mean":
            expected = mine.mean(0)
        elif name == "max":
            expected = mine.max(0).values.clamp(min=0)
        else:
            expected = (mine @ aggregate.score.weight[0]).softmax(0) @ mine
        torch.testing.assert_close(found[atom], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_folded_graph_gives_what_the_full_one_gives(name):
    crystals = contract_crystals()
    full = merge_geometry(build_graph([crystals["cubic"], crystals["slab"]], Radius(CUTOFF)), 1e-3)
    reduced = merge_equivalent(full)
    assert len(reduced.center) < len(full.center)
    aggregate = aggregator(name)
    results = []
    for graph in (full, reduced):
        vector = torch.stack([graph.number / 10.0, (graph.number % 7) - 3.0], dim=1).double()
        ends = vector[graph.neighbor] - 0.3 * vector[graph.center]
        message = torch.cat([ends, graph.distance.sin().unsqueeze(-1)], dim=1)
        found = aggregate(message, CosineEnvelope(CUTOFF)(graph.distance), graph)
        total = (graph.atom_multiplicity.unsqueeze(-1) * found).sum(0)
        weights = list(aggregate.parameters())
        gradients = torch.autograd.grad(total.sum(), weights) if weights else ()
        results.append([total.detach(), *gradients])
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


def received(name: str, others: list[float], distance: float) -> torch.Tensor:
    """What an atom receives from neighbours around it and from one at a distance."""
    around = np.array([[0, -d, 0] for d in others]).reshape(-1, 3)
    positions = np.concatenate([np.zeros((1, 3)), around, [[distance, 0.0, 0.0]]])
    crystal = Crystal(np.eye(3), positions, np.arange(len(positions)) + 6, np.zeros(3, dtype=bool))
    graph = build_graph(crystal, Radius(CUTOFF))
    message = torch.stack([graph.neighbor + 2.0, -graph.distance, graph.distance], dim=1).double()
    return aggregator(name)(message, CosineEnvelope(CUTOFF)(graph.distance), graph)[0].detach()


@pytest.mark.parametrize("others", [[], [2.0, 3.0]], ids=["the last neighbour", "one of three"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_jumps_when_a_neighbour_leaves(name, others):
    step = 1e-5
    inside, outside = (received(name, others, CUTOFF + s) for s in (-step, step))
    assert (inside - outside).abs().max() < 1e-8
    assert (inside - outside).abs().max() / (2 * step) < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_two_derivatives_agree_with_differences(name):
    graph = build_graph(contract_crystals()["one atom"], Radius(4.5))
    generator = torch.Generator().manual_seed(1)
    shape = len(graph.center), 3
    message = torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)
    factor = torch.rand(len(message), dtype=torch.float64, generator=generator) * 0.9 + 0.1
    factor.requires_grad_()
    aggregate = aggregator(name)
    assert torch.autograd.gradcheck(lambda m, f: aggregate(m, f, graph), (message, factor))
    assert torch.autograd.gradgradcheck(lambda m, f: aggregate(m, f, graph), (message, factor))


@pytest.mark.parametrize("name", NAMES)
def test_an_edge_at_the_cutoff_has_finite_gradients(name):
    """Envelope exactly zero, on the only edge of an atom."""
    crystal = Crystal(
        np.eye(3), np.array([[0, 0, 0], [CUTOFF, 0, 0]]), np.array([1, 1]), np.zeros(3, dtype=bool)
    )
    graph = build_graph(crystal, Radius(CUTOFF))
    message = torch.randn(len(graph.center), 3, dtype=torch.float64, requires_grad=True)
    factor = torch.zeros(len(message), dtype=torch.float64, requires_grad=True)
    found = aggregator(name)(message, factor, graph)
    assert torch.equal(found, torch.zeros_like(found))
    for gradient in torch.autograd.grad(found.sum(), [message, factor]):
        assert gradient.isfinite().all()


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(ConfigError, match="'attenton'; did you mean 'attention'"):
        make_aggregator("attenton", 3)
