"""Splits: disjoint, whole, seeded, and the official folds."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.data.splits import column_split, fold_split, official_folds, random_split


def assert_partition(split, rows):
    parts = np.concatenate(list(split.parts().values()))
    assert sorted(parts.tolist()) == list(range(rows))


def test_random_parts_are_a_partition_of_the_asked_sizes():
    split = random_split(200, val=0.1, test=0.2, seed=3)
    assert_partition(split, 200)
    assert [len(rows) for rows in split.parts().values()] == [140, 20, 40]
    again = random_split(200, val=0.1, test=0.2, seed=3)
    other = random_split(200, val=0.1, test=0.2, seed=4)
    assert np.array_equal(split.test, again.test)
    assert not np.array_equal(split.test, other.test)


def test_a_fold_is_the_test_and_validation_comes_from_the_others():
    folds = np.arange(100) % 5
    split = fold_split(folds, 2, val=0.1, seed=0)
    assert_partition(split, 100)
    assert set(folds[split.test]) == {2}
    assert 2 not in folds[split.val]
    assert len(split.val) == 8
    with pytest.raises(ConfigError, match="there is no fold 7; the folds are 0, 1, 2, 3, 4"):
        fold_split(folds, 7, val=0.1, seed=0)


def test_a_column_says_the_part_of_each_row():
    split = column_split(["train", "Test", "valid", "training", "val", "test "], "part")
    assert_partition(split, 6)
    assert split.test.tolist() == [1, 5]
    with pytest.raises(
        InputError, match="column 'part', row 1: 'holdout': must be train, val or test"
    ):
        column_split(["train", "holdout", "test"], "part")


def test_official_folds_are_the_published_ones():
    """Folds of matbench_perovskites rows as published, the first ten of those in hand."""
    folds = official_folds(18928)
    published = {1: 4, 4: 1, 5: 1, 6: 0, 7: 1, 8: 3, 9: 2, 10: 1, 12: 4, 13: 4}
    assert {row: int(folds[row - 1]) for row in published} == published
    assert np.bincount(folds).tolist() == [3786, 3786, 3786, 3785, 3785]


def test_official_folds_of_classes_are_those_that_matbench_draws():
    """``kfold.split(df_inputs, df_targets)`` of matbench 0.6 , seed and all."""
    classes = (np.random.default_rng(0).random(4921) < 0.3).astype(np.int64)
    folds = official_folds(len(classes), classes)
    kfold = StratifiedKFold(n_splits=5, random_state=18012019, shuffle=True)
    for fold, (_, test) in enumerate(kfold.split(np.zeros(len(classes)), classes)):
        np.testing.assert_array_equal(np.flatnonzero(folds == fold), test)
    shares = [classes[folds == fold].mean() for fold in range(5)]
    np.testing.assert_allclose(shares, classes.mean(), atol=1e-3)


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.0, 1.0)])
def test_fractions_must_leave_something(val, test):
    with pytest.raises(ConfigError, match="together less than 1"):
        random_split(10, val=val, test=test, seed=0)


def test_an_empty_training_part_is_refused():
    with pytest.raises(ConfigError, match="leaves 0 crystals to train on"):
        column_split(["test", "test"], "part")
