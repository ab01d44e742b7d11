"""Scores that find failures, with scikit-learn for an oracle."""

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from xtalgraph.conventions.errors import InputError
from xtalgraph.metrics.calibration import failure_auroc, failures


def test_the_area_is_that_of_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    score = rng.integers(5, size=300).astype(float) * 10 - 3
    failed = rng.random(300) < 0.1
    assert failure_auroc(failed, score) == pytest.approx(roc_auc_score(failed, score))
    score[failed] = np.inf
    assert failure_auroc(failed, score) == 1.0
    assert failure_auroc(failed, np.zeros(300)) == 0.5
    assert math.isnan(failure_auroc(np.zeros(3, dtype=bool), np.arange(3.0)))
    with pytest.raises(InputError, match="NaN"):
        failure_auroc(failed, np.full(300, np.nan))


def test_the_worst_tenth_are_failures():
    error = np.linspace(-2, 1, 40)
    assert failures(error).sum() == 4
    assert failures(error)[:4].all()
    assert failures(np.ones(5), worst=1).all(), "as bad as the worst"
    assert len(failures(np.zeros(0))) == 0
