"""Radial bases against their formulas and scipy, with derivatives at both ends."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import eval_chebyt

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.nn.radial import (
    GAUSSIAN_PRESETS,
    BesselBasis,
    ChebyshevBasis,
    GaussianBasis,
    edges_beyond,
    make_basis,
)

CUTOFF = 5.0
NAMES = ["gaussian", "bessel", "chebyshev", "lecture", "cgcnn"]


def test_the_grid_of_the_lecture():
    basis = GaussianBasis(**GAUSSIAN_PRESETS["lecture"])
    assert basis.size == 51
    assert basis.centers[[0, 1, 50]].tolist() == pytest.approx([0.0, 0.1, 5.0])
    value = basis(torch.tensor([2.3]))[0, 20]
    assert float(value) == pytest.approx(math.exp(-((2.3 - 2.0) ** 2) / (2 * 0.2**2)), rel=1e-5)


def test_the_grid_of_the_cgcnn_code_has_its_own_exponent():
    basis = GaussianBasis(**GAUSSIAN_PRESETS["cgcnn"])
    assert basis.size == 41
    value = basis(torch.tensor([2.3]))[0, 10]
    assert float(value) == pytest.approx(math.exp(-((2.3 - 2.0) ** 2) / 0.2**2), rel=1e-5)


@pytest.mark.parametrize(
    "bad", [{"step": 0.0}, {"sigma": 0.0}, {"stop": 0.0}], ids=["step", "sigma", "stop"]
)
def test_a_grid_must_make_sense(bad):
    with pytest.raises(ConfigError, match="Gaussian basis"):
        GaussianBasis(**{"start": 0.0, "stop": 5.0, "step": 0.1, "sigma": 0.2, **bad})


def test_bessel_is_its_formula_and_orthonormal():
    basis = BesselBasis(CUTOFF, 6).double()
    d = torch.linspace(0.3, CUTOFF, 40, dtype=torch.float64)
    n = torch.arange(1, 7, dtype=torch.float64)
    phase = d.unsqueeze(-1) * n * math.pi / CUTOFF
    formula = math.sqrt(2 / CUTOFF) * torch.sin(phase) / d.unsqueeze(-1)
    torch.testing.assert_close(basis(d), formula, rtol=1e-6, atol=1e-6)  # float32 wave numbers
    assert float(basis(torch.tensor([CUTOFF])).abs().max()) < 1e-6

    def product(r: float, i: int, j: int) -> float:
        value = basis(torch.tensor([r], dtype=torch.float64))[0]
        return float(value[i] * value[j]) * r * r

    for i, j, expected in ((0, 0, 1), (3, 3, 1), (0, 1, 0), (1, 4, 0)):
        assert quad(product, 0, CUTOFF, args=(i, j))[0] == pytest.approx(expected, abs=1e-6)


def test_bessel_at_zero_has_its_limit_and_curvature():
    basis = BesselBasis(CUTOFF, 4).double()
    d = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    k = basis.wave_number.double()
    value = basis(d)[0]
    torch.testing.assert_close(value.detach(), math.sqrt(2 / CUTOFF) * k)
    for n in range(4):
        (slope,) = torch.autograd.grad(value[n], d, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), d, retain_graph=True)
        assert float(slope.detach()) == 0
        # sin(kd)/d = k − k³d²/6 + ...
        expected = -math.sqrt(2 / CUTOFF) * float(k[n]) ** 3 / 3
        assert float(curvature) == pytest.approx(expected, rel=1e-12)


def test_in_float64_every_digit_is_there_and_float32_stays_float32():
    d = torch.linspace(0.5, CUTOFF, 37, dtype=torch.float64)
    n, column = np.arange(1, 7), d.numpy()[:, None]
    waves = math.sqrt(2 / CUTOFF) * np.sin(n * math.pi * column / CUTOFF) / column
    bells = np.exp(-((column - 0.3 * np.arange(11)) ** 2) / (2 * 0.7**2))
    polynomials = eval_chebyt(np.arange(6), 2 * column / CUTOFF - 1)
    for basis, closed in (
        (BesselBasis(CUTOFF, 6), waves),
        (GaussianBasis(0.0, 3.0, 0.3, 0.7), bells),
        (ChebyshevBasis(CUTOFF, 6), polynomials),
    ):
        np.testing.assert_allclose(basis.double()(d), closed, rtol=0, atol=1e-14)
        assert basis(d.float()).dtype is torch.float32


def test_chebyshev_is_that_of_scipy_with_derivatives_at_both_ends():
    basis = ChebyshevBasis(CUTOFF, 9)
    d = torch.linspace(0, CUTOFF, 31, dtype=torch.float64)
    expected = eval_chebyt(np.arange(9), 2 * d.numpy()[:, None] / CUTOFF - 1)
    assert np.allclose(basis(d), expected, atol=1e-12)
    ends = torch.tensor([0.0, CUTOFF], dtype=torch.float64, requires_grad=True)
    for n in range(9):  # T_n'(±1) = (±1)^(n+1) n²
        (slope,) = torch.autograd.grad(basis(ends)[:, n].sum(), ends)
        expected = [2 / CUTOFF * (-1) ** (n + 1) * n**2, 2 / CUTOFF * n**2]
        assert slope.tolist() == pytest.approx(expected)
    assert ChebyshevBasis(CUTOFF, 1)(d).shape == (31, 1)


@pytest.mark.parametrize("name", NAMES)
def test_every_basis_has_two_derivatives_also_at_the_ends(name):
    basis = make_basis(name, CUTOFF, size=5).double()
    assert basis(torch.ones(3).double()).shape == (3, basis.size)
    d = torch.tensor([1e-9, 0.1, 0.7, 2.2, 4.9, CUTOFF], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(basis, d)
    assert torch.autograd.gradgradcheck(basis, d)
    at_zero = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(basis(at_zero).sum(), at_zero, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), at_zero)
    assert torch.isfinite(torch.cat([slope.detach(), curvature])).all()


def test_a_basis_is_made_by_its_name():
    assert make_basis("lecture", 9.0).reach == 5.0
    assert make_basis("cgcnn", 9.0).reach == 8.0
    assert make_basis("gaussian", 9.0, step=0.5).size == 19
    assert make_basis("bessel", 9.0, size=7).size == 7
    with pytest.raises(ConfigError, match=r"gaussian, bessel, chebyshev.* got 'fourier'"):
        make_basis("fourier", 5.0)
    for wrong in ((0.0, 4), (5.0, 0)):
        with pytest.raises(ConfigError, match="cutoff larger than 0 Å"):
            BesselBasis(*wrong)
        with pytest.raises(ConfigError, match="cutoff larger than 0 Å"):
            ChebyshevBasis(*wrong)


def test_edges_beyond_the_last_centre_are_marked():
    distance = torch.tensor([4.9, 5.0, 5.0 + 1e-8, 5.01, 8.1], dtype=torch.float64)
    assert edges_beyond(make_basis("lecture", 8.0), distance).tolist() == [False] * 3 + [True] * 2
    assert edges_beyond(make_basis("cgcnn", 8.0), distance).tolist() == [False] * 4 + [True]
    assert not edges_beyond(make_basis("gaussian", 8.1), distance).any()


def test_gaussians_fade_to_ordinary_numbers_that_nothing_notices():
    basis = GaussianBasis(0.0, 8.0, 0.2, 0.2 / 2**0.5)
    distance = torch.linspace(0.0, 8.0, 321, requires_grad=True)
    values = basis(distance)
    assert values.min() >= torch.finfo(torch.float32).tiny
    exact = np.exp(
        -((distance.detach().double().numpy()[:, None] - basis.centers.numpy()) ** 2) / 0.04
    )
    np.testing.assert_allclose(values.detach().numpy(), exact, rtol=1e-4, atol=2e-35)
    (slope,) = torch.autograd.grad(values.sum(), distance)
    assert slope.isfinite().all()
