"""Linear maps that depend on the element, against e3nn's fully connected product."""

import dataclasses

import pytest
import torch
from e3nn import o3

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.element_embedding import ElementEmbedding
from xtalgraph.nn.equivariant.self_connection import Kinds, SelfConnection
from xtalgraph.testing.crystals import contract_crystals

INPUTS = {(0, 1): 4, (1, -1): 3, (2, 1): 2}
OUTPUTS = {(0, 1): 6, (1, -1): 2, (1, 1): 5}


@pytest.mark.parametrize("name", ["cubic", "triclinic"])
def test_it_is_the_product_with_the_vector_of_the_element(name):
    torch.manual_seed(0)
    graph = build_graph(contract_crystals()[name], Radius(4.0))
    embed, connection = ElementEmbedding(3).double(), SelfConnection(INPUTS, 3, OUTPUTS).double()
    kinds = Kinds.of(graph, embed)
    atoms = len(graph.number)
    torch.testing.assert_close(kinds.of_atoms(), embed(graph), rtol=0, atol=1e-12)
    tensors = {i: torch.randn(atoms, 2 * i[0] + 1, count) for i, count in INPUTS.items()}
    product = o3.FullyConnectedTensorProduct(
        [(count, irrep) for irrep, count in INPUTS.items()],
        [(3, (0, 1))],
        [(count, irrep) for irrep, count in connection.outputs.items()],
    )
    weights = [
        weight.transpose(0, 1).flatten() * (count * 3) ** 0.5
        for (irrep, count), weight in zip(INPUTS.items(), connection.weights, strict=False)
    ]
    flat = torch.cat([values.mT.flatten(1) for values in tensors.values()], dim=1)
    expected = product(flat, embed(graph), torch.cat(weights))
    found = connection(tensors, kinds)
    assert list(found) == [(0, 1), (1, -1)]
    together = torch.cat([values.mT.flatten(1) for values in found.values()], dim=1)
    torch.testing.assert_close(together, expected, rtol=0, atol=1e-12)


def test_the_atoms_of_a_mixture_have_vectors_of_their_own():
    torch.manual_seed(0)
    graph = build_graph(contract_crystals()["cubic"], Radius(4.0))
    count = torch.ones(1, dtype=torch.long)
    mixed = dataclasses.replace(
        graph,
        num_shares=2 * count,
        share_atom=torch.zeros(2, dtype=torch.long),
        share_species=torch.tensor([26, 28]),
        share=torch.tensor([0.25, 0.75]),
    )
    embed = ElementEmbedding(3).double()
    kinds = Kinds.of(mixed, embed)
    torch.testing.assert_close(kinds.of_atoms(), embed(mixed), rtol=0, atol=0)
    values, weights = torch.randn(len(graph.number), 3, 2), torch.randn(len(graph.number), 2, 4)
    torch.testing.assert_close(kinds.multiplied(values, weights), values @ weights)
