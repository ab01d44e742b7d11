"""From noise to crystals: reproducible, whatever is drawn beside, and the flow of a known field."""

import numpy as np
import pytest
import torch

from xtalgraph.models.generation.generator_settings import GeneratorConfig
from xtalgraph.models.generation.network import FlowNetwork, Velocities
from xtalgraph.models.generation.sampling import crystals_of, flowed, noise


@pytest.fixture
def network():
    torch.manual_seed(0)
    return FlowNetwork(GeneratorConfig(atom_width=8, passes=1, waves=2)).eval()


def cell(*numbers):
    return np.array(numbers, dtype=np.int64)


def test_noise_depends_on_the_seed_of_its_crystal_alone():
    alone = noise([cell(8, 8, 22)], [(3, 1, 0)])
    beside = noise([cell(12, 8), cell(8, 8, 22)], [(3, 0, 0), (3, 1, 0)])
    assert torch.equal(alone.fractional, beside.fractional[2:])
    assert torch.equal(alone.shape, beside.shape[1:])
    assert not torch.equal(noise([cell(8, 8, 22)], [(4, 1, 0)]).shape, alone.shape)
    many = noise([cell(*[6] * 500)], [(0,)])
    assert 0.45 < float(many.fractional.mean()) < 0.55


def test_a_crystal_is_the_same_whatever_is_drawn_beside(network):
    seeds = [(0, 0, 0), (0, 1, 0)]
    both = crystals_of(
        network, flowed(network, noise([cell(12, 8), cell(22, 8, 8)], seeds), 5, 2.0)
    )
    (alone,) = crystals_of(network, flowed(network, noise([cell(22, 8, 8)], seeds[1:]), 5, 2.0))
    assert np.allclose(alone.cell, both[1].cell, atol=1e-5)
    assert np.allclose(alone.fractional, both[1].fractional, atol=1e-5)
    assert both[1].numbers.tolist() == [22, 8, 8]


def test_a_constant_velocity_is_followed_and_annealed(network, monkeypatch):
    start = noise([cell(22, 8)], [(0,)])
    sites = torch.tensor([[0.1, 0.0, -0.2], [-0.1, 0.0, 0.2]])
    field = Velocities(sites, torch.full((1, 6), 0.5))
    monkeypatch.setattr(network, "velocities", lambda state, time: field)
    end = flowed(network, start, 50)
    assert torch.allclose(end.fractional, (start.fractional + sites) % 1, atol=1e-5)
    assert torch.allclose(end.shape, start.shape + 0.5, atol=1e-5)
    faster = flowed(network, start, 1000, 4.0)
    assert torch.allclose(faster.fractional, (start.fractional + 3 * sites) % 1, atol=1e-2)
    assert torch.allclose(faster.shape, end.shape, atol=1e-3)


def test_what_is_no_number_is_no_crystal(network):
    state = noise([cell(22, 8), cell(12, 8)], [(0,), (1,)])
    state.shape[0, 0] = float("nan")
    first, second = crystals_of(network, state)
    assert first is None
    assert second.formula == "MgO"
