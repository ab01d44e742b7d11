"""A list with a skin gives the graphs of a new search, to the bit."""

import dataclasses

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals import transforms
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.simulation.neighbor_list import NeighborList
from xtalgraph.testing.crystals import contract_crystals

PERIODIC = ["distorted", "triclinic", "sheared", "left-handed", "slab", "wire"]


def same(one, other) -> bool:
    return all(
        torch.equal(getattr(one, field.name), getattr(other, field.name))
        for field in dataclasses.fields(one)
    )


@pytest.mark.parametrize("angles", [None, Angles(3.0, None)], ids=["edges", "angles"])
@pytest.mark.parametrize("name", PERIODIC)
def test_atoms_that_walk_and_cells_that_breathe_keep_their_graphs(name, angles):
    settings = GraphSettings(Radius(4.0), angles=angles)
    neighbors, crystal = NeighborList(settings, 0.5), contract_crystals()[name]
    generator = np.random.default_rng(3)
    for _ in range(60):
        assert same(neighbors.graph(crystal), settings.build(crystal))
        strain = generator.normal(0.0, 2e-3, (3, 3)) * np.outer(crystal.pbc, crystal.pbc)
        crystal = transforms.strain(crystal, strain + strain.T)
        walk = generator.normal(0.0, 0.02, crystal.positions.shape)
        crystal = crystal.moved(crystal.cell, crystal.positions + walk)
    assert 1 < neighbors.searches < 40


def test_another_crystal_is_searched_anew():
    neighbors, crystals = NeighborList(GraphSettings(Radius(4.0))), contract_crystals()
    for name in ("cubic", "distorted", "one atom", "cubic"):
        assert same(neighbors.graph(crystals[name]), neighbors.settings.build(crystals[name]))
    assert neighbors.searches == 4


def test_a_list_without_skin_searches_at_each_step():
    neighbors, crystal = NeighborList(GraphSettings(Radius(4.0)), 0.0), contract_crystals()["cubic"]
    for _ in range(3):
        neighbors.graph(crystal)
    assert neighbors.searches == 3


def test_what_is_no_radius_graph_is_refused():
    with pytest.raises(ConfigError, match="strategy hybrid"):
        NeighborList(GraphSettings(Hybrid()))
    with pytest.raises(ConfigError, match=r"reduction tolerance of 0\.001"):
        NeighborList(GraphSettings(Radius(4.0), 1e-3))
    with pytest.raises(ConfigError, match="at least 0 Å, got -1"):
        NeighborList(GraphSettings(Radius(4.0)), -1.0)
