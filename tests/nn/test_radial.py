"""Radial bases and envelopes against their formulas, with gradients and end points."""

import math

import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.nn.envelope import make_envelope
from xtalgraph.nn.radial import GAUSSIAN_PRESETS, GaussianBasis


def test_the_grid_of_the_lecture():
    basis = GaussianBasis(**GAUSSIAN_PRESETS["lecture"])
    assert basis.size == 51
    torch.testing.assert_close(basis.centers[[0, 1, 50]], torch.tensor([0.0, 0.1, 5.0]))
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


def test_the_cosine_goes_to_zero_with_its_slope():
    envelope = make_envelope("cosine", 5.0)
    d = torch.tensor([0.0, 2.5, 5.0, 6.0], dtype=torch.float64, requires_grad=True)
    value = envelope(d)
    torch.testing.assert_close(
        value.detach(), torch.tensor([1.0, 0.5, 0.0, 0.0], dtype=torch.float64)
    )
    (slope,) = torch.autograd.grad(value.sum(), d)
    assert slope[2:].abs().max() == 0
    assert float(slope[1]) == pytest.approx(-math.pi / 10)


@pytest.mark.parametrize("name", ["cosine", "none"])
def test_envelopes_and_bases_pass_gradcheck(name):
    d = torch.tensor([0.7, 2.2, 4.9], dtype=torch.float64, requires_grad=True)
    envelope = make_envelope(name, 5.0)
    basis = GaussianBasis(0.0, 5.0, 0.5, 0.3).double()
    assert torch.autograd.gradcheck(lambda x: basis(x) * envelope(x).unsqueeze(-1), d)
    assert torch.autograd.gradgradcheck(lambda x: basis(x) * envelope(x).unsqueeze(-1), d)


def test_an_unknown_envelope_is_refused():
    with pytest.raises(ConfigError, match="'cosine' or 'none', got 'hard'"):
        make_envelope("hard", 5.0)
