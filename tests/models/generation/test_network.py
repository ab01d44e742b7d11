"""What the network of a generator must not see, and what must turn with its input."""

import numpy as np
import pytest
import torch

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import permute, rotate, shift_images, translate
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.generation.generator_settings import GeneratorConfig
from xtalgraph.models.generation.network import FlowNetwork
from xtalgraph.models.generation.state import CellsAndSites


def crystal(sites=5, seed=0):
    rng = np.random.default_rng(seed)
    cell = 4 * np.eye(3) + rng.normal(size=(3, 3))
    numbers = np.array([38, 22, 8, 8, 8, 6][:sites])
    return Crystal.from_fractional(cell, rng.random((sites, 3)), numbers)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = FlowNetwork(GeneratorConfig(atom_width=16, passes=2, waves=4)).double()
    made.mean.normal_(), made.std.uniform_(0.5, 1)
    return made


def velocities(network, *crystals, time=0.3):
    state = network.state_of(build_graph(list(crystals), Radius(0.5)))
    times = torch.full((len(crystals),), time, dtype=torch.float64)
    with torch.no_grad():
        return network.velocities(state, times)


def turned(seed=1):
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix


@pytest.mark.parametrize("change", [
    lambda c: rotate(c, turned()),
    lambda c: translate(c, np.array([0.7, -2.1, 5.0])),
    lambda c: shift_images(c, np.random.default_rng(2).integers(-2, 3, (5, 3))),
])  # fmt: skip
def test_neither_rotation_nor_origin_nor_images_change_a_velocity(network, change):
    before, after = velocities(network, crystal()), velocities(network, change(crystal()))
    assert torch.allclose(before.sites, after.sites, atol=1e-9)
    assert torch.allclose(before.shapes, after.shapes, atol=1e-9)
    assert before.sites.abs().max() > 1e-3


def test_velocities_are_renumbered_with_the_atoms(network):
    order = np.array([3, 0, 4, 1, 2])
    before, after = (velocities(network, c) for c in (crystal(), permute(crystal(), order)))
    assert torch.allclose(before.sites[torch.from_numpy(order)], after.sites, atol=1e-9)
    assert torch.allclose(before.shapes, after.shapes, atol=1e-9)


def test_a_crystal_as_a_whole_does_not_move(network):
    assert velocities(network, crystal()).sites.sum(dim=0).abs().max() < 1e-12


def test_a_batch_of_sizes_is_as_one_by_one(network):
    crystals = [crystal(5), crystal(3, 1), crystal(1, 2)]
    together = velocities(network, *crystals)
    alone = [velocities(network, c) for c in crystals]
    assert torch.allclose(together.sites, torch.cat([v.sites for v in alone]), atol=1e-9)
    assert torch.allclose(together.shapes, torch.cat([v.shapes for v in alone]), atol=1e-9)


def test_element_time_and_cell_are_read(network):
    before, later = velocities(network, crystal()), velocities(network, crystal(), time=0.9)
    assert not torch.allclose(before.sites, later.sites, atol=1e-4)
    state = network.state_of(build_graph(crystal(), Radius(0.5)))
    for changed in (
        CellsAndSites(state.number + 1, state.num_atoms, state.fractional, state.shape),
        CellsAndSites(state.number, state.num_atoms, state.fractional, state.shape + 1),
    ):
        with torch.no_grad():
            other = network.velocities(changed, torch.tensor([0.3], dtype=torch.float64))
        assert not torch.allclose(before.sites, other.sites, atol=1e-4)


def test_its_features_are_those_of_crystals_that_have_arrived(network):
    graph = build_graph([crystal(), crystal(3)], Radius(0.5))
    features = network(graph)
    assert features.atom.shape == (8, 16)
    arrived = network.features(network.state_of(graph), torch.ones(2, dtype=torch.float64))
    assert torch.equal(features.atom, arrived.atom)
