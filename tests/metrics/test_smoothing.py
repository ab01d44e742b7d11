"""Measures of over-smoothing against closed forms, and on reduced graphs."""

import numpy as np
import pytest

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.reduction import merge_equivalent, merge_geometry
from xtalgraph.graphs.strategies import Radius
from xtalgraph.metrics.smoothing import dirichlet_energy, effective_rank, mean_average_distance
from xtalgraph.testing.crystals import contract_crystals

RING = np.arange(6), (np.arange(6) + 1) % 6
"""Six atoms in a ring, edges one way round."""
ONES = np.ones(6, dtype=int), np.ones(6, dtype=int)


def test_vectors_around_a_circle():
    """Neighbours 60° apart: 1 − cos = 1/2, |difference|² = 1, two equal singular values."""
    angle = np.arange(6) * np.pi / 3
    features = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert mean_average_distance(features, *RING, *ONES) == pytest.approx(0.5)
    assert dirichlet_energy(features, *RING, *ONES) == pytest.approx(1.0)
    assert effective_rank(features, ONES[1]) == pytest.approx(2.0)


def test_a_wave_has_the_energy_of_its_eigenvalue():
    """On a ring Σ |h_i − h_(i+1)|² = (2 − 2 cos k) Σ h²."""
    k = 2 * np.pi / 6
    features = np.sin(k * np.arange(6))[:, None]
    expected = (2 - 2 * np.cos(k)) * np.mean(features**2)
    assert dirichlet_energy(features, *RING, *ONES) == pytest.approx(expected)


def test_all_alike_is_smooth():
    features = np.outer([1.0, 2, 3, 4, 5, 6], [1.0, -2, 0.5])
    assert mean_average_distance(features, *RING, *ONES) == pytest.approx(0.0, abs=1e-15)
    assert effective_rank(features, ONES[1]) == pytest.approx(1.0)
    assert dirichlet_energy(np.ones((6, 3)), *RING, *ONES) == 0.0


def test_singular_values_of_3_and_1():
    """p = 3/4, 1/4: the rank is 4 / 3^(3/4)."""
    assert effective_rank(np.diag([3.0, 1.0]), np.ones(2, dtype=int)) == pytest.approx(4 / 3**0.75)


def test_opposite_is_two_and_nothing_is_one():
    features = np.array([[1.0, 0], [-2.0, 0], [0.0, 0]])
    ends = np.array([0, 2]), np.array([1, 0])
    ones = np.ones(2, dtype=int), np.ones(3, dtype=int)
    assert mean_average_distance(features, *ends, *ones) == pytest.approx((2 + 1) / 2)


def test_zeros_and_no_edges():
    none = np.zeros(0, dtype=int)
    count = np.ones(2, dtype=int)
    assert effective_rank(np.zeros((2, 3)), count) == 0.0
    assert np.isnan(mean_average_distance(np.ones((2, 3)), none, none, none, count))
    assert dirichlet_energy(np.ones((2, 3)), none, none, none, count) == 0.0


def measures(graph: Graph) -> list[float]:
    by_element = np.random.default_rng(0).normal(size=(119, 4))
    features = by_element[graph.number.numpy()]
    ends = [x.numpy() for x in (graph.center, graph.neighbor, graph.edge_multiplicity)]
    count = graph.atom_multiplicity.numpy()
    return [
        mean_average_distance(features, *ends, count),
        dirichlet_energy(features, *ends, count),
        effective_rank(features, count),
    ]


def test_a_folded_graph_gives_what_the_full_one_gives():
    crystals = contract_crystals()
    few = [crystals[name] for name in ("cubic", "slab", "no edges")]
    full = merge_geometry(build_graph(few, Radius(5.0)), 1e-3)
    reduced = merge_equivalent(full)
    assert len(reduced.number) < len(full.number)
    np.testing.assert_allclose(measures(reduced), measures(full), rtol=1e-12)
