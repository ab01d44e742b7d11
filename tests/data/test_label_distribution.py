"""Labels far from all others are found, and those of ordinary distributions are not."""

import numpy as np
import pytest

from xtalgraph.data.label_distribution import outlying_labels

NORMAL = np.random.default_rng(0).normal(loc=2.0, scale=0.5, size=2000)


def test_a_label_of_another_unit_is_found_at_either_end():
    for value in (900.0, -60.0):
        found = outlying_labels(np.append(NORMAL, value))
        assert found is not None
        assert found.rows == (2000,)
        assert found.median == pytest.approx(2.0, abs=0.05)
        assert found.deviation == pytest.approx(0.5, rel=0.1), "that of the normal distribution"


def test_a_number_that_stands_for_missing_values_is_found_several_times():
    values = NORMAL.copy()
    values[[3, 70, 1500]] = -999.0
    values[8] = 2e4
    assert set(outlying_labels(values).rows) == {3, 8, 70, 1500}
    assert outlying_labels(values).rows[0] == 8, "the farthest first"


@pytest.mark.parametrize(
    "values",
    [
        NORMAL,
        np.random.default_rng(0).lognormal(size=2000),
        np.random.default_rng(0).uniform(size=2000),
        np.repeat([0.0, 100.0], 500),
        np.ones(50),
        np.append(np.ones(50), 3.0),
        np.array([1.0, 2.0, 1e9]),
        np.zeros(0),
    ],
)
def test_ordinary_labels_are_left_alone(values):
    assert outlying_labels(values) is None


def test_where_most_are_one_value_the_others_give_the_deviation():
    gaps = np.concatenate([np.zeros(300), np.linspace(0.1, 6.0, 100)])
    assert outlying_labels(gaps) is None
    assert outlying_labels(np.append(gaps, 3000.0)).rows == (400,)
