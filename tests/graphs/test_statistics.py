"""Histograms of graphs against closed forms."""

import numpy as np
import pytest

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.statistics import (
    degree_histogram,
    distance_peaks,
    radial_distribution,
)
from xtalgraph.graphs.strategies import Radius
from xtalgraph.testing.crystals import contract_crystals

FCC = Crystal(1.805 * (1 - np.eye(3)), np.zeros((1, 3)), np.array([29]), np.ones(3, bool))


def test_the_shells_of_fcc():
    found = radial_distribution(FCC, cutoff=6.0, width=0.05)
    shells = found.count[found.count > 0]
    assert shells.tolist() == [12, 6, 24, 12, 24]
    where = found.centers[found.count > 0]
    expected = 3.61 * np.sqrt([1 / 2, 1, 3 / 2, 2, 5 / 2])
    np.testing.assert_allclose(where, expected, atol=0.025)
    assert found.coordination[-1] == 78
    plain = found.as_dict()
    assert sum(plain["count"]) == 78
    assert len(plain["edges"]) == len(plain["g"]) + 1


def test_the_peaks_of_fcc_are_its_shells():
    found = distance_peaks(FCC, cutoff=6.0)
    assert [peak.neighbors for peak in found] == [12, 6, 24, 12, 24]
    expected = 3.61 * np.sqrt([1 / 2, 1, 3 / 2, 2, 5 / 2])
    np.testing.assert_allclose([peak.distance for peak in found], expected, rtol=1e-12)
    (wide,) = distance_peaks(FCC, cutoff=6.0, gap=2.0)
    assert (wide.first, wide.last, wide.neighbors) == (found[0].first, found[-1].last, 78)
    assert distance_peaks(FCC, cutoff=2.0) == []
    with pytest.raises(GraphError, match="larger than 0"):
        distance_peaks(FCC, gap=0.0)


def test_scattered_atoms_have_g_of_1():
    rng = np.random.default_rng(0)
    gas = Crystal.from_fractional(20 * np.eye(3), rng.uniform(size=(600, 3)), np.full(600, 18))
    found = radial_distribution(gas, cutoff=7.5, width=0.5)
    assert found.edges[-1] == 7.5
    np.testing.assert_allclose(found.g[6:], 1.0, atol=0.05)


def test_a_slab_has_no_density():
    with pytest.raises(GraphError, match="pbc in all directions"):
        radial_distribution(contract_crystals()["slab"])
    with pytest.raises(GraphError, match="larger than 0"):
        radial_distribution(FCC, width=0.0)


def test_the_histogram_of_a_batch_counts_every_atom():
    crystals = contract_crystals()
    graph = build_graph([FCC, crystals["no edges"]], Radius(3.0))
    assert degree_histogram(graph).tolist() == [1, *[0] * 11, 1]
