"""The shifted softplus against its formula, with two derivatives."""

import math

import pytest
import torch

from xtalgraph.nn.activation import ShiftedSoftplus


def test_it_is_the_logarithm_of_the_mean_of_one_and_the_exponential():
    values = torch.linspace(-30.0, 30.0, 25, dtype=torch.float64).unsqueeze(1)
    expected = [math.log(0.5 * math.exp(x) + 0.5) for x in values.flatten().tolist()]
    assert ShiftedSoftplus()(values).flatten().tolist() == pytest.approx(expected, abs=3e-9)
    assert ShiftedSoftplus()(torch.zeros(1, 1)).item() == 0.0


def test_two_derivatives_agree_with_differences():
    values = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ShiftedSoftplus(), values)
    assert torch.autograd.gradgradcheck(ShiftedSoftplus(), values)
