"""The probe finds what features know, and says by how much."""

import numpy as np
import pytest

from xtalgraph.evidence.probe import probe


def test_features_that_hold_the_property_have_no_error():
    rng = np.random.default_rng(0)
    labels = rng.normal(size=200)
    features = {"known": labels[:, None] * [1.0, 2.0], "noise": rng.normal(size=(200, 3))}
    found = probe(features, labels)
    assert found["known"]["mae"] < 1e-4
    assert found["noise"]["mae"] == pytest.approx(np.abs(labels - labels.mean()).mean(), rel=0.05)
    assert found["noise"]["low"] < found["noise"]["mae"] < found["noise"]["high"]
    assert found["noise"]["against"]["high"] < 0
    assert "against" not in found["known"]
