"""Batches of crystals to compute: variance that is explained, cost, and simulated searches."""

import itertools

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from xtalgraph.metrics.acquisition import Aim, expected_improvement
from xtalgraph.metrics.batches import (
    OF_ITS_OWN,
    STRATEGIES,
    Pool,
    choose_batch,
    error_covariance,
    simulate_search,
)

RANDOM = np.random.default_rng(7)
PLACES = RANDOM.normal(size=(30, 2))
VALUES = RANDOM.normal(size=30)


def process():
    """The same errors as a Gaussian process of scikit-learn, whose numbers are an oracle."""
    kernel = ConstantKernel(4.0 * (1 - OF_ITS_OWN), "fixed") * RBF(1.0, "fixed")
    kernel += WhiteKernel(4.0 * OF_ITS_OWN, "fixed")
    return GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0)


def test_what_earlier_choices_leave_open_is_that_of_a_gaussian_process():
    covariance = error_covariance(np.full(30, 2.0), PLACES)
    batch = choose_batch(Aim("max"), VALUES, covariance, 0.0, 6, worth="uncertainty")
    assert len(set(batch.places.tolist())) == 6
    for number in range(1, 6):
        fitted = process().fit(PLACES[batch.places[:number]], np.zeros(number))
        _, std = fitted.predict(PLACES, return_std=True)
        assert batch.std[number] == pytest.approx(std[batch.places[number]], rel=1e-8)


def test_the_largest_remaining_variance_is_the_greedy_choice_of_information():
    covariance = error_covariance(RANDOM.uniform(1.0, 2.0, size=12), PLACES[:12])
    batch = choose_batch(Aim("min"), VALUES[:12], covariance, 0.0, 4, worth="uncertainty")
    chosen: list[int] = []
    for _ in range(4):
        rest = [n for n in range(12) if n not in chosen]
        blocks = [np.ix_([*chosen, n], [*chosen, n]) for n in rest]
        chosen.append(rest[int(np.argmax([np.linalg.det(covariance[block]) for block in blocks]))])
    assert batch.places.tolist() == chosen
    assert np.prod(np.square(batch.std)) == pytest.approx(
        np.linalg.det(covariance[np.ix_(chosen, chosen)])
    )


def test_a_near_copy_waits_for_others():
    places = np.array([[0.0], [0.001], [9.0]])
    covariance = error_covariance(np.ones(3), places)
    prediction = np.array([1.0, 0.99, 0.5])
    for worth in ("expected-improvement", "upper-bound", "uncertainty"):
        assert choose_batch(
            Aim("max"), prediction, covariance, 0.9, 2, worth=worth
        ).places.tolist() == [0, 2]
    alone = choose_batch(Aim("max"), prediction, covariance, 0.9, 2, worth="prediction")
    assert alone.places.tolist() == [0, 1]


@pytest.mark.parametrize("word", ["min", "max", "target=0.3"])
def test_the_first_choice_is_that_of_the_expected_improvement(word):
    aim, std = Aim.parse(word), RANDOM.uniform(0.1, 1.0, size=30)
    covariance = error_covariance(std, PLACES)
    worth = expected_improvement(aim, VALUES, std, 0.1)
    batch = choose_batch(aim, VALUES, covariance, 0.1, 1, worth="expected-improvement")
    assert batch.places[0] == np.argmax(worth)
    assert batch.worth[0] == pytest.approx(worth.max())
    dear = np.where(np.arange(30) == batch.places[0], 1e9, 1.0)
    other = choose_batch(aim, VALUES, covariance, 0.1, 1, worth="expected-improvement", cost=dear)
    assert other.places[0] == np.argsort(-worth)[1]


def test_a_search_learns_from_the_errors_that_it_sees_as_a_gaussian_process_does():
    labels = VALUES + RANDOM.normal(size=30)
    pool = Pool(labels, VALUES, error_covariance(np.full(30, 2.0), PLACES))
    seen, rest = np.arange(10), np.arange(10, 30)
    prediction, covariance = pool._updated(seen, rest)
    mean, std = process().fit(PLACES[seen], (labels - VALUES)[seen]).predict(PLACES[rest], True)
    np.testing.assert_allclose(prediction, VALUES[rest] + mean, atol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), std, rtol=1e-8)


def test_a_model_without_errors_finds_all_at_once_and_chance_as_it_must():
    labels = RANDOM.permutation(100).astype(float)
    pool = Pool(labels, labels, error_covariance(np.full(100, 1e-3), RANDOM.normal(size=(100, 3))))
    record = simulate_search(pool, Aim("max"), 5, repetitions=40)
    assert record.wanted == 5
    for strategy in ("upper-bound", "prediction"):
        assert record.calculations[strategy].max() <= 10
        mean, low, high = record.saved(strategy)
        assert low < mean < high
    # The fourth of five places among a hundred: 4 (100 + 1)/(5 + 1) on average.
    assert record.calculations["random"].mean() == pytest.approx(67.3, abs=8)
    for strategy, curve in record.curves.items():
        assert curve[-1] == pytest.approx(1.0), strategy
        assert all(a <= b for a, b in itertools.pairwise(curve))
    assert set(record.curves) == set(STRATEGIES)


def test_every_crystal_is_computed_once():
    pool = Pool(VALUES, RANDOM.normal(size=30), error_covariance(np.ones(30), PLACES))
    for strategy in STRATEGIES:
        order = pool.search(Aim("min"), strategy, 4, np.array([3, 1, 8, 2]), 0)
        assert sorted(order.tolist()) == list(range(30))
        assert order[:4].tolist() == [3, 1, 8, 2]
