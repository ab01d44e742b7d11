"""Coverage with its exact interval, with scipy for an oracle."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.metrics.coverage import binomial_share, coverage, sharpness


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_the_interval_is_that_of_scipy(level):
    for rows in (1, 7, 90):
        for count in {0, 1, rows // 2, rows - 1, rows}:
            found = binomial_share(count, rows, level=level)
            exact = binomtest(count, rows).proportion_ci(level, method="exact")
            assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-12)
            assert found.value == count / rows
    with pytest.raises(ConfigError, match=r"got 3, 2 and 0\.95"):
        binomial_share(3, 2)


def test_ends_belong_to_the_interval_and_no_rows_say_nothing():
    target = np.array([0.0, 1.0, 2.0, 3.0])
    lower, upper = np.array([0.0, 0.0, 2.5, 2.0]), np.array([1.0, 1.0, 3.0, 2.5])
    found = coverage(target, lower, upper)
    assert (found.count, found.rows, found.value) == (2, 4, 0.5)
    assert sharpness(lower, upper) == 0.75
    assert math.isnan(coverage(np.zeros(0), np.zeros(0), np.zeros(0)).value)
    assert math.isnan(sharpness(np.zeros(0), np.zeros(0)))
    with pytest.raises(InputError, match=r"got 2\.0 to 1\.0 in row 0"):
        coverage(np.zeros(1), np.array([2.0]), np.array([1.0]))
