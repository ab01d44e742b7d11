"""Distances of crystals: the element mover's by scipy, nearest neighbours by brute force."""

import numpy as np
import pytest
from scipy.spatial import distance_matrix
from scipy.stats import wasserstein_distance

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.distances import (
    cumulative_compositions,
    nearest_compositions,
    nearest_embeddings,
)


def made_of(*symbols: str) -> Crystal:
    sites = np.linspace(0, 1, len(symbols), endpoint=False)[:, None] * np.ones(3)
    return Crystal.from_fractional(
        8 * np.eye(3), sites, np.array([ATOMIC_NUMBERS[s] for s in symbols])
    )


def test_the_distance_of_compositions_is_the_work_to_move_the_atoms():
    rng = np.random.default_rng(0)
    symbols = list(ATOMIC_NUMBERS)[:90]
    crystals = [made_of(*rng.choice(symbols, rng.integers(1, 7))) for _ in range(12)]
    every = cumulative_compositions(crystals)
    place = property_of("mendeleev_number")
    found = nearest_compositions(every, every, 12)
    for i, one in enumerate(crystals):
        for j, distance in zip(found.places[i], found.distance[i], strict=True):
            expected = wasserstein_distance(place[one.numbers], place[crystals[j].numbers])
            assert distance == pytest.approx(expected, abs=1e-4)
    salts = cumulative_compositions([made_of("Na", "Cl"), made_of("Na", "Cl", "Na", "Br")])
    moved = nearest_compositions(salts[:1], salts[1:], 5)
    assert moved.distance == pytest.approx(0.25), "a quarter moves by one place"
    salt, bromide = cumulative_compositions([made_of("Na", "Cl"), made_of("Na", "Cl", "Na", "Br")])
    assert np.abs(salt - bromide).sum() == pytest.approx(0.25), "a quarter moves by one place"


@pytest.mark.parametrize("rows", [1, 300])  # more than are compared at a time
def test_the_nearest_embeddings_are_those_of_all_pairs(rows):
    rng = np.random.default_rng(1)
    known = rng.normal(size=(320, 4))
    apart = distance_matrix(known[:rows], known)
    found = nearest_embeddings(known[:rows], known, 7)
    np.testing.assert_array_equal(found.places, np.argsort(apart, axis=1)[:, :7])
    np.testing.assert_allclose(found.distance, np.sort(apart, axis=1)[:, :7], atol=1e-12)
    others = nearest_embeddings(known[:rows], known, 6, itself=np.arange(rows))
    np.testing.assert_array_equal(others.places, found.places[:, 1:])


def test_equal_ones_come_in_their_order_and_there_may_be_few():
    same = np.zeros((3, 2))
    assert nearest_embeddings(same[:1], same, 2).places.tolist() == [[0, 1]]
    assert nearest_embeddings(same[:1], same, 9).places.tolist() == [[0, 1, 2]]
    assert nearest_embeddings(same[:1], same[:1], 2, itself=np.array([0])).places.shape == (1, 0)
    assert nearest_embeddings(same[:0], same, 2).distance.shape == (0, 2)
