"""A column is read as its target declares it: a number, a list, a class; of a crystal or atoms."""

import re

import numpy as np
import pandas as pd
import pytest

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.data.label_reading import class_of, labels_of, why_no_class
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.testing.crystals import contract_crystals

CUBIC = contract_crystals()["cubic"]  # five atoms
GAP = Target("gap", Kind.INTENSIVE)
PAIR = Target("v", Kind.INTENSIVE, tensor=TensorType(copies=2))
SITES = Target("q", Kind.ATOMIC)
PAIRS = Target("p", Kind.ATOMIC, tensor=TensorType(copies=2))
FLAGS = Target("f", Kind.INTENSIVE, task=Task.CLASSIFICATION, classes=("no", "yes"),
               tensor=TensorType(copies=2))  # fmt: skip
AS_IN_PARQUET = np.empty(5, dtype=object)
AS_IN_PARQUET[:] = [np.array([0.0, 1.0])] * 5


@pytest.mark.parametrize(
    ("target", "raw", "expected"),
    [
        (GAP, 1.5, [1.5]),
        (GAP, [1.5], [1.5]),
        (GAP, "1.5", [1.5]),
        (PAIR, [1, 2.5], [[1.0, 2.5]]),
        (PAIR, np.array([1.0, 2.0]), [[1.0, 2.0]]),
        (PAIR, [None, 2.0], [[np.nan, 2.0]]),
        (PAIR, (float("nan"), pd.NA), None),
        (SITES, [1, 2, 3, 4, 5], [1.0, 2.0, 3.0, 4.0, 5.0]),
        (PAIRS, [[0, 1]] * 5, [[0.0, 1.0]] * 5),
        (PAIRS, AS_IN_PARQUET, [[0.0, 1.0]] * 5),
        (FLAGS, ["yes", "no"], [[1.0, 0.0]]),
        (FLAGS, ["yes", ""], [[1.0, np.nan]]),
    ],
)
def test_labels_have_the_shape_of_their_target(target, raw, expected):
    found = labels_of([raw], [target], CUBIC)
    if expected is None:
        assert found == f"the target {target.name!r} is missing"
    else:
        np.testing.assert_array_equal(found[0], expected)
        assert found[0].shape == target.shape(5)


@pytest.mark.parametrize(
    ("target", "raw", "reason"),
    [
        (PAIR, [1.0], "must be a list of 2 numbers, got \\[1.0\\]"),
        (PAIR, 1.0, "must be a list of 2 numbers, got 1.0"),
        (PAIR, [1.0, 2.0, 3.0], "must be a list of 2 numbers"),
        (PAIR, [1.0, float("inf")], "is not finite"),
        (PAIR, [1.0, 1e40], "beyond 1e\\+30 overflow"),
        (PAIR, [1.0, "many"], "is not a number"),
        (PAIRS, [0, 1], "a list of 2 numbers for each of the 5 atoms"),
        (FLAGS, ["yes", "perhaps"], "must be 'no' or 'yes', got 'perhaps'"),
        (GAP, [1.0, 2.0], "say data.size=2 for a list of 2 numbers"),
        (SITES, [1.0, 2.0], "needs one value for each of the 5 atoms"),
        (SITES, [1.0, None, 1.0, 1.0, 1.0], "is not finite"),
        (GAP, 10**400, "larger than any number"),
    ],
)
def test_what_cannot_be_a_label_is_a_reason(target, raw, reason):
    found = labels_of([raw], [target], CUBIC)
    assert isinstance(found, str)

    assert re.search(reason, found), found


@pytest.mark.parametrize("raw", [1, 1.0, True, np.True_, np.int64(1), "1", "true", " True "])
def test_one(raw):
    assert class_of(raw, None) == 1.0


@pytest.mark.parametrize("raw", [0, 0.0, False, np.False_, np.float64(0), "0", "FALSE"])
def test_zero(raw):
    assert class_of(raw, None) == 0.0


@pytest.mark.parametrize("raw", [2, 0.5, -1, "metal", "yes", "", float("nan")])
def test_anything_else_is_no_class(raw):
    assert class_of(raw, None) is None
    assert "must be 0 or 1, or false or true" in why_no_class("y", raw, None)


def test_named_classes_are_told_by_their_names_alone():
    names = ("insulator", "metal")
    assert [class_of(raw, names) for raw in ("insulator", "metal", "Metal", 1)] == [
        0.0,
        1.0,
        None,
        None,
    ]
    assert class_of(2, ("1", "2")) == 1.0
    assert why_no_class("y", 1, names) == "the label 'y' must be 'insulator' or 'metal', got 1"
