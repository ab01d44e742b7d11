"""Envelopes against their formulas, at the cutoff to the second derivative."""

import math

import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.nn.envelope import PolynomialEnvelope, make_envelope

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
