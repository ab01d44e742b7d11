"""Spherical harmonics against e3nn, and their derivatives against differences."""

import pytest
import torch
from e3nn import o3
from torch.nn.functional import normalize

from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics


@pytest.fixture
def unit() -> torch.Tensor:
    drawn = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    return normalize(drawn, dim=1)


@pytest.mark.parametrize("degree", range(7))
def test_they_are_those_of_e3nn(unit, degree):
    expected = o3.spherical_harmonics(
        list(range(degree + 1)), unit, False, normalization="component"
    )
    torch.testing.assert_close(SphericalHarmonics(degree)(unit), expected, rtol=0, atol=1e-13)


def test_opposite_directions_differ_by_the_parity(unit):
    harmonics = SphericalHarmonics(3)
    opposite = harmonics(-unit)
    torch.testing.assert_close(opposite, harmonics(unit) * harmonics.parity, rtol=0, atol=1e-13)


def test_first_and_second_derivatives(unit):
    harmonics = SphericalHarmonics(3)
    vectors = (1.7 * unit[:4]).requires_grad_()

    def values(vector: torch.Tensor) -> torch.Tensor:
        return harmonics(normalize(vector, dim=1))

    assert torch.autograd.gradcheck(values, vectors)
    assert torch.autograd.gradgradcheck(values, vectors)
