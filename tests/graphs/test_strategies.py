"""Neighbour strategies: whole shells, whatever the order of atoms and the choice of cell."""

import numpy as np
import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.testing.crystals import contract_crystals

CUBIC = np.eye(3)


def lattice(cell: np.ndarray) -> Crystal:
    return Crystal(cell, np.zeros((1, 3)), np.array([26]), np.ones(3, bool))


@pytest.mark.parametrize(
    ("crystal", "k", "degree"),
    [
        (lattice(3.0 * CUBIC), 6, 6),
        (lattice(3.0 * CUBIC), 7, 18),
        (lattice(3.0 * CUBIC), 12, 18),
        (lattice(1.8 * (1 - CUBIC)), 12, 12),
        (lattice(1.8 * (1 - CUBIC)), 13, 18),
        (lattice(1.6 * (np.ones((3, 3)) - 2 * CUBIC)), 8, 8),
        (lattice(1.6 * (np.ones((3, 3)) - 2 * CUBIC)), 12, 14),
    ],
    ids=["sc-6", "sc-7", "sc-12", "fcc-12", "fcc-13", "bcc-8", "bcc-12"],
)
def test_whole_shells_are_kept(crystal, k, degree):
    assert len(Hybrid(cutoff=8.0, max_neighbors=k).edges(crystal)) == degree


def test_fewer_than_k_within_the_cutoff_are_all_kept():
    assert len(Hybrid(cutoff=3.5, max_neighbors=12).edges(lattice(3.0 * CUBIC))) == 6


@pytest.mark.parametrize("name", contract_crystals())
def test_the_order_of_atoms_does_not_matter(name):
    crystal = contract_crystals()[name]
    order = np.random.default_rng(0).permutation(len(crystal))
    for strategy in (Radius(5.0), Hybrid()):
        before = np.sort(strategy.edges(crystal).distance)
        after = np.sort(strategy.edges(transforms.permute(crystal, order)).distance)
        np.testing.assert_allclose(after, before, atol=1e-10)


@pytest.mark.parametrize("strategy", [Radius(5.0), Hybrid()])
@pytest.mark.parametrize("name", ["cubic", "distorted", "triclinic", "sheared", "left-handed"])
def test_a_supercell_has_the_same_graph_as_many_times(strategy, name):
    crystal = contract_crystals()[name]
    one = np.sort(strategy.edges(crystal).distance)
    eight = np.sort(strategy.edges(transforms.supercell(crystal, (2, 2, 2))).distance)
    np.testing.assert_allclose(eight, np.repeat(one, 8), atol=1e-9)


@pytest.mark.parametrize("cutoff", [0.0, -1.0, float("nan"), float("inf")])
def test_a_cutoff_must_be_positive(cutoff):
    with pytest.raises(ConfigError, match="cutoff must be larger than 0 Å"):
        Radius(cutoff)
    with pytest.raises(ConfigError, match="cutoff must be larger than 0 Å"):
        Hybrid(cutoff=cutoff)


def test_settings_of_the_hybrid_are_checked():
    with pytest.raises(ConfigError, match="max_neighbors must be at least 1, got 0"):
        Hybrid(max_neighbors=0)
    with pytest.raises(ConfigError, match="shell_tolerance must not be negative"):
        Hybrid(shell_tolerance=-1e-3)
