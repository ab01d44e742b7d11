"""Splits along an order: what is tested lies beyond what is trained on."""

import numpy as np
import pandas as pd
import pytest

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.data.extreme_splits import extreme_split, time_split


@pytest.mark.parametrize(("end", "sign"), [("high", 1), ("low", -1)])
def test_test_lies_beyond_validation_beyond_training(end, sign):
    values = np.random.default_rng(0).normal(size=200)
    split = extreme_split(values, end, val=0.1, test=0.2, what="target")
    assert [len(rows) for rows in split.parts().values()] == [140, 20, 40]
    train, val, test = (sign * values[rows] for rows in split.parts().values())
    assert train.max() < val.min() < val.max() < test.min()


def test_equal_values_stay_together():
    gaps = np.array([0.0] * 60 + list(np.linspace(0.1, 5, 40)))
    split = extreme_split(gaps, "low", val=0.1, test=0.1, what="target")
    assert set(split.test) == set(range(60)), "all metals, since they cannot be told apart"
    assert gaps[split.val].max() < gaps[split.train].min()
    with pytest.raises(ConfigError, match="leaves 0 crystals to train on"):
        extreme_split(np.zeros(10), "high", val=0.1, test=0.1, what="target")


def test_by_time_the_latest_are_tested():
    days = pd.date_range("2019-01-01", periods=100, freq="D")
    order = np.random.default_rng(0).permutation(100)
    column = pd.Series([str(days[i].date()) for i in order], name="added")
    split = time_split(column, val=0.1, test=0.1)
    assert set(order[split.test]) == set(range(90, 100))
    assert set(order[split.val]) == set(range(80, 90))
    years = time_split(pd.Series([2001, 1999, 2005, 2003], name="year"), val=0.25, test=0.25)
    assert (years.test.tolist(), years.val.tolist()) == ([2], [3])
    with pytest.raises(InputError, match="column 'added', row 1: 'soon' is no date"):
        time_split(pd.Series(["2020-01-01", "soon"], name="added"), val=0.0, test=0.5)
