"""The paired test of report and compare, against scipy and by hand."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.evidence.comparison import Outcome, compare_paired, outcome_of
from xtalgraph.evidence.run_record import Estimate
from xtalgraph.metrics.measures import error_of, rank_of

GAP = Target("gap", Kind.INTENSIVE, "eV")
METAL = Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)


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


def test_runs_without_a_paired_test_are_compared_only_where_intervals_do_not_overlap():
    model, mean = Estimate(0.0434, 0.0412, 0.0457), Estimate(0.56, 0.54, 0.58)
    assert outcome_of(model, mean, None) is Outcome.BETTER
    assert outcome_of(mean, model, None) is Outcome.WORSE
    assert outcome_of(model, Estimate(0.0430, 0.041, 0.045), None) is Outcome.UNKNOWN
    assert outcome_of(model, Estimate(None), None) is Outcome.UNKNOWN
    assert outcome_of(model, mean, {"outcome": "no difference"}) is Outcome.NO_DIFFERENCE
