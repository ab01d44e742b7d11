"""Envelopes, and features and weights of edges and triplets, against their definitions."""

import math

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.angular import ChebyshevAngles
from xtalgraph.nn.expansion import (
    CosineEnvelope,
    EdgeExpansion,
    PolynomialEnvelope,
    TripletExpansion,
    make_envelope,
)
from xtalgraph.nn.radial import GaussianBasis
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 5.0


def value_slope_curvature(envelope, distance: float) -> tuple[float, float, float]:
    d = torch.tensor([distance], dtype=torch.float64, requires_grad=True)
    value = envelope(d)
    (slope,) = torch.autograd.grad(value.sum(), d, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), d)
    return value.item(), slope.item(), curvature.item()


def test_the_cosine_goes_to_zero_with_its_slope():
    envelope = make_envelope("cosine", CUTOFF)
    d = torch.tensor([0.0, 2.5, 5.0, 6.0], dtype=torch.float64, requires_grad=True)
    value = envelope(d)
    torch.testing.assert_close(
        value.detach(), torch.tensor([1.0, 0.5, 0.0, 0.0], dtype=torch.float64)
    )
    (slope,) = torch.autograd.grad(value.sum(), d)
    assert slope[2:].abs().max() == 0
    assert float(slope[1]) == pytest.approx(-math.pi / 10)


@pytest.mark.parametrize("power", [2, 3, 6, 9])
def test_the_polynomial_goes_to_zero_with_slope_and_curvature(power):
    envelope = PolynomialEnvelope(CUTOFF, power)
    assert value_slope_curvature(envelope, CUTOFF - 1e-6) == pytest.approx((0, 0, 0), abs=1e-4)
    assert value_slope_curvature(envelope, CUTOFF) == (0, 0, 0)
    assert value_slope_curvature(envelope, 6.0) == (0, 0, 0)
    value, slope, curvature = value_slope_curvature(envelope, 0.0)
    assert (value, slope) == (1, 0)
    assert curvature == (0 if power > 2 else pytest.approx(-12 / CUTOFF**2))


def test_the_polynomial_is_equation_8_of_dimenet():
    x = 0.6
    by_hand = 1 - 28 * x**6 + 48 * x**7 - 21 * x**8
    found = PolynomialEnvelope(CUTOFF)(torch.tensor([x * CUTOFF], dtype=torch.float64))
    assert found.item() == pytest.approx(by_hand, rel=1e-12)
    assert 0 < found.item() < 1
    for p in (2, 5, 24):
        x = torch.linspace(0, 0.999, 40, dtype=torch.float64)
        written_out = 1 - (p + 1) * (p + 2) / 2 * x**p
        written_out += p * (p + 2) * x ** (p + 1) - p * (p + 1) / 2 * x ** (p + 2)
        torch.testing.assert_close(
            PolynomialEnvelope(CUTOFF, p)(x * CUTOFF), written_out, rtol=0, atol=1e-12
        )


def test_the_polynomial_loses_no_digits_near_the_cutoff():
    near = torch.tensor([4.99])
    expected = PolynomialEnvelope(CUTOFF, 24)(near.double()).item()
    assert PolynomialEnvelope(CUTOFF, 24)(near).item() == pytest.approx(expected, rel=1e-3)
    assert expected == pytest.approx(24 * 25 * 26 / 6 * 0.002**3, rel=0.05)


@pytest.mark.parametrize("name", ["cosine", "polynomial", "none"])
def test_every_envelope_has_two_derivatives(name):
    d = torch.tensor([0.0, 0.7, 2.2, 4.9], dtype=torch.float64, requires_grad=True)
    envelope = make_envelope(name, CUTOFF)
    assert torch.autograd.gradcheck(lambda x: x**2 * envelope(x), d)
    assert torch.autograd.gradgradcheck(lambda x: x**2 * envelope(x), d)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="cosine, polynomial, none, got 'hard'"):
        make_envelope("hard", CUTOFF)
    with pytest.raises(ConfigError, match="at least 2, got 1"):
        PolynomialEnvelope(CUTOFF, 1)


