import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from xtalgraph.metrics.pairs import mae, r2, rmse

PAIRS = st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=1, max_size=20)


@given(PAIRS)
def test_errors_agree_with_scikit_learn(pairs):
    target, prediction = np.array(pairs, dtype=float).T / 8
    assert mae(target, prediction) == pytest.approx(mean_absolute_error(target, prediction))
    assert rmse(target, prediction) == pytest.approx(root_mean_squared_error(target, prediction))
    assert mae(target, prediction) <= rmse(target, prediction) * (1 + 1e-12)
    if np.ptp(target) > 0:
        assert r2(target, prediction) == pytest.approx(r2_score(target, prediction))


def test_errors_do_not_care_about_the_sign_but_r2_about_the_order():
    target, prediction = np.array([1.0, 2.0, 4.0]), np.array([2.0, 2.0, 2.0])
    assert mae(target, prediction) == mae(prediction, target) == 1.0
    assert r2(target, prediction) == pytest.approx(1 - 5 / (14 / 3))
    assert math.isnan(r2(prediction, target))


def test_constant_target_has_no_r2_even_where_its_mean_is_rounded():
    target = np.full(3, 0.1)
    assert target.mean() != 0.1  # the case that a division by zero would not catch
    assert math.isnan(r2(target, np.array([0.1, 0.2, 0.3])))


@pytest.mark.parametrize("metric", [mae, rmse, r2])
def test_no_rows_have_no_error(metric):
    assert math.isnan(metric(np.zeros(0), np.zeros(0)))


def test_one_row():
    one, three = np.array([1.0]), np.array([3.0])
    assert mae(one, three) == rmse(one, three) == 2.0
    assert math.isnan(r2(one, three))
