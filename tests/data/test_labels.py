"""Labels of two classes, as they stand in tables."""

import numpy as np
import pytest

from xtalgraph.data.labels import class_of, why_no_class


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