CRYSTAL = contract_crystals()["cubic"]
FULL = build_graph(CRYSTAL, Radius(4.0), angles=Angles(4.0))
EDGES = EdgeExpansion(GaussianBasis(0.0, 4.0, 1.0, 0.5), CosineEnvelope(4.0))
TRIPLETS = TripletExpansion(ChebyshevAngles(3), CosineEnvelope(4.0))


def test_an_edge_has_gaussians_of_its_length_and_fades():
    found = EDGES(FULL, torch.float64)
    positions, cell = CRYSTAL.positions, CRYSTAL.cell
    for k in range(0, len(FULL.center), 7):
        i, j = int(FULL.center[k]), int(FULL.neighbor[k])
        length = np.linalg.norm(positions[j] + FULL.image[k].numpy() @ cell - positions[i])
        gaussians = [math.exp(-2.0 * (length - center) ** 2) for center in range(5)]
        fade = 0.5 * (math.cos(math.pi * length / 4.0) + 1.0)
        assert found.features[k].tolist() == pytest.approx(gaussians, rel=1e-10)
        assert found.envelope[k].item() == pytest.approx(fade, rel=1e-9, abs=1e-14)
        assert found.weight[k].tolist() == [found.envelope[k].item()]


def test_a_triplet_has_polynomials_of_its_cosine_and_fades_with_both_edges():
    found = TRIPLETS(FULL, torch.float64)
    vector, fade = FULL.vector.numpy(), EDGES(FULL, torch.float64).envelope
    for k in range(0, len(FULL.receiving_edge), 31):
        r, s = int(FULL.receiving_edge[k]), int(FULL.sending_edge[k])
        a, b = -vector[r], vector[s]  # both from the neighbor of r, where the angle is
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        polynomials = [1.0, cosine, 2.0 * cosine**2 - 1.0]
        assert found.features[k].tolist() == pytest.approx(polynomials, abs=1e-9)
        assert found.envelope[k].item() == pytest.approx(float(fade[r] * fade[s]), rel=1e-12)


@pytest.mark.parametrize("expand", [EDGES, TRIPLETS], ids=["edges", "triplets"])
def test_weights_count_what_a_reduced_graph_leaves_out(expand):
    reduced = reduce_graph(FULL)
    full, few = expand(FULL, torch.float64), expand(reduced, torch.float64)
    assert len(few.weight) < len(full.weight)
    # Each row of a sum counts as often as its multiplicity; its receiver stands for several, too.
    receiver = reduced.center if expand is EDGES else reduced.center[reduced.receiving_edge]
    times = reduced.atom_multiplicity[receiver].double()
    if expand is TRIPLETS:
        times = times * reduced.edge_multiplicity[reduced.receiving_edge]
    expected = (full.weight * full.features).sum(dim=0)
    found = (times.unsqueeze(-1) * few.weight * few.features).sum(dim=0)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_is_that_which_is_asked_for(dtype):
    for expand in (EDGES, TRIPLETS):
        found = expand(FULL, dtype)
        assert {found.features.dtype, found.envelope.dtype, found.weight.dtype} == {dtype}


@pytest.mark.parametrize("reduced", [True, False])
def test_each_length_once_is_each_edge(reduced):
    graph = build_graph([*contract_crystals().values()], Radius(CUTOFF))
    graph = reduce_graph(graph) if reduced else graph
    edges = EdgeExpansion(GaussianBasis(0.0, CUTOFF, 0.5, 0.5), CosineEnvelope(CUTOFF))
    each, once = edges(graph, torch.float64), edges.of_lengths(graph, torch.float64)
    assert reduced or once.row is not None, "full graphs have each length many times"
    features = once.features if once.row is None else once.features[once.row]
    assert torch.equal(features, each.features)
    assert torch.equal(once.envelope, each.envelope)
    assert torch.equal(once.weight, each.weight)


def test_lengths_with_a_derivative_are_expanded_edge_by_edge():
    graph = build_graph(CRYSTAL, Radius(CUTOFF))
    edges = EdgeExpansion(GaussianBasis(0.0, CUTOFF, 0.5, 0.5), CosineEnvelope(CUTOFF))
    assert edges.of_lengths(graph, torch.float64).row is not None
    asked = graph.replace(position=graph.position.clone().requires_grad_())
    assert edges.of_lengths(asked, torch.float64).row is None
