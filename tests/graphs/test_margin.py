"""A graph on which rounding decides is known, and one cut through equals is not excused."""

import numpy as np
import pytest

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.representations import representations
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.margin import is_decided
from xtalgraph.graphs.strategies import Hybrid, KNearest, KNearestStrict, Radius
from xtalgraph.testing.crystals import contract_crystals

CUBE = Crystal(4.0 * np.eye(3), np.zeros((1, 3)), np.array([29]), np.ones(3, bool))
"""Neighbours at 4, 4 √2, 4 √3 Å: 6, 12 and 8 of them."""


def chain(*places: float) -> Crystal:
    positions = np.array([[x, 0.0, 0.0] for x in places])
    return Crystal(50.0 * np.eye(3), positions, np.full(len(places), 29), np.zeros(3, bool))


@pytest.mark.parametrize(
    ("crystal", "graph_settings"),
    [
        (CUBE, GraphSettings(Radius(4.0))),
        (CUBE, GraphSettings(Radius(4.0 * np.sqrt(2.0) + 1e-9))),
        (CUBE, GraphSettings(Radius(5.0), angles=Angles(cutoff=4.0))),
        (chain(0.0, 2.0, 4.0 + 1e-3), GraphSettings(Hybrid(8.0, 1))),  # the end of a shell
        (chain(0.0, 2.0, 4.0 + 1e-3), GraphSettings(Radius(6.0), 1e-3)),  # the end of a group
        (chain(0.0, 6.0 - 1e-9), GraphSettings(KNearest(1, 6.0))),
    ],
    ids=str,
)
def test_limits_that_are_hit_are_known(crystal, graph_settings):
    assert not is_decided(crystal, graph_settings)
    assert is_decided(transforms.strain(crystal, -1e-5 * np.eye(3)), graph_settings)


def test_equals_are_cut_by_rounding_where_a_shell_has_no_width():
    assert not is_decided(chain(0.0, 2.0, 4.0 + 1e-12), GraphSettings(Hybrid(8.0, 1, 0.0)))


@pytest.mark.parametrize("strategy", [Radius(5.0), Hybrid(), KNearest(12, 12.0)], ids=str)
@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
@pytest.mark.parametrize("name", ["cubic", "distorted", "triclinic", "sheared", "slab"])
def test_what_is_decided_stays_the_same_graph(name, tolerance, strategy):
    crystal, graph_settings = contract_crystals()[name], GraphSettings(strategy, tolerance)
    assert is_decided(crystal, graph_settings)
    degrees = np.sort(graph_settings.build(crystal).degree.numpy())
    for one in representations(crystal, np.random.default_rng(0)):
        if one.copies == 1:
            found = np.sort(graph_settings.build(one.crystal).degree.numpy())
            np.testing.assert_array_equal(found, degrees, err_msg=one.what)


def test_a_pair_at_the_cutoff_does_change_sides():
    graph_settings, turned = GraphSettings(Radius(4.0 * np.sqrt(3.0))), set()
    for seed in range(20):
        ways = {one.what: one for one in representations(CUBE, np.random.default_rng(seed))}
        turned.add(len(graph_settings.build(ways["rotation"].crystal).center))
    assert len(turned) > 1


def test_the_strict_cut_is_not_excused():
    cubic = contract_crystals()["cubic"]
    graph_settings = GraphSettings(KNearestStrict())
    assert is_decided(cubic, graph_settings)
    other = transforms.permute(cubic, np.arange(5)[::-1].copy())
    kinds = [
        np.bincount(c.numbers[graph_settings.build(c).neighbor.numpy()]) for c in (cubic, other)
    ]
    assert not np.array_equal(*kinds)
