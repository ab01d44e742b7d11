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


def test_fresh_weights_are_scaled_to_what_a_sum_over_neighbors_needs():
    torch.manual_seed(0)
    network = RadialNetwork(4, (16, 16, 16), 7, scale=0.01)
    basis = 0.1 * torch.randn(50, 4)
    faint = network(basis).square().mean()
    network.normalize(basis)
    size = network(basis).square().mean()
    torch.testing.assert_close(size, torch.tensor(0.01))
    assert size > 900 * faint * 0.01, "three layers make faint what is small"


def test_no_layer_is_left_where_its_function_is_nearly_linear():
    torch.manual_seed(0)
    network = RadialNetwork(4, (16, 16, 16), 7)
    basis = 0.1 * torch.randn(50, 4)
    network.normalize(basis)
    values = basis
    for weight in network.weights:
        values = values @ weight
        torch.testing.assert_close(values.square().mean(), torch.tensor(1.0))
        values = silu(values)


def test_other_weights_can_take_the_place_of_its_own():
    network, basis = RadialNetwork(4, (6, 5), 7), torch.randn(3, 4)
    others = {name: torch.randn_like(weight) for name, weight in network.named_parameters()}
    for weight in others.values():
        weight.requires_grad_()
    values = torch.func.functional_call(network, others, (basis,))
    assert all(slope.any() for slope in torch.autograd.grad(values.sum(), others.values()))
