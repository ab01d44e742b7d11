"""The weighted batch normalisation against torch's, on rows with weights and on rows repeated."""

import pytest
import torch
from torch import nn

from xtalgraph.nn.norm import WeightedBatchNorm

WIDTH = 5


def pair() -> tuple[WeightedBatchNorm, nn.BatchNorm1d]:
    """Ours and torch's with the same weights and running statistics."""
    torch.manual_seed(0)
    theirs = nn.BatchNorm1d(WIDTH).double()
    with torch.no_grad():
        theirs.weight.normal_()
        theirs.bias.normal_()
    ours = WeightedBatchNorm(WIDTH).double()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("whole", [False, True], ids=["unit weights", "whole weights"])
def test_it_is_torchs_on_the_rows_repeated(whole):
    ours, theirs = pair()
    multiplicity = torch.tensor([1, 3, 2, 1, 6, 1, 4]) if whole else torch.ones(7, dtype=torch.long)
    for _ in range(3):  # the running statistics too
        values = torch.randn(7, WIDTH, dtype=torch.float64, requires_grad=True)
        found = ours(values, multiplicity)
        expected = theirs(values.repeat_interleave(multiplicity, 0))
        torch.testing.assert_close(
            found.repeat_interleave(multiplicity, 0), expected, rtol=1e-12, atol=1e-12
        )
        weight = multiplicity.double().unsqueeze(-1)
        one = torch.autograd.grad((weight * found**3).sum(), [values, *ours.parameters()])
        other = torch.autograd.grad((expected**3).sum(), [values, *theirs.parameters()])
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-12, atol=1e-12)
    values = torch.randn(7, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(
        ours.eval()(values, multiplicity), theirs.eval()(values), rtol=1e-12, atol=1e-12
    )


def test_derivatives_are_those_of_finite_differences_once_and_twice():
    ours, _ = pair()
    weights = [weight.detach() for weight in ours.parameters()]

    def normalised(values, scale, shift):
        given = {"weight": scale, "bias": shift}
        return torch.func.functional_call(ours, given, (values, torch.tensor([1, 3, 2, 1])))

    inputs = [torch.randn(4, WIDTH, dtype=torch.float64), *weights]
    inputs = [value.requires_grad_() for value in inputs]
    assert torch.autograd.gradcheck(normalised, inputs)
    assert torch.autograd.gradgradcheck(normalised, inputs)


def test_one_atom_alone_gives_finite_numbers():
    ours, _ = pair()
    values = torch.randn(1, WIDTH, dtype=torch.float64)
    found = ours(values, torch.ones(1, dtype=torch.long))
    torch.testing.assert_close(found[0], ours.bias)
    assert all(torch.isfinite(value).all() for value in ours.state_dict().values())


def test_a_batch_without_rows_leaves_the_running_statistics_as_they_are():
    ours, _ = pair()
    before = {key: value.clone() for key, value in ours.state_dict().items()}
    none = torch.zeros(0, WIDTH, dtype=torch.float64)
    assert ours.train()(none, torch.zeros(0, dtype=torch.long)).shape == (0, WIDTH)
    assert all(torch.equal(value, before[key]) for key, value in ours.state_dict().items())
