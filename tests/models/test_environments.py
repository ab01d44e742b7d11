"""How far the surroundings of atoms are from those that were learned."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from xtalgraph.models.environments import Environments

GENERATOR = np.random.default_rng(0)
STRETCH = GENERATOR.normal(size=(4, 4))
VECTORS = GENERATOR.normal(size=(400, 4)) @ STRETCH + 5.0
NUMBERS = np.repeat([8, 14], 200)


def test_distances_are_those_of_mahalanobis_over_the_farthest():
    made = Environments.of(VECTORS, NUMBERS)
    far = made.distance(VECTORS.astype(np.float32), NUMBERS)
    for number in (8, 14):
        own = VECTORS[number == NUMBERS]
        inverse = np.linalg.inv(np.cov(own.T, bias=True))
        expected = np.array([mahalanobis(one, own.mean(axis=0), inverse) for one in own])
        assert far[number == NUMBERS] == pytest.approx(expected / expected.max(), rel=0.02)
    assert far.max() == pytest.approx(1.0, abs=1e-5)
    outside = VECTORS[:1] + 50.0 * STRETCH[:1]
    assert made.distance(outside, np.array([8])) > 5.0


def test_others_that_are_not_new_say_how_far_an_atom_may_be():
    further = VECTORS[:1] + 10.0 * STRETCH[:1]
    made = Environments.of(VECTORS, NUMBERS, [(further, np.array([8]))])
    assert made.distance(further, np.array([8])) == pytest.approx(1.0, abs=1e-4)
    assert made.distance(VECTORS[200:], NUMBERS[200:]).max() == pytest.approx(1.0, abs=1e-5)


def test_an_element_that_was_not_learned_is_infinitely_far():
    made = Environments.of(VECTORS, NUMBERS)
    assert made.distance(VECTORS[:1], np.array([79])) == np.inf


def test_atoms_that_are_all_alike_are_not_new():
    made = Environments.of(np.tile(VECTORS[:1], (3, 1)), np.full(3, 8))
    assert made.distance(VECTORS[:1].astype(np.float32), np.array([8])) < 1.5
    assert made.distance(VECTORS[1:2], np.array([8])) > 1.5


def test_they_are_written_and_read_and_older_runs_have_none():
    made = Environments.of(VECTORS, NUMBERS)
    tensors = made.tensors()
    again = Environments.from_tensors(tensors | {"embedding": VECTORS})
    assert np.array_equal(again.distance(VECTORS, NUMBERS), made.distance(VECTORS, NUMBERS))
    assert Environments.from_tensors({}) is None
    tensors["environment_whitening"] = tensors["environment_whitening"][:1]
    with pytest.raises(ValueError, match="do not fit together"):
        Environments.from_tensors(tensors)
