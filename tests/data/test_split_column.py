"""Columns that divide a table: what counts as a fold, as a group, and what is named and refused."""

import numpy as np
import pandas as pd
import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.split_column import SplitColumn


def column(values):
    return SplitColumn("fold", tuple(values), tuple(f"row {n} (s{n})" for n in range(len(values))))


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 3],
        [0.0, 1.0, 3.0],
        ["0", " 1 ", "3"],
        pd.Series([0, 1, 3], dtype="Int64").tolist(),
        np.array([0, 1, 3], dtype=np.uint8),
    ],
)
def test_whole_numbers_are_folds_however_they_are_written(values):
    assert column(values).folds().tolist() == [0, 1, 3]


@pytest.mark.parametrize("bad", [1.5, "f1", "", "1.5", -1, True, "True", 1e300, 10**30, [1], "²"])
def test_anything_else_is_refused_with_its_row(bad):
    with pytest.raises(InputError, match=r"column 'fold', row 1 \(s1\): .*fold"):
        column([0, bad, 2]).folds()


@pytest.mark.parametrize("gap", [None, float("nan"), np.nan, pd.NA, pd.NaT, "", "  "])
def test_gaps_are_refused_with_their_rows(gap):
    pattern = r"row 1 \(s1\): no value, row 3 \(s3\): no value: every row needs a fold"
    with pytest.raises(InputError, match=pattern):
        column([0, gap, 1, gap]).folds()
    with pytest.raises(InputError, match="every row needs the name of its group"):
        column(["a", gap, "b", gap]).groups()


def test_many_bad_rows_are_counted():
    with pytest.raises(InputError, match=r"s4.*: 'x', and 95 more: a fold must be a whole number"):
        column(["x"] * 100).folds()


def test_groups_of_numbers_are_one_however_they_are_written():
    assert column([1, 1.0, "1", "a", 2.5, True]).groups() == ["1", "1", "1", "a", "2.5", "True"]
