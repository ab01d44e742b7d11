"""Probabilities beside frequencies, with scikit-learn and scipy for oracles."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from xtalgraph.metrics.classification import reliability


def test_the_bins_are_those_of_scikit_learn_and_the_intervals_those_of_scipy():
    rng = np.random.default_rng(1)
    probability = rng.random(400)
    target = (rng.random(400) < probability).astype(float)
    found = reliability(target, probability, bins=8)
    seen, said = calibration_curve(target, probability, n_bins=8)
    np.testing.assert_allclose(found.predicted, said)
    np.testing.assert_allclose(found.seen, seen)
    assert found.count.sum() == 400
    for seen, n, low, high in zip(found.seen, found.count, found.low, found.high, strict=True):
        wilson = binomtest(round(seen * n), n).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((wilson.low, wilson.high))
    inside = (found.low <= found.predicted) & (found.predicted <= found.high)
    assert inside.sum() >= 7, "a calibrated classifier lies in its intervals"


def test_certainties_and_empty_bins():
    found = reliability(np.array([0.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0]))
    assert found.predicted.tolist() == [0.0, 1.0]
    assert found.count.tolist() == [1, 2]
    assert found.low[0] == 0.0
    assert found.high[1] == 1.0
    assert len(reliability(np.zeros(0), np.zeros(0)).predicted) == 0
