"""Dates: one order for a column, by its own evidence; what can be read two ways is refused."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.dates import moments_of
from xtalgraph.data.split_column import SplitColumn

DAYS = [dt.datetime(2020, month, day, tzinfo=dt.UTC) for month, day in [(4, 12), (11, 23), (1, 5)]]
SECONDS = [day.timestamp() for day in DAYS]


def read(*values):
    return moments_of(SplitColumn.of("added", values))


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%Y-%m-%dT00:00:00Z",
        "%Y-%m-%d 00:00:00.000",
        "%Y-%m-%dT02:30+02:30",
        "%Y-%m-%d 12:00 am",
        "%d/%m/%Y",
        "%m/%d/%Y",
        "%d.%m.%Y",
        "%d-%m-%Y",
        "%d/%m/%Y 00:00",
        "%d %B %Y",
        "%d-%b-%Y",
        "%b %d, %Y",
        "%a, %d %b %Y 00:00:00 +0000",
    ],
)
def test_what_strftime_writes_is_read_back(form):
    assert read(*(day.strftime(form) for day in DAYS)).values.tolist() == SECONDS


def test_objects_and_columns_of_pandas_are_read():
    for values in (
        [pd.Timestamp(day) for day in DAYS],
        [day.date() for day in DAYS],
        [np.datetime64(day.date()) for day in DAYS],
        pd.Series([day.replace(tzinfo=None) for day in DAYS]).tolist(),
    ):
        assert read(*values).values.tolist() == SECONDS


def test_numbers_and_months_keep_their_order():
    assert read(1999, 2005, 2001.5).values.tolist() == [1999, 2005, 2001.5]
    assert read("1999", "2005").values.tolist() == [1999, 2005]
    assert read(20200412, 20201123).values.tolist() == [20200412, 20201123]
    assert np.argsort(read("2020-04", "2019-11", "2020-01").values).tolist() == [1, 2, 0]


def test_one_row_tells_the_order_of_all():
    found = read("12/04/2020", "05/01/2020", "23/11/2020")
    assert found.order == "day/month/year"
    assert np.argsort(found.values).tolist() == [1, 0, 2]
    assert read("12/04/2020", "11/23/2020").order == "month/day/year"
    same_day = read("02/02/2020", "01/01/2020").values
    assert np.argsort(same_day).tolist() == [1, 0], "day and month are the same in every row"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["12/04/2020", "05/01/2020"], "row 0: .*day/month/year and as month/day/year.*2024-03-31"),
        (["23/04/2020", "05/31/2020"], "one has the day first, the other the month"),
        (["12/04/20", "13/04/20"], "no date that can be read in one way alone"),
        (["2020-01-01", "soon"], "row 1: 'soon': is no date"),
        (["2020-01-01", ""], "row 1: no value: every row needs a date"),
        (["2020-01-01", None], "row 1: no value"),
        (["2020-02-30", "2020-01-01"], "no such day"),
        (["2020-01-01T25:00", "2020-01-01"], "no such day or hour"),
        (["2020-13", "2020-01"], "no such month"),
        (["2020-01-01T10:00Z", "2020-01-01"], "row 1: .*has no time zone, which row 0 has"),
        (["2020-01-01", "2019"], "row 1: '2019': a number stands among dates"),
        (["2020-01", "2020-01-15"], "no date that can be read"),
        ([2019, 20200101], "a year stands among dates written as 20240331"),
        ([31012020, 12042020], "written as 31032024"),
        ([2019.0, float("inf")], "row 1: inf: is not finite"),
        ([True, False], "is no date"),
        (["2020-01-01", 10**400], "row 1"),
    ],
)
def test_what_cannot_be_sorted_is_refused_with_its_rows(values, told):
    with pytest.raises(InputError, match=f"column 'added', .*{told}"):
        read(*values)
