import math

import numpy as np
import pytest
from scipy.stats import bootstrap, norm

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.metrics.bootstrap import interval
from xtalgraph.metrics.pairs import mae
from xtalgraph.metrics.ranking import spearman


@pytest.fixture
def columns():
    generator = np.random.default_rng(3)
    target = generator.normal(size=400)
    return target, target + generator.normal(size=400)


def test_interval_of_a_mean_is_the_one_of_the_central_limit_theorem(columns):
    target, prediction = columns
    found = interval(mae, target, prediction, level=0.9, samples=4000)
    errors = np.abs(prediction - target)
    half = norm.ppf(0.95) * errors.std() / math.sqrt(errors.size)
    assert found.low == pytest.approx(errors.mean() - half, abs=0.05 * half)
    assert found.high == pytest.approx(errors.mean() + half, abs=0.05 * half)
    assert found.undefined == 0


def test_interval_of_a_correlation_agrees_with_scipy(columns):
    target, prediction = columns
    found = interval(spearman, target, prediction, samples=1000)
    theirs = bootstrap(
        (target, prediction),
        spearman,
        paired=True,
        vectorized=False,
        n_resamples=1000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.15 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.15 * width)


def test_intervals_cover_what_they_promise():
    generator = np.random.default_rng(0)
    inside = 0
    for trial in range(200):
        target = np.zeros(80)
        found = interval(mae, target, generator.exponential(size=80), samples=200, seed=trial)
        inside += found.low <= 1 <= found.high
    # 95 % of 200 with three standard deviations, and the known slight shortfall of the percentiles
    assert inside >= 0.87 * 200


def test_same_seed_draws_the_same_rows(columns):
    target, prediction = columns
    assert interval(mae, target, prediction, samples=50) == interval(
        mae, target, prediction, samples=50
    )
    other = interval(mae, target, prediction, samples=50, seed=1)
    assert other != interval(mae, target, prediction, samples=50)
    shifted = interval(mae, target, prediction + 1, samples=1)
    drawn = []
    interval(lambda t, p: drawn.append(mae(t, p + 1)) or 0.0, target, prediction, samples=1)
    assert shifted.low == pytest.approx(drawn[0])


def test_undefined_resamples_are_counted():
    target, prediction = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0])
    found = interval(spearman, target, prediction, samples=2000)
    assert found.undefined == pytest.approx(2000 / 9, rel=0.2)  # 3 of 27 draws are constant
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    five = interval(spearman, np.arange(5.0), np.arange(5.0), samples=2000)
    assert 0 < five.undefined < 20  # 5 of 3125
    assert five.low == pytest.approx(1)


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_have_no_interval(rows):
    found = interval(mae, np.zeros(rows), np.ones(rows), samples=10)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.undefined == 10


@pytest.mark.parametrize("setting", [{"level": 0.0}, {"level": 1.0}, {"samples": 0}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        interval(mae, np.zeros(3), np.zeros(3), **setting)
