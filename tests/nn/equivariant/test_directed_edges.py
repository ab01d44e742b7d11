"""Edges for encoders that read directions: the functions of the length, written out."""

import math

import pytest
import torch

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.equivariant.directed_edges import DirectedEdges
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.nn.expansion import PolynomialEnvelope
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 4.0


@pytest.mark.parametrize("factor", [1.0, CUTOFF**0.5])
def test_functions_are_waves_times_the_envelope_and_the_factor(factor):
    graph = build_graph(contract_crystals()["triclinic"], Radius(CUTOFF))
    envelope = PolynomialEnvelope(CUTOFF, 5)
    edges = DirectedEdges(CUTOFF, 3, 2, envelope, factor)
    basis, around = edges(graph, torch.float64)
    alone = Surroundings.of(graph, SphericalHarmonics(2), torch.float64)
    assert torch.equal(around.harmonics, alone.harmonics)
    d = around.distance
    x = d / CUTOFF
    polynomial = 1 - 21 * x**5 + 35 * x**6 - 15 * x**7
    for n in range(3):
        wave = (2 / CUTOFF) ** 0.5 * torch.sin((n + 1) * math.pi * x) / d
        torch.testing.assert_close(basis[:, n], factor * polynomial * wave, rtol=0, atol=1e-12)
    assert not list(edges.state_dict())  # so that it holds no weight of a saved model


def test_usual_neighbors_fill_the_sphere_evenly():
    edges = DirectedEdges(CUTOFF, 3, 1, PolynomialEnvelope(CUTOFF, 5))
    count = 1000
    distance = CUTOFF * ((torch.arange(count) + 0.5) / count) ** (1 / 3)
    assert float((distance < CUTOFF / 2).double().mean()) == pytest.approx(1 / 8, abs=1e-3)
    torch.testing.assert_close(edges.usual(count), edges.radial(distance))
