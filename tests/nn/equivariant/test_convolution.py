"""The sum over neighbors before the coupling, against e3nn's product for each edge."""

import pytest
import torch
from e3nn import o3

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.nn.equivariant.convolution import Convolution
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.irreps import Irreps
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.testing.crystals import contract_crystals

CASES = {
    "scalars": ({(0, 1): 5}, 3, [(0, 1), (1, -1), (2, 1), (3, -1)]),
    "natural parity": ({(0, 1): 4, (1, -1): 4}, 2, [(0, 1), (1, -1), (2, 1)]),
    "uneven": ({(0, 1): 4, (0, -1): 1, (1, 1): 3, (2, 1): 2}, 2, [(1, 1), (0, -1), (2, -1)]),
    "nothing leads there": ({(0, 1): 2, (1, -1): 3}, 1, [(0, 1), (3, -1)]),
}


def by_edges(convolution: Convolution, atoms, radial, graph) -> dict:
    """Σ over edges of e3nn's tensor product of each path."""
    unit = graph.vector / graph.distance.unsqueeze(-1)
    sums: dict = {irrep: [] for irrep in convolution.outputs}
    column = 0
    for start, degree, end in convolution.paths:
        channels = convolution.inputs[start]
        product = o3.TensorProduct(
            [(channels, start)],
            [(1, (degree, (-1) ** degree))],
            [(channels, end)],
            [(0, 0, 0, "uvu", True)],
            shared_weights=False,
            internal_weights=False,
        )
        harmonics = o3.spherical_harmonics(degree, unit, False, normalization="component")
        sent = atoms[start].mT[graph.neighbor].flatten(1)
        messages = product(sent, harmonics, radial[:, column : column + channels])
        column += channels
        total = messages.new_zeros(len(graph.number), messages.shape[1])
        total = total.index_add(0, graph.center, messages)
        sums[end].append(total.unflatten(1, (channels, -1)).mT)
    return {irrep: torch.cat(parts, dim=-1) for irrep, parts in sums.items()}


def drawn(inputs: Irreps, atoms: int) -> dict:
    return {
        irrep: torch.randn(atoms, 2 * irrep[0] + 1, channels) for irrep, channels in inputs.items()
    }


@pytest.mark.parametrize("strategy", [Radius(4.0), Hybrid(4.0, 6)], ids=["pairs", "no pairs"])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_sum_over_edges(case, strategy):
    torch.manual_seed(0)
    inputs, degree, outputs = CASES[case]
    graph = build_graph(list(contract_crystals().values()), strategy)
    harmonics, convolution = SphericalHarmonics(degree), Convolution(inputs, degree, outputs)
    around = Surroundings.of(graph, harmonics, torch.float64)
    radial = torch.randn(len(around.distance), convolution.width)
    atoms = drawn(inputs, len(graph.number))
    by_edge = around.at_slots(radial).flatten(0, 1)[graph.neighborhoods.slot]
    expected = by_edges(convolution, atoms, by_edge, graph)
    sums = convolution(atoms, radial, around)
    assert sums.keys() == expected.keys()
    assert sums.keys() == {irrep for irrep in outputs if irrep in convolution.outputs}
    for irrep, values in sums.items():
        assert values.shape[2] == convolution.outputs[irrep]
        torch.testing.assert_close(values, expected[irrep], rtol=0, atol=1e-12)


def test_it_is_twice_differentiable():
    torch.manual_seed(0)
    inputs, degree, outputs = CASES["natural parity"]
    inputs = dict.fromkeys(inputs, 2)
    graph = build_graph(contract_crystals()["triclinic"], Radius(3.0))
    convolution = Convolution(inputs, degree, outputs)
    harmonics = SphericalHarmonics(degree)
    start = drawn(inputs, len(graph.number))
    rows = len(Surroundings.of(graph, harmonics, torch.float64).distance)
    radial = torch.randn(rows, convolution.width)

    def sums(position, values, *parts):
        moved = graph.moved(position, graph.cell)
        around = Surroundings.of(moved, harmonics, torch.float64)
        added = convolution(dict(zip(inputs, parts, strict=True)), values, around)
        return tuple(added.values())

    given = [value.requires_grad_() for value in (graph.position.clone(), radial, *start.values())]
    assert torch.autograd.gradcheck(sums, given)
    assert torch.autograd.gradgradcheck(sums, given)
