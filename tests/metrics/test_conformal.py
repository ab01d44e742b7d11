"""Conformal quantiles beside those of crepes, and the coverage that they promise."""

import math
from fractions import Fraction

import numpy as np
import pytest
from crepes import ConformalRegressor

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.metrics.conformal import conformal_quantile, expected_coverage, fewest_rows


@pytest.mark.parametrize(("count", "level"), [(40, 0.9), (19, 0.95), (200, 0.8), (57, 0.9)])
def test_intervals_are_those_of_crepes(count, level):
    rng = np.random.default_rng(count)
    residuals, said, difficulty = rng.normal(size=count), rng.normal(size=5), rng.random(5) + 0.1
    own = rng.random(count) + 0.1
    theirs = ConformalRegressor().fit(residuals=residuals)
    half = conformal_quantile(np.abs(residuals), level)
    intervals = theirs.predict_int(said, confidence=level)
    np.testing.assert_allclose(np.stack([said - half, said + half], axis=1), intervals)
    theirs = ConformalRegressor().fit(residuals=residuals, sigmas=own)
    half = conformal_quantile(np.abs(residuals) / own, level) * difficulty
    intervals = theirs.predict_int(said, sigmas=difficulty, confidence=level)
    np.testing.assert_allclose(np.stack([said - half, said + half], axis=1), intervals)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_the_rank_is_that_of_exact_arithmetic(level):
    exact = Fraction(str(level))
    for count in range(1, 400):
        rank = math.ceil((count + 1) * exact)
        found = conformal_quantile(np.arange(1.0, count + 1), level)
        assert found == (rank if rank <= count else math.inf)
        assert math.isinf(found) == (count < fewest_rows(level))


def test_what_is_no_level_and_no_score_is_refused():
    with pytest.raises(ConfigError, match="between 0 and 1, got 90"):
        conformal_quantile(np.ones(3), 90.0)
    with pytest.raises(InputError, match="NaN"):
        conformal_quantile(np.array([1.0, np.nan]), 0.5)
    with pytest.raises(ConfigError, match="at least 9 and 1 are needed"):
        expected_coverage(0.9, 8, 100)


def test_shares_of_exchangeable_rows_lie_where_expected():
    rng = np.random.default_rng(0)
    expected = expected_coverage(0.9, 40, 60)
    inside = 0
    for _ in range(2000):
        scores = rng.exponential(size=100)
        share = (scores[40:] <= conformal_quantile(scores[:40], 0.9)).mean()
        inside += expected.low <= share <= expected.high
    assert inside / 2000 > 0.985
    wide = expected_coverage(0.9, 40, 60, chance=0.5)
    assert expected.low < wide.low < 0.9 < wide.high < expected.high
    many = expected_coverage(0.9, 10**6 - 1, 10**6)
    assert many.low == pytest.approx(0.9, abs=0.002)
