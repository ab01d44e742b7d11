"""Metrics of classes, with scikit-learn for the oracle."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.metrics.classification import (
    balanced_accuracy,
    brier,
    confusion_counts,
    f1,
    log_loss,
    roc_auc,
    roc_points,
)
from xtalgraph.metrics.summary import Metric, evaluate

METAL = Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)

# Few different probabilities, so that there are ties within and between the classes.
ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=1, max_size=30)
ALL = [roc_auc, balanced_accuracy, f1, log_loss, brier]


def columns(rows):
    target, probability = np.array(rows, dtype=float).T
    return target, probability / 8


@given(ROWS)
def test_they_agree_with_scikit_learn_with_ties_and_single_classes(rows):
    target, probability = columns(rows)
    said = probability >= 0.5
    loss = oracle.log_loss(target, probability, labels=[0, 1])
    assert log_loss(target, probability) == pytest.approx(loss, abs=1e-12)
    assert brier(target, probability) == pytest.approx(np.mean((probability - target) ** 2))
    counts = oracle.confusion_matrix(target, said, labels=[0, 1])
    np.testing.assert_array_equal(confusion_counts(target, probability), counts)
    if target.any() or said.any():
        assert f1(target, probability) == pytest.approx(oracle.f1_score(target, said))
    else:
        assert math.isnan(f1(target, probability))
    if len(set(target)) == 1:
        assert math.isnan(roc_auc(target, probability))
        assert math.isnan(balanced_accuracy(target, probability))
        assert len(roc_points(target, probability)[0]) == 0
        return
    area = oracle.roc_auc_score(target, probability)
    assert roc_auc(target, probability) == pytest.approx(area, abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accuracy = oracle.balanced_accuracy_score(target, said)
    assert balanced_accuracy(target, probability) == pytest.approx(accuracy)
    wrong, found, _ = oracle.roc_curve(target, probability, drop_intermediate=False)
    np.testing.assert_allclose(roc_points(target, probability), (wrong, found), atol=1e-15)
    assert np.trapezoid(found, wrong) == pytest.approx(roc_auc(target, probability))


def test_a_constant_probability_ranks_like_blind_choice():
    target = np.array([0.0, 0.0, 0.0, 1.0])
    constant = np.full(4, 0.25)
    assert roc_auc(target, constant) == 0.5
    assert balanced_accuracy(target, constant) == 0.5
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert log_loss(target, constant) == pytest.approx(entropy)
    assert brier(target, constant) == pytest.approx(0.25 * 0.75)


def test_certainty_that_is_wrong_has_a_finite_loss():
    assert log_loss(np.array([1.0]), np.array([0.0])) == pytest.approx(36.04, abs=0.01)
    assert log_loss(np.array([0.0]), np.array([1.0])) == pytest.approx(36.04, abs=0.01)


@pytest.mark.parametrize("metric", ALL)
def test_no_rows_have_no_figure(metric):
    assert math.isnan(metric(np.zeros(0), np.zeros(0)))


@pytest.mark.parametrize("metric", ALL)
def test_what_is_no_class_or_no_probability_is_refused(metric):
    with pytest.raises(InputError, match=r"a class must be 0 or 1, got 0\.5 in row 1"):
        metric(np.array([0.0, 0.5]), np.array([0.1, 0.2]))
    with pytest.raises(InputError, match=r"a probability must lie from 0 to 1, got 1\.5 in row 0"):
        metric(np.array([0.0, 1.0]), np.array([1.5, 0.2]))


def test_the_summary_has_every_figure_and_null_where_it_is_not_defined():
    rng = np.random.default_rng(0)
    target = (rng.random(80) < 0.4).astype(float)
    probability = np.clip(0.4 + 0.3 * (target - 0.5) + rng.normal(0, 0.2, 80), 0, 1)
    found = evaluate(METAL, target, probability)
    assert list(found) == ["roc_auc", "balanced_accuracy", "f1", "log_loss", "brier"]
    for metric in found.values():
        assert metric.low < metric.value < metric.high
    one_class = evaluate(METAL, np.zeros(5), np.full(5, 0.2))
    assert one_class["roc_auc"] == one_class["f1"] == Metric(None, None, None)
    assert one_class["brier"].value == pytest.approx(0.04)
    assert evaluate(METAL, np.zeros(0), np.zeros(0))["log_loss"] == Metric(None, None, None)
