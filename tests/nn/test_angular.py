"""Angular bases against scipy and their orthogonality, with derivatives where atoms line up."""

import math

import numpy as np
import pytest
import torch
from scipy.special import eval_chebyt, eval_legendre, sph_harm_y, spherical_jn
from torch.autograd import gradcheck, gradgradcheck

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.nn.angular import (
    ChebyshevAngles,
    FourierBasis,
    GaussianAngles,
    LegendreAngles,
    SphericalBesselBasis,
    make_angular_basis,
)
from xtalgraph.nn.geometry import cosine_between, dihedral
from xtalgraph.nn.spherical_bessel import bessel_zeros

COSINE = torch.linspace(-1, 1, 21, dtype=torch.float64)
CUTOFF = 5.0


def test_chebyshev_is_the_cosine_of_multiples():
    theta = torch.acos(COSINE)
    found = ChebyshevAngles(8)(COSINE)
    assert np.allclose(found, eval_chebyt(np.arange(8), COSINE.numpy()[:, None]), atol=1e-13)
    torch.testing.assert_close(found[:, 5], torch.cos(5 * theta), atol=1e-12, rtol=0)


def test_legendre_is_the_spherical_harmonic_of_scipy():
    found = LegendreAngles(7)(COSINE).numpy()
    for degree in range(7):
        expected = sph_harm_y(degree, 0, np.arccos(COSINE.numpy()), 0.3).real
        assert np.allclose(found[:, degree], expected, atol=1e-13)
    assert LegendreAngles(1)(COSINE).shape == (21, 1)


def test_gaussians_stand_evenly_from_minus_one_to_one():
    basis = GaussianAngles(5).double()
    expected = np.exp(-0.5 * ((COSINE.numpy()[:, None] - np.linspace(-1, 1, 5)) / 0.5) ** 2)
    np.testing.assert_allclose(basis(COSINE), expected, rtol=0, atol=1e-14)
    assert basis(COSINE.float()).dtype is torch.float32


@pytest.mark.parametrize("name", ["gaussian", "chebyshev", "legendre"])
def test_two_derivatives_through_the_geometry_also_on_a_line(name):
    basis = make_angular_basis(name, 6).double()
    assert basis(COSINE).shape == (21, basis.size)
    a = torch.tensor([[1.0, 0, 0], [1, 0.5, 0], [1, 0, 0]], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([[-2.0, 0, 0], [0, 1, 0.3], [3, 0, 0]], dtype=torch.float64)
    assert gradcheck(lambda v: basis(cosine_between(v, b)), a)
    assert gradgradcheck(lambda v: basis(cosine_between(v, b)), a)


def test_the_two_dimensional_basis_is_equation_6_of_dimenet():
    basis = SphericalBesselBasis(CUTOFF, degrees=4, radials=3).double()
    distance = torch.tensor([0.0, 0.01, 1.3, 2.7, 4.9], dtype=torch.float64)
    edge = torch.arange(5).repeat_interleave(3)
    cosine = torch.tensor([-1.0, 0.2, 1.0], dtype=torch.float64).repeat(5)
    found = basis(distance, cosine, edge).reshape(15, 4, 3)
    for degree in range(4):
        for n, zero in enumerate(bessel_zeros(3, 3)[degree]):
            norm = math.sqrt(2 / (CUTOFF**3 * spherical_jn(degree + 1, zero) ** 2))
            radial = norm * spherical_jn(degree, zero * distance[edge].numpy() / CUTOFF)
            harmonic = math.sqrt((2 * degree + 1) / (4 * math.pi))
            expected = radial * harmonic * eval_legendre(degree, cosine.numpy())
            np.testing.assert_allclose(found[:, degree, n], expected, rtol=0, atol=1e-14)
    assert basis.radial(distance.float()).dtype is torch.float32


def test_the_two_dimensional_basis_is_orthonormal():
    basis = SphericalBesselBasis(CUTOFF, degrees=3, radials=3).double()
    node, weight = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(40))
    r, in_r = 0.5 * CUTOFF * (node + 1), 0.5 * CUTOFF * weight
    edge = torch.arange(40).repeat_interleave(40)
    values = basis(r, node.repeat(40), edge)
    volume = 2 * math.pi * (in_r * r**2)[edge] * weight.repeat(40)
    overlap = values.T @ (volume.unsqueeze(-1) * values)
    torch.testing.assert_close(overlap, torch.eye(9, dtype=torch.float64), atol=1e-12, rtol=0)


def test_the_two_dimensional_basis_has_two_derivatives_also_at_zero():
    basis = SphericalBesselBasis(CUTOFF, degrees=4, radials=2).double()
    edge = torch.tensor([0, 1, 2, 2])
    d = torch.tensor([1e-7, 1.7, CUTOFF], dtype=torch.float64, requires_grad=True)
    c = torch.tensor([-1.0, 0.3, 1.0, 0.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda d, c: basis(d, c, edge), (d, c))
    assert gradgradcheck(lambda d, c: basis(d, c, edge), (d, c))
    zero = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    value = basis(zero, c[:1].detach(), edge[:1])
    (slope,) = torch.autograd.grad(value.sum(), zero, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), zero)
    assert torch.isfinite(torch.stack([slope.detach(), curvature])).all()


def test_the_fourier_basis_is_cosines_and_sines_of_multiples():
    phi = torch.linspace(-3, 3, 13, dtype=torch.float64)
    n = torch.arange(1, 6, dtype=torch.float64)
    phases = phi.unsqueeze(-1) * n
    found = FourierBasis(5, sines=True)(torch.cos(phi), torch.sin(phi))
    torch.testing.assert_close(found, torch.cat([torch.cos(phases), torch.sin(phases)], dim=-1))
    torch.testing.assert_close(FourierBasis(5)(torch.cos(phi), torch.sin(phi)), torch.cos(phases))


def test_the_fourier_basis_is_its_mean_where_three_atoms_are_on_a_line():
    x, y, _ = torch.eye(3, dtype=torch.float64).unsqueeze(1)
    bonds = [v.clone().requires_grad_() for v in (x, x, y)]
    value = FourierBasis(4, sines=True)(*dihedral(*bonds))
    assert not value.any()
    first = torch.autograd.grad(value.sum(), bonds, create_graph=True)
    assert all(not part.any() for part in first)


def test_the_fourier_basis_has_two_derivatives():
    generator = torch.Generator().manual_seed(1)
    bonds = [torch.randn(3, 3, generator=generator).double().requires_grad_() for _ in range(3)]
    basis = FourierBasis(3, sines=True)
    assert gradcheck(lambda *b: basis(*dihedral(*b)), bonds)
    assert gradgradcheck(lambda *b: basis(*dihedral(*b)), bonds)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="legendre, got 'wigner'"):
        make_angular_basis("wigner", 3)
    with pytest.raises(ConfigError, match="at least 2, got 1"):
        GaussianAngles(1)
    for make in (ChebyshevAngles, LegendreAngles, FourierBasis):
        with pytest.raises(ConfigError, match="at least 1, got 0"):
            make(0)
    with pytest.raises(ConfigError, match="larger than 0 Å, got -1"):
        SphericalBesselBasis(-1.0)
    with pytest.raises(ConfigError, match="number of degrees must be at least 1, got 0"):
        SphericalBesselBasis(5.0, degrees=0)
