"""CACE: what it can tell apart, and its first layer written out neighbor by neighbor."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.cace import CACE
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 4.0


def encoder(**settings: int) -> CACE:
    torch.manual_seed(0)
    small = {"width": 8, "channels": 5, "element_width": 2, "radials": 4} | settings
    return CACE(CACE.Config(**small), CUTOFF).double()


def test_the_first_tensors_are_sums_over_neighbors():
    model = encoder()
    graph = build_graph(contract_crystals()["triclinic"], Radius(CUTOFF))
    atom = model.embed(graph)
    made = model.first(atom, model.environments(graph))
    weights = torch.stack(list(model.first.mix))
    size = 0.25 * CUTOFF**0.5
    expected = torch.zeros_like(made)
    for i, j, vector in zip(graph.center, graph.neighbor, graph.vector, strict=True):
        distance = vector.norm()
        radial = size * model.basis(distance[None])[0] * model.envelope(distance[None])[0]
        sent = torch.outer(radial, model.first.of_neighbor(atom[j])).flatten()
        monomials = model.monomials(vector / distance)
        by_degree = monomials.split(model.monomials.sizes)
        expected[i] += torch.cat(
            [
                torch.outer(part, sent @ weight)
                for part, weight in zip(by_degree, weights, strict=True)
            ]
        )
    expected *= model.first.of_center(atom).unsqueeze(1)
    torch.testing.assert_close(made, expected)


def molecule(*positions: tuple[float, float, float]) -> Crystal:
    return Crystal(
        20 * np.eye(3),
        np.array(positions, dtype=float),
        np.full(len(positions), 6),
        np.zeros(3, dtype=bool),
    )


def features_of_the_first_atom(model: CACE, crystal: Crystal) -> torch.Tensor:
    return model(build_graph(crystal, Radius(CUTOFF))).atom[0].detach()


@pytest.mark.parametrize(("factors", "differ"), [(1, False), (2, True)])
def test_two_factors_tell_angles_apart(factors, differ):
    straight = molecule((0, 0, 0), (2, 0, 0), (-2, 0, 0))
    bent = molecule((0, 0, 0), (2, 0, 0), (0, 2, 0))
    model = encoder(factors=factors, depth=1)
    there, here = (features_of_the_first_atom(model, one) for one in (straight, bent))
    assert torch.allclose(there, here, atol=1e-12) is not differ


def test_an_atom_alone_and_one_without_neighbors_are_the_same():
    model = encoder()
    alone = features_of_the_first_atom(model, molecule((0, 0, 0)))
    far = features_of_the_first_atom(model, molecule((0, 0, 0), (3.999, 0, 0)))
    torch.testing.assert_close(alone, far, rtol=0, atol=1e-6)


def test_a_graph_without_directions_is_an_error():
    graph = build_reduced([contract_crystals()["cubic"]], Radius(CUTOFF), 0.01)
    with pytest.raises(GraphError, match="needs a CrystalGraph"):
        encoder()(graph)
