"""Jumps and bends are those of functions that are known in closed form."""

import numpy as np
import pytest

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.graphs.strategies import KNearestStrict
from xtalgraph.models.smoothness import jump_on_a_way, pair_and_cluster, stretched_shell
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 5.0
NUMBERS = np.array([11, 17, 8, 22])


def summed(weight):
    """Σ over directed edges of a function of the distance, twice: in two columns."""

    def predict(crystal: Crystal) -> np.ndarray:
        total = weight(neighbors_within(crystal, CUTOFF).distance).sum()
        return np.array([[total, 10.0 * total]])

    return predict


def hard(distance):
    return np.ones_like(distance)


def linear(distance):
    return 1.0 - distance / CUTOFF


def cosine(distance):
    return 0.5 * (1.0 + np.cos(np.pi * distance / CUTOFF))


def test_a_hard_cutoff_jumps_by_what_it_cuts_off():
    for crossing in pair_and_cluster(summed(hard), NUMBERS, CUTOFF):
        np.testing.assert_allclose(crossing.jump, [2.0, 20.0])
        assert (crossing.bend > 1e4).all()


def test_a_linear_envelope_bends_by_its_slope_and_does_not_jump():
    for crossing in pair_and_cluster(summed(linear), NUMBERS, CUTOFF):
        assert (crossing.jump < 1e-12).all()  # though the value changes by 2e-9 times its slope
        np.testing.assert_allclose(crossing.bend, [2.0 / CUTOFF, 20.0 / CUTOFF], rtol=1e-3)


def test_a_cosine_does_neither_though_it_is_curved():
    for crossing in pair_and_cluster(summed(cosine), NUMBERS, CUTOFF):
        assert (crossing.jump < 1e-12).all()
        assert (crossing.bend < 1e-4).all()


@pytest.mark.parametrize("name", ["cubic", "triclinic", "slab"])
def test_a_shell_of_a_crystal_is_taken_through(name):
    crystal = contract_crystals()[name]
    rough = stretched_shell(summed(hard), crystal, CUTOFF)
    smooth = stretched_shell(summed(cosine), crystal, CUTOFF)
    assert rough.what == "crystal"
    assert rough.jump[0] > 1.9
    assert rough.jump[0] == pytest.approx(round(rough.jump[0]), rel=1e-3)  # whole pairs
    assert (smooth.jump < 1e-9).all()
    assert smooth.bend[0] < 1e-2


def test_a_crystal_without_a_pair_near_the_limit_is_not_taken():
    assert stretched_shell(summed(hard), contract_crystals()["no edges"], CUTOFF) is None


def test_a_graph_of_nearest_neighbours_jumps_where_two_exchange_their_ranks():
    strategy = KNearestStrict(8.0, 3)
    crystal = contract_crystals()["triclinic"]

    def edges(one: Crystal) -> list[np.ndarray]:
        found = strategy.edges(one)
        return [found.center, found.neighbor, found.image]

    def numbers(one: Crystal) -> np.ndarray:
        found = strategy.edges(one)
        return np.array([[one.numbers[found.neighbor].sum()]], dtype=float)

    def lengths(one: Crystal) -> np.ndarray:
        return np.array([[strategy.edges(one).distance.sum()]])

    jumps = [jump_on_a_way(numbers, edges, crystal, np.random.default_rng(s)) for s in range(8)]
    same = [jump_on_a_way(lengths, edges, crystal, np.random.default_rng(s)) for s in range(8)]
    assert max(jump[0] for jump in jumps if jump is not None) >= 1.0  # another element
    assert max(jump[0] for jump in same if jump is not None) < 1e-7  # as far away
    still = jump_on_a_way(numbers, lambda one: [one.numbers], crystal, np.random.default_rng(0))
    assert still is None


def test_what_is_no_number_is_no_small_jump():
    def broken(crystal: Crystal) -> np.ndarray:
        return np.array([[np.nan]])

    for crossing in pair_and_cluster(broken, NUMBERS, CUTOFF):
        assert np.isinf(crossing.jump).all()
        assert np.isinf(crossing.bend).all()
