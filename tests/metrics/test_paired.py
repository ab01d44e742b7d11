import math

import numpy as np
import pytest
from scipy.stats import bootstrap, ttest_rel

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.metrics.bootstrap import Outcome, compare_paired, interval, paired_difference
from xtalgraph.metrics.measures import error_of, rank_of
from xtalgraph.metrics.pairs import mae
from xtalgraph.metrics.ranking import spearman

GAP = Target("gap", Kind.INTENSIVE, "eV")
METAL = Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)


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


@pytest.mark.parametrize("rows", [2, 3, 5, 6, 12])
def test_of_few_rows_nothing_is_significant(rows):
    target = np.arange(float(rows))
    near, far = target + 0.1, target + 0.2 + 0.01 * target
    found = paired_difference(mae, target, near, far)
    assert found.high < 0
    assert found.p == pytest.approx(max(2.0 ** (1 - rows), 2 / 501))
    assert found.sign == (-1 if rows >= 6 else 0)


def test_a_small_but_steady_difference_is_significant_where_intervals_overlap():
    rng = np.random.default_rng(0)
    true, error = rng.normal(size=200), np.abs(rng.normal(size=200))
    own, other = true + error, true + error + 0.02
    found = compare_paired(error_of(GAP), GAP, true, own, other)
    assert found["outcome"] == Outcome.BETTER
    assert found["difference"] == pytest.approx(-0.02)
    assert compare_paired(error_of(GAP), GAP, true, other, own)["outcome"] == Outcome.WORSE


def test_the_interval_is_that_of_scipy():
    rng = np.random.default_rng(1)
    true, own, other = rng.normal(size=(3, 150))
    found = compare_paired(error_of(GAP), GAP, true, own, other)
    difference = np.abs(own - true) - np.abs(other - true)
    interval = bootstrap((difference,), np.mean, method="percentile", rng=rng).confidence_interval
    assert found["outcome"] == Outcome.NO_DIFFERENCE
    assert (found["low"], found["high"]) == pytest.approx(tuple(interval), abs=0.03)


def test_a_rank_is_better_where_it_is_higher_and_a_constant_has_none():
    true = np.arange(50.0)
    other = np.random.default_rng(0).permutation(true)
    found = compare_paired(rank_of(GAP), GAP, true, true, other)
    assert found["outcome"] == Outcome.BETTER
    constant = np.zeros(50)
    assert compare_paired(rank_of(GAP), GAP, true, true, constant) == {
        "difference": None,
        "low": None,
        "high": None,
        "p": None,
        "outcome": "undefined",
    }
    assert compare_paired(rank_of(GAP), GAP, true, constant, true)["outcome"] == Outcome.UNKNOWN


def test_classes_are_compared_by_their_log_loss():
    true = np.tile([0.0, 1.0], 40)
    sure = np.where(true == 1, 0.9, 0.1)
    found = compare_paired(error_of(METAL), METAL, true, sure, np.full(80, 0.5))
    assert found["outcome"] == Outcome.BETTER
    assert found["difference"] == pytest.approx(np.log(0.5) - np.log(0.9))
