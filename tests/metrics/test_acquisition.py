"""What a candidate is worth: closed forms beside integrals."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import norm

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.metrics.acquisition import Aim, expected_improvement, optimistic


@pytest.mark.parametrize("word", ["min", "max", "target=0.4"])
def test_expected_improvement_is_the_integral(word):
    aim, known = Aim.parse(word), 1.1
    prediction, spread = np.array([-0.5, 0.9, 1.2, 3.0]), np.array([0.5, 0.1, 1.0, 0.7])
    found = expected_improvement(aim, prediction, spread, known)
    base = float(aim.gain(np.array([known]))[0])
    for mean, width, value in zip(prediction, spread, found, strict=True):
        y = np.linspace(mean - 9 * width, mean + 9 * width, 400_001)
        better = np.maximum(aim.gain(y) - base, 0) * norm.pdf(y, mean, width)
        assert value == pytest.approx(trapezoid(better, y), abs=1e-8)
    sure = expected_improvement(aim, prediction, np.zeros(4), known)
    np.testing.assert_allclose(sure, np.maximum(aim.gain(prediction) - base, 0))
    tiny = expected_improvement(aim, prediction, np.full(4, 1e-9), known)
    np.testing.assert_allclose(tiny, sure, atol=1e-8)


def test_the_optimistic_bound_and_the_aims():
    prediction, spread = np.array([1.0, 3.0]), np.array([0.5, 0.1])
    assert optimistic(Aim("max"), prediction, spread).tolist() == [1.5, 3.1]
    assert optimistic(Aim("min"), prediction, spread).tolist() == [-0.5, -2.9]
    near = optimistic(Aim("target", 1.25), prediction, spread)
    np.testing.assert_allclose(near, [0.0, -1.65])
    with pytest.raises(InputError, match="must not be negative"):
        optimistic(Aim("max"), prediction, -spread)
    for word in ("low", "target", "target=", "target=x", "target=nan"):
        with pytest.raises(ConfigError, match="must be min, max or target=NUMBER"):
            Aim.parse(word)
