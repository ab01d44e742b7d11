"""Spherical Bessel functions against scipy, their zeros against mpmath."""

import mpmath
import numpy as np
import pytest
import torch
from scipy.special import spherical_jn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.nn.spherical_bessel import bessel_zeros, spherical_bessel

ORDER = 8


def test_values_and_both_derivatives_are_those_of_scipy():
    x = np.concatenate([[0.0], np.logspace(-8, 0, 30), np.linspace(1, 60, 400)])
    t = torch.tensor(x, requires_grad=True)
    found = spherical_bessel(t, ORDER)
    for degree in range(ORDER + 1):
        value = found[:, degree]
        (slope,) = torch.autograd.grad(value.sum(), t, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), t, retain_graph=True)
        assert np.allclose(value.detach(), spherical_jn(degree, x), rtol=1e-10, atol=1e-14)
        expected = spherical_jn(degree, x, derivative=True)
        assert np.allclose(slope.detach(), expected, rtol=1e-9, atol=1e-13)
        # x² j'' + 2x j' + (x² − l(l+1)) j = 0
        rest = x**2 * curvature.numpy() + 2 * x * expected
        rest += (x**2 - degree * (degree + 1)) * spherical_jn(degree, x)
        assert np.abs(rest / np.maximum(1, x**2)).max() < 1e-11


def test_derivatives_at_zero():
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    for degree, (slope, curvature) in enumerate(((0, -1 / 3), (1 / 3, 0), (0, 2 / 15), (0, 0))):
        (first,) = torch.autograd.grad(spherical_bessel(x, 3)[0, degree], x, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), x)
        assert (first.item(), second.item()) == pytest.approx((slope, curvature))


def test_single_precision_is_good_to_single_precision():
    x = np.linspace(0, 30, 500, dtype=np.float32)
    for degree in range(7):
        found = spherical_bessel(torch.tensor(x), 6)[:, degree]
        assert np.abs(found.numpy() - spherical_jn(degree, x.astype(float))).max() < 2e-6


def test_zeros_are_those_of_mpmath():
    zeros = bessel_zeros(6, 5)
    assert zeros.shape == (7, 5)
    for degree in (0, 1, 3, 6):
        expected = [float(mpmath.besseljzero(degree + 0.5, n)) for n in range(1, 6)]
        assert zeros[degree] == pytest.approx(expected, rel=1e-12)
    assert not zeros.flags.writeable
    with pytest.raises(ConfigError, match="order -1, count 3"):
        bessel_zeros(-1, 3)
