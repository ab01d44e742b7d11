"""Shapes are checked in the first calls of a function in each test."""

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import Float, TypeCheckError

from first_calls import CALLS, Counts, check_first_calls
from xtalgraph.metrics.pairs import mae


def length(vector: Float[np.ndarray, "3"]) -> int:
    return len(vector)


def test_a_wrong_shape_is_an_error_in_the_package():
    with pytest.raises(TypeCheckError):
        mae(np.zeros(3), np.zeros(4))


def test_calls_are_checked_again_in_the_next_test(monkeypatch):
    checked = check_first_calls(length, typechecker=beartype)
    for _ in range(CALLS):
        with pytest.raises(TypeCheckError):
            checked(np.zeros(4))
    assert checked(np.zeros(4)) == 4
    monkeypatch.setattr(Counts, "test", Counts.test + 1)
    with pytest.raises(TypeCheckError):
        checked(np.zeros(4))
