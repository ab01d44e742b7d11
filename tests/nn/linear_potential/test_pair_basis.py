"""Functions of the distance: their derivatives, their end, and the same in torch."""

import numpy as np
import pytest
import torch

from xtalgraph.nn.linear_potential.pair_basis import PairBasis, chebyshev_functions


def test_the_derivatives_of_the_functions_are_those_of_their_differences():
    basis = PairBasis([18], cutoff=6.0)
    distance, step = np.linspace(2.5, 5.9, 7), 1e-5
    plus, minus = (basis.radial(distance + sign * step)[0] for sign in (1, -1))
    assert basis.radial(distance)[1] == pytest.approx((plus - minus) / 2 / step, abs=1e-8)
    at_cutoff = basis.radial(np.array([6.0]))
    assert np.abs(at_cutoff).max() == 0.0


def test_derivatives_of_energies_are_right(check_derivatives):
    basis = PairBasis([29, 47], cutoff=4.0, functions=6)
    check_derivatives(basis, step=1e-5, differences=1e-6, rounding=1e-12)


@pytest.mark.parametrize("functions", [2, 14])
def test_they_are_the_same_in_torch_and_end_at_the_cutoff(functions):
    basis, distance = PairBasis([18], cutoff=6.0, functions=functions), np.linspace(0.5, 6.0, 30)
    torched = torch.from_numpy(distance).requires_grad_()
    values = chebyshev_functions(torched, 6.0, functions)
    expected, slopes = basis.radial(distance)
    np.testing.assert_allclose(values.detach().numpy(), expected, atol=1e-13)
    for number in range(functions):
        (slope,) = torch.autograd.grad(values[:, number].sum(), torched, retain_graph=True)
        np.testing.assert_allclose(slope.numpy(), slopes[:, number], atol=1e-11)
    assert float(chebyshev_functions(torch.tensor([6.5, 12.0]), 6.0, functions).abs().max()) == 0.0
