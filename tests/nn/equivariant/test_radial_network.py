"""The radial network against e3nn's, with the same weights."""

import torch
from e3nn.nn import FullyConnectedNet
from torch.nn.functional import silu

from xtalgraph.nn.equivariant.gate import unit_moment
from xtalgraph.nn.equivariant.radial_network import RadialNetwork


def test_it_is_that_of_e3nn():
    torch.manual_seed(0)
    ours = RadialNetwork(4, (6, 5), 7)
    theirs = FullyConnectedNet([4, 6, 5, 7], silu)
    with torch.no_grad():
        for number, (layer, weight) in enumerate(zip(theirs, ours.weights, strict=True)):
            weight.copy_(layer.weight / layer.weight.shape[0] ** 0.5)
            if number:
                weight.mul_(unit_moment(silu))
    basis = torch.randn(9, 4)
    torch.testing.assert_close(ours(basis), theirs(basis))


def test_it_vanishes_with_the_basis():
    network = RadialNetwork(4, (6,), 7)
    assert not bool(network(torch.zeros(3, 4)).any())


def test_fresh_functions_have_the_mean_square_of_a_sum_of_one():
    torch.manual_seed(0)
    network = RadialNetwork(4, (16, 16, 16), 7, scale=0.01)
    basis = 0.1 * torch.randn(50, 4)
    before = network(basis)
    network.normalize(basis)
    values = network(basis)
    torch.testing.assert_close(values.square().mean(), torch.tensor(0.01))
    factor = values.norm() / before.norm()
    torch.testing.assert_close(values, factor * before)
    assert factor > 30, "three layers make faint what is small"
