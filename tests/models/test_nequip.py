"""NequIP: what its settings say."""

import numpy as np
import pytest

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.nequip import NequIP
from xtalgraph.testing.crystals import contract_crystals


@pytest.mark.parametrize("parity", [True, False])
@pytest.mark.parametrize("degree", [0, 1, 3])
def test_what_it_declares_follows_from_degree_and_parity(degree, parity):
    config = NequIP.Config(channels=2, degree=degree, parity=parity, depth=2, radial_width=4)
    encoder = NequIP(config, 4.0)
    natural = {(order, (-1) ** order) for order in range(1, degree + 1)}
    unnatural = {(order, -((-1) ** order)) for order in range(degree + 1)}
    # Pseudoscalars and their kin come of three factors at least; the second layer has these.
    expected = natural | (unnatural - {(0, -1)} if parity and degree else set())
    assert set(encoder.tensors) - {(0, -1)} == expected
    features = encoder(build_graph(contract_crystals()["triclinic"], Radius(4.0)))
    assert {k: v.shape[1:] for k, v in features.tensor.items()} == {
        (order, sign): (2 * order + 1, 2) for order, sign in encoder.tensors
    }


def test_an_energy_needs_scalars_alone():
    config = NequIP.Config(channels=3, depth=2, radial_width=4, last="scalars")
    encoder = NequIP(config, 4.0)
    assert encoder.tensors == {}
    assert encoder.layers[-1].gate.outputs == {(0, 1): 3}


def test_an_atom_without_neighbors_has_no_features():
    encoder = NequIP(NequIP.Config(channels=3, depth=3, radial_width=4), 3.0)
    alone = Crystal(9.0 * np.eye(3), np.zeros((1, 3)), np.array([26]), np.ones(3, dtype=bool))
    features = encoder(build_graph(alone, Radius(3.0)))
    assert not features.atom.any()


def test_channels_are_given_for_each_degree():
    with pytest.raises(ConfigError, match=r"one for each degree from 0 to 2, got 2 numbers"):
        NequIP.Config(channels=[4, 2], degree=2)


def test_a_graph_without_directions_is_an_error():
    graph = build_reduced([contract_crystals()["cubic"]], Radius(4.0), 0.01)
    with pytest.raises(GraphError, match="needs a CrystalGraph"):
        NequIP(NequIP.Config(channels=2, depth=1), 4.0)(graph)
