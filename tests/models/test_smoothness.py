"""Jumps and bends are those of functions that are known in closed form."""

import numpy as np
import pytest

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.graphs.strategies import KNearestStrict
from xtalgraph.models.smoothness import jump_on_a_path, pair_and_cluster, stretched_shell
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 5.0
NUMBERS = np.array([11, 17, 8, 22])


def summed(weight):
    """Σ over directed edges of a function of the distance, twice: for two targets."""

    def together(crystals) -> list[dict]:
        lengths = [neighbors_within(crystal, CUTOFF).distance for crystal in crystals]
        totals = [weight(distance).sum() for distance in lengths]
        return [{"a": np.array([t]), "b": np.array([10.0 * t])} for t in totals]

    return together


def hard(distance):
    return np.ones_like(distance)


def linear(distance):
    return 1.0 - distance / CUTOFF


def cosine(distance):
    return 0.5 * (1.0 + np.cos(np.pi * distance / CUTOFF))


def test_a_hard_cutoff_jumps_by_what_it_cuts_off():
    for crossing in pair_and_cluster(summed(hard), NUMBERS, CUTOFF):
        assert crossing.jump == pytest.approx({"a": 2.0, "b": 20.0})
        assert min(crossing.bend.values()) > 1e4


def test_a_linear_envelope_bends_by_its_slope_and_does_not_jump():
    for crossing in pair_and_cluster(summed(linear), NUMBERS, CUTOFF):
        assert max(crossing.jump.values()) < 1e-12  # the value changes by 2e-9 times its slope
        assert crossing.bend == pytest.approx({"a": 2.0 / CUTOFF, "b": 20.0 / CUTOFF}, rel=1e-3)


def test_a_cosine_does_neither_though_it_is_curved():
    for crossing in pair_and_cluster(summed(cosine), NUMBERS, CUTOFF):
        assert max(crossing.jump.values()) < 1e-12
        assert max(crossing.bend.values()) < 1e-4


@pytest.mark.parametrize("name", ["cubic", "triclinic", "slab"])
def test_a_shell_of_a_crystal_is_taken_through(name):
    crystal = contract_crystals()[name]
    rough = stretched_shell(summed(hard), crystal, CUTOFF)
    smooth = stretched_shell(summed(cosine), crystal, CUTOFF)
    assert rough.what == "crystal"
    assert rough.jump["a"] > 1.9
    assert rough.jump["a"] == pytest.approx(round(rough.jump["a"]), rel=1e-3)  # whole pairs
    assert max(smooth.jump.values()) < 1e-9
    assert smooth.bend["a"] < 1e-2


def test_a_crystal_without_a_pair_near_the_limit_is_not_taken():
    assert stretched_shell(summed(hard), contract_crystals()["no edges"], CUTOFF) is None


def test_a_graph_of_nearest_neighbours_jumps_where_two_exchange_their_ranks():
    strategy = KNearestStrict(8.0, 3)
    crystal = contract_crystals()["triclinic"]

    def edges(one: Crystal) -> list[np.ndarray]:
        found = strategy.edges(one)
        return [found.center, found.neighbor, found.image]

    def numbers(one: Crystal) -> dict:
        found = strategy.edges(one)
        return {"a": np.array([one.numbers[found.neighbor].sum()], dtype=float)}

    def lengths(one: Crystal) -> dict:
        return {"a": np.array([strategy.edges(one).distance.sum()])}

    jumps = [jump_on_a_path(numbers, edges, crystal, np.random.default_rng(s)) for s in range(8)]
    same = [jump_on_a_path(lengths, edges, crystal, np.random.default_rng(s)) for s in range(8)]
    assert max(jump["a"] for jump in jumps if jump is not None) >= 1.0  # another element
    assert max(jump["a"] for jump in same if jump is not None) < 1e-7  # as far away
    still = jump_on_a_path(numbers, lambda one: [one.numbers], crystal, np.random.default_rng(0))
    assert still is None


def test_what_is_no_number_is_no_small_jump():
    def broken(crystals) -> list[dict]:
        return [{"a": np.array([np.nan])} for _ in crystals]

    for crossing in pair_and_cluster(broken, NUMBERS, CUTOFF):
        assert crossing.jump == crossing.bend == {"a": np.inf}
