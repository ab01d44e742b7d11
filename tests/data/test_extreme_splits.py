"""Splits along an order: what is tested lies beyond what is trained on."""

import numpy as np
import pandas as pd
import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.division import extreme_split, time_split
from xtalgraph.data.split_column import SplitColumn


@pytest.mark.parametrize(("end", "sign"), [("high", 1), ("low", -1)])
def test_test_lies_beyond_validation_beyond_training(end, sign):
    values = np.random.default_rng(0).normal(size=200)
    split = extreme_split(values, end, val=0.1, test=0.2, by={"by": "target"})
    assert [len(rows) for rows in split.parts().values()] == [140, 20, 40]
    train, val, test = (sign * values[rows] for rows in split.parts().values())
    assert train.max() < val.min() < val.max() < test.min()


def test_equal_values_stay_together():
    gaps = np.array([0.0] * 60 + list(np.linspace(0.1, 5, 40)))
    split = extreme_split(gaps, "low", val=0.1, test=0.1, by={"by": "target"})
    assert set(split.test) == set(range(60)), "all metals, since they cannot be told apart"
    assert gaps[split.val].max() < gaps[split.train].min()
    with pytest.raises(ConfigError, match="leaves 0 crystals to train on"):
        extreme_split(np.zeros(10), "high", val=0.1, test=0.1, by={"by": "target"})


def test_by_time_the_latest_are_tested():
    days = pd.date_range("2019-01-01", periods=100, freq="D")
    order = np.random.default_rng(0).permutation(100)
    column = SplitColumn.of("added", [str(days[i].date()) for i in order])
    split = time_split(column, val=0.1, test=0.1)
    assert set(order[split.test]) == set(range(90, 100))
    assert set(order[split.val]) == set(range(80, 90))
    years = time_split(SplitColumn.of("year", [2001, 1999, 2005, 2003]), val=0.25, test=0.25)
    assert (years.test.tolist(), years.val.tolist()) == ([2], [3])


def test_the_record_says_in_which_order_dates_were_read():
    column = SplitColumn.of("added", ["12/04/2020", "23/11/2020", "05/01/2020"])
    split = time_split(column, val=0.0, test=0.3)
    assert split.test.tolist() == [1]
    assert (split.drawn["column"], split.drawn["order"]) == ("added", "day/month/year")
