import math

import numpy as np
import pytest
from scipy.stats import ttest_rel

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.metrics.bootstrap import interval
from xtalgraph.metrics.paired import paired_difference
from xtalgraph.metrics.ranking import spearman
from xtalgraph.metrics.regression import mae


def columns(rows=400, seed=3):
    generator = np.random.default_rng(seed)
    target = generator.normal(size=rows)
    hard = generator.exponential(size=rows)  # rows on which both err
    first = target + hard + 0.1 * generator.normal(size=rows)
    return target, first, target + 1.05 * hard + 0.1 * generator.normal(size=rows)


def test_the_difference_of_maes_has_the_interval_and_p_of_the_paired_t_test():
    target, first, second = columns(rows=150)
    found = paired_difference(mae, target, first, second, samples=2000)
    test = ttest_rel(np.abs(first - target), np.abs(second - target))
    theirs = test.confidence_interval(0.95)
    assert found.value == pytest.approx(mae(target, first) - mae(target, second), rel=1e-12)
    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.08 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.08 * width)
    assert found.p == pytest.approx(test.pvalue, abs=0.02)


def test_a_pair_tells_apart_what_two_intervals_do_not():
    target, first, second = columns()
    one, two = (interval(mae, target, said) for said in (first, second))
    assert one.high > two.low
    assert paired_difference(mae, target, first, second).sign == -1
    assert paired_difference(mae, target, second, first).sign == 1


def test_chance_is_taken_for_a_difference_as_often_as_promised():
    generator = np.random.default_rng(0)
    alarms = 0
    for trial in range(120):
        target = generator.normal(size=60)
        first, second = target + generator.normal(size=(2, 60))
        alarms += paired_difference(mae, target, first, second, samples=100, seed=trial).sign != 0
    assert 1 <= alarms <= 16, "5 % of 120, with its binomial spread and that of 60 rows"


def test_equal_predictors_do_not_differ():
    target, first, _ = columns()
    found = paired_difference(spearman, target, first, first)
    assert (found.value, found.low, found.high, found.p, found.sign) == (0, 0, 0, 1, 0)


def test_what_is_undefined_stays_undefined():
    target, first, _ = columns(rows=50)
    found = paired_difference(spearman, target, first, np.zeros(50))
    assert math.isnan(found.value)
    assert math.isnan(found.p)
    assert found.sign == 0
    alone = paired_difference(mae, target[:1], first[:1], first[:1])
    assert alone.value == 0
    assert math.isnan(alone.low)
    rare = np.array([1.0, *[0.0] * 49])  # constant in a third of the resamples
    assert math.isnan(paired_difference(spearman, target, first, rare).low)


def test_what_cannot_be_compared_is_refused():
    target, first, second = columns(rows=20)
    with pytest.raises(InputError, match="must be finite"):
        paired_difference(mae, target, first, np.full(20, np.nan))
    with pytest.raises(ConfigError, match="samples"):
        paired_difference(mae, target, first, second, samples=0)
    with pytest.raises(ConfigError, match="level"):
        paired_difference(mae, target, first, second, level=1.0)
