"""Neighbour strategies: whole shells, whatever the order of atoms and the choice of cell."""

import dataclasses

import numpy as np
import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import settings_from
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.strategies import (
    STRATEGIES,
    Bonded,
    Hybrid,
    KNearest,
    KNearestStrict,
    Radius,
    parse_strategy,
    strategy_spec,
)
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
    with pytest.raises(ConfigError, match="shell_tolerance must be at least 0 Å"):
        Hybrid(shell_tolerance=-1e-3)


@pytest.mark.parametrize(
    ("spec", "strategy"),
    [
        ("radius", Radius()),
        ("radius:4.5", Radius(4.5)),
        ("knn:8", KNearest(max_neighbors=8)),
        ("knn:8:15", KNearest(max_neighbors=8, cutoff=15.0)),
        ("hybrid:12:6:0.01", Hybrid(cutoff=6.0, shell_tolerance=0.01)),
        ("knn-strict:12:6", KNearestStrict(cutoff=6.0)),
        ("bonded", Bonded()),
        ("bonded:voronoi:9", Bonded("voronoi", cutoff=9.0)),
    ],
)
def test_a_strategy_in_a_word(spec, strategy):
    assert parse_strategy(spec) == strategy
    assert parse_strategy(strategy_spec(strategy)) == strategy


def test_defaults_are_left_out_of_the_word_from_the_end():
    words = [strategy_spec(strategy()) for strategy in STRATEGIES.values()]
    assert words == ["radius:5", "knn:12", "hybrid:12:8", "bonded:crystalnn", "knn-strict:12:8"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("hybird:12", "unknown strategy 'hybird'; did you mean 'hybrid'?"),
        ("radius:5:12", "more settings than radius:cutoff"),
        ("knn:many", "max_neighbors must be a whole number"),
        ("radius:far", "must be a number, got 'far'"),
        ("radius:-1", "cutoff must be larger than 0 Å, got -1"),
        ("bonded:wide", "must be one of 'crystalnn', 'voronoi'"),
        ("radius:", "must be a number"),
    ],
)
def test_a_word_that_is_wrong_is_explained(spec, said):
    with pytest.raises(ConfigError) as error:
        parse_strategy(spec)
    assert said in str(error.value)


@pytest.mark.parametrize("name", STRATEGIES)
def test_settings_go_through_plain_values(name):
    strategy = STRATEGIES[name]()
    assert settings_from(STRATEGIES[name], dataclasses.asdict(strategy), "graph") == strategy


def test_only_radius_is_continuous():
    assert [name for name, strategy in STRATEGIES.items() if strategy.continuous] == ["radius"]
