"""Splits with whole groups: partitions, whole groups, sizes, seeds, nested folds."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.group_splits import (
    Groups,
    draw_folds,
    group_fold_split,
    group_split,
    holdout_split,
    nested_splits,
)
from xtalgraph.evidence.text.division import about_drawing


def assert_whole(split, label):
    """Every row once; no group in two parts."""
    parts = list(split.parts().values())
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(label)))
    for one, other in combinations(parts, 2):
        assert not set(label[one]) & set(label[other])


def some_groups(seed=0, rows=1000, number=150):
    return Groups.of(np.random.default_rng(seed).integers(0, number, rows).tolist(), "formula")


def test_groups_are_whole_and_sizes_near_what_was_asked():
    groups = some_groups()
    split = group_split(groups, val=0.1, test=0.2, seed=0)
    assert_whole(split, groups.label)
    largest = np.bincount(groups.label).max()
    assert abs(len(split.test) - 200) <= largest / 2
    assert abs(len(split.val) - 100) <= largest / 2
    again, other = (group_split(groups, val=0.1, test=0.2, seed=seed) for seed in (0, 1))
    assert np.array_equal(split.test, again.test)
    assert not np.array_equal(split.test, other.test)
    assert about_drawing(split.drawn) == (
        "random by formula, 0.2 test, 0.1 validation, groups whole in all parts, seed 0"
    )


@settings(max_examples=100, deadline=None)
@given(
    labels=st.lists(st.integers(0, 6), min_size=3, max_size=40),
    val=st.floats(0, 0.4),
    test=st.floats(0, 0.5),
    seed=st.integers(0, 5),
)
def test_any_groups_are_divided_or_refused(labels, val, test, seed):
    groups = Groups.of(labels, "formula")
    try:
        split = group_split(groups, val=val, test=test, seed=seed)
    except ConfigError:
        assert len(set(labels)) < (3 if round(val * len(labels)) else 2)
        return
    assert_whole(split, groups.label)
    assert len(split.train)
    assert len(split.test)
    assert len(split.val) or round(val * len(labels)) == 0


def test_the_order_of_the_rows_does_not_matter():
    names = [f"name{i}" for i in np.random.default_rng(0).integers(0, 30, 200)]
    order = np.random.default_rng(1).permutation(200)
    split = group_split(Groups.of(names, "formula"), val=0.1, test=0.2, seed=0)
    shuffled = [names[i] for i in order]
    other = group_split(Groups.of(shuffled, "formula"), val=0.1, test=0.2, seed=0)
    assert {names[i] for i in split.test} == {shuffled[i] for i in other.test}


def test_folds_are_even_and_test_every_row_once():
    groups = some_groups()
    folds = draw_folds(groups, 5, seed=0)
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 2
    tested = []
    for fold in range(5):
        split = group_fold_split(folds, fold, groups, val=0.1, seed=0)
        assert_whole(split, groups.label)
        assert abs(len(split.val) - 80) <= np.bincount(groups.label).max()
        tested += split.test.tolist()
    assert sorted(tested) == list(range(1000))


def test_one_group_larger_than_a_fold_fills_it_alone():
    folds = draw_folds(Groups.of(["C"] * 50 + list(range(50)), "formula"), 4, seed=0)
    assert len(set(folds[:50])) == 1
    assert sorted(np.bincount(folds).tolist()) == [16, 17, 17, 50]


def test_nested_folds_validate_everything_outside_the_test_once():
    groups = some_groups(rows=300, number=60)
    splits = list(nested_splits(groups, 3, 4, seed=0))
    assert len(splits) == 12
    for start in range(0, 12, 4):
        inner = splits[start : start + 4]
        for split in inner:
            assert_whole(split, groups.label)
            assert np.array_equal(split.test, inner[0].test)
        validated = np.concatenate([split.val for split in inner])
        assert sorted([*validated, *inner[0].test]) == list(range(300))
    assert sorted(np.concatenate([splits[i].test for i in (0, 4, 8)])) == list(range(300))
    assert "inner fold 3 of 4 by formula for validation" in about_drawing(splits[3].drawn)


def test_what_is_held_out_is_the_test_and_validation_has_groups_of_its_own():
    groups = some_groups()
    held = groups.label % 7 == 0
    split = holdout_split(held, groups, val=0.1, seed=0, by=("family", "every seventh"))
    assert_whole(split, groups.label)
    assert np.array_equal(split.test, np.flatnonzero(held))
    with pytest.raises(ConfigError, match="would be of the family oxide, which no row has"):
        holdout_split(held & ~held, groups, val=0.1, seed=0, by=("family", "oxide"))
    with pytest.raises(ConfigError, match="would be of the family oxide, which every row has"):
        holdout_split(held | ~held, groups, val=0.1, seed=0, by=("family", "oxide"))


def test_too_few_groups_are_refused_in_words():
    carbon = Groups.of(["C"] * 100, "formula")
    with pytest.raises(ConfigError, match=r"at least 3 groups by formula, these 100 rows have 1"):
        group_split(carbon, val=0.1, test=0.1, seed=0)
    with pytest.raises(ConfigError, match=r"at least 5 groups by formula"):
        draw_folds(carbon, 5, seed=0)
    with pytest.raises(ConfigError, match="at least 2 folds, got 1"):
        draw_folds(some_groups(), 1, seed=0)
    folds = draw_folds(Groups.alone(20), 2, seed=0)
    with pytest.raises(ConfigError, match="there is no fold 2; the folds are 0, 1"):
        group_fold_split(folds, 2, Groups.alone(20), val=0.1, seed=0)
    with pytest.raises(ConfigError, match="no inner fold 3; the inner folds are 0 to 2"):
        group_fold_split(folds, 0, Groups.alone(20), val=0.1, seed=0, inner=(3, 3))
