"""What a candidate is worth: closed forms beside integrals."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import norm

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.metrics.acquisition import Aim, expected_improvement, optimistic


@pytest.mark.parametrize("word", ["min", "max", "target=0.4"])
def test_expected_improvement_is_the_integral(word):
    aim, known = Aim.parse(word), 1.1
    prediction, std = np.array([-0.5, 0.9, 1.2, 3.0]), np.array([0.5, 0.1, 1.0, 0.7])
    found = expected_improvement(aim, prediction, std, known)
    base = float(aim.gain(np.array([known]))[0])
    for mean, width, value in zip(prediction, std, found, strict=True):
        y = np.linspace(mean - 9 * width, mean + 9 * width, 400_001)
        better = np.maximum(aim.gain(y) - base, 0) * norm.pdf(y, mean, width)
        assert value == pytest.approx(trapezoid(better, y), abs=1e-8)
    sure = expected_improvement(aim, prediction, np.zeros(4), known)
    np.testing.assert_allclose(sure, np.maximum(aim.gain(prediction) - base, 0))
    tiny = expected_improvement(aim, prediction, np.full(4, 1e-9), known)
    np.testing.assert_allclose(tiny, sure, atol=1e-8)


@pytest.mark.parametrize("word", ["min", "max", "target=0.4"])
def test_expected_improvement_is_that_of_draws(word):
    aim, known, rng = Aim.parse(word), 0.7, np.random.default_rng(0)
    base = float(aim.gain(np.array([known]))[0])
    for mean, width in ((0.4, 0.2), (1.0, 0.5), (-0.2, 0.9), (0.75, 0.05)):
        better = np.maximum(aim.gain(rng.normal(mean, width, 400_000)) - base, 0.0)
        found = expected_improvement(aim, np.array([mean]), np.array([width]), known)[0]
        assert abs(found - better.mean()) < 5 * better.std() / np.sqrt(len(better)) + 1e-12


@pytest.mark.parametrize("reach", [1e-9, 1e-5, 0.99e-3, 1.01e-3, 0.1, 3.0, 50.0])
@pytest.mark.parametrize("away", [0.0, 1e-4, 1.0, 6.0, 20.0])
def test_far_and_narrow_targets_keep_their_digits(reach, away):
    with mpmath.workdps(60):
        r, m = mpmath.mpf(reach), mpmath.mpf(away)

        def ramp(x):
            return x * mpmath.ncdf(x) + mpmath.npdf(x)

        exact = float(ramp(r - m) - 2 * ramp(-m) + ramp(-r - m))
    aim = Aim("target", 2.0)
    wide = np.array([0.5])
    for side in (-1, 1):
        found = expected_improvement(
            aim, np.array([2.0 + side * 0.5 * away]), wide, 2 + 0.5 * reach
        )
        assert found[0] == pytest.approx(0.5 * exact, rel=1e-4)


def test_where_the_value_is_known_nothing_is_to_be_gained():
    aim, prediction = Aim("target", 1.0), np.array([0.9, 1.0, 4.0])
    assert (expected_improvement(aim, prediction, np.full(3, 0.2), 1.0) == 0).all()


def test_the_optimistic_bound_and_the_aims():
    prediction, std = np.array([1.0, 3.0]), np.array([0.5, 0.1])
    assert optimistic(Aim("max"), prediction, std).tolist() == [1.5, 3.1]
    assert optimistic(Aim("min"), prediction, std).tolist() == [-0.5, -2.9]
    near = optimistic(Aim("target", 1.25), prediction, std)
    np.testing.assert_allclose(near, [0.0, -1.65])
    for aim, best in (
        (Aim("max"), [1.5, 3.1]), (Aim("min"), [0.5, 2.9]), (Aim("target", 1.25), [1.25, 2.9]),
        (Aim("target", 9.0), [1.5, 3.1]),
    ):  # fmt: skip
        values = aim.value_of(optimistic(aim, prediction, std), prediction)
        np.testing.assert_allclose(values, best)
    with pytest.raises(InputError, match="must not be negative"):
        optimistic(Aim("max"), prediction, -std)
    assert Aim("min").words("gap") == "the lowest gap"
    assert Aim("target", 1.5).words("gap", "eV") == "the gap nearest to 1.5 eV"
    for word in ("low", "target", "target=", "target=x", "target=nan"):
        with pytest.raises(ConfigError, match="must be min, max or target=NUMBER"):
            Aim.parse(word)
