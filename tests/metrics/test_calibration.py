"""Spread beside error: closed forms, and definitions by brute force."""

import math
from itertools import permutations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, spearmanr

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.metrics.calibration import (
    calibration_curve,
    error_by_std,
    identical_members,
    miscalibration_area,
    rank_of_errors,
    sparsification,
)


def test_areas_that_one_can_integrate_by_hand():
    nothing, sure = np.zeros(3), np.ones(3)
    assert miscalibration_area(nothing, sure) == pytest.approx(0.5)  # F is 1 from the start
    assert miscalibration_area(sure, nothing) == pytest.approx(0.5)  # F is 0 to the end
    half = norm.ppf(0.75)  # the interval that promises 1/2 ends here
    assert miscalibration_area(np.array([half]), np.array([1.0])) == pytest.approx(0.25)
    even = norm.ppf(0.5 + (np.arange(50) + 0.5) / 100)
    assert miscalibration_area(even * 3, np.full(50, 3.0)) == pytest.approx(0.25 / 50)
    assert math.isnan(miscalibration_area(np.zeros(0), np.zeros(0)))


def test_the_area_is_that_under_the_curve_of_the_definition():
    rng = np.random.default_rng(0)
    error, std = rng.normal(size=12), rng.random(12) + 0.1

    def away(p):
        held = np.abs(error) <= norm.ppf(0.5 + p / 2) * std
        return abs(held.mean() - p)

    promised, seen = calibration_curve(error, std)
    found = quad(away, 0, 1, points=promised[1:-1], limit=200)[0]
    assert miscalibration_area(error, std) == pytest.approx(found, abs=1e-7)
    for p in (0.1, 0.35, 0.8):
        held = np.abs(error) <= norm.ppf(0.5 + p / 2) * std
        assert seen[np.searchsorted(promised, p, side="right") - 1] == held.mean()


def test_a_spread_that_errors_are_drawn_with_is_calibrated_in_every_bin():
    rng = np.random.default_rng(1)
    std = rng.lognormal(size=20_000)
    error = rng.normal(size=20_000) * std
    found = error_by_std(error, std, bins=8)
    np.testing.assert_allclose(found.error, found.std, rtol=0.06)
    assert found.count.tolist() == [2500] * 8
    assert miscalibration_area(error, std) < 0.01
    assert rank_of_errors(error, std) == pytest.approx(spearmanr(np.abs(error), std)[0])
    assert miscalibration_area(error, std / 2) > 0.1
    assert len(error_by_std(np.ones(3), np.ones(3), bins=10).count) == 3
    with pytest.raises(ConfigError, match="bins must be at least 1"):
        error_by_std(error, std, bins=0)
    with pytest.raises(InputError, match=r"must not be negative, got -1\.0 in row 0"):
        miscalibration_area(np.ones(1), -np.ones(1))


def test_sparsification_by_hand():
    found = sparsification(np.array([1.0, -2.0, 3.0]), np.array([3.0, 2.0, 1.0]))
    assert found.removed.tolist() == [0, 1 / 3, 2 / 3]
    assert found.error.tolist() == [2.0, 2.5, 3.0]  # the worst order there is
    assert found.oracle.tolist() == [2.0, 1.5, 1.0]
    assert found.area == pytest.approx((0 + 1 + 2) / 3 / 2)
    assert found.chance == pytest.approx((0 + 0.5 + 1) / 3 / 2)
    perfect = sparsification(np.array([1.0, -2.0, 3.0]), np.array([0.1, 0.2, 0.3]))
    assert perfect.area == 0.0
    assert math.isnan(sparsification(np.zeros(3), np.ones(3)).area)


def test_ties_of_the_spread_are_the_mean_over_every_order():
    error, std = np.array([1.0, 4.0, 2.0, 7.0]), np.array([1.0, 2.0, 2.0, 2.0])
    found = sparsification(error, std)
    orders = [[0, *rest] for rest in permutations([1, 2, 3])]
    left = np.arange(1, 5)
    curves = [(np.cumsum(error[order]) / left)[::-1] for order in orders]
    np.testing.assert_allclose(found.error, np.mean(curves, axis=0))
    constant = sparsification(error, np.ones(4))
    assert constant.area == pytest.approx(constant.chance)


def test_copied_members_are_found():
    rng = np.random.default_rng(2)
    said = rng.normal(size=(4, 6))
    assert identical_members(said) == []
    assert identical_members(said[[0, 1, 0, 1]]) == [(0, 2), (1, 3)]
    assert identical_members(np.zeros((2, 0))) == []
