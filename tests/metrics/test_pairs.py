import numpy as np
import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.metrics.pairs import are_constant, checked_pair, mae, mae_of_draws
from xtalgraph.metrics.summary import evaluate


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_row(bad):
    good, broken = np.zeros(3), np.array([0.0, bad, 0.0])
    with pytest.raises(InputError, match=r"target must be finite, got .* in row 1"):
        checked_pair(broken, good)
    with pytest.raises(InputError, match="prediction must be finite"):
        checked_pair(good, broken)
    with pytest.raises(InputError, match="prediction must be finite"):
        evaluate(Target("e", Kind.INTENSIVE), good, broken)


def test_lengths_that_differ_are_refused():
    with pytest.raises(InputError, match="got 3 and 2"):
        checked_pair(np.zeros(3), np.zeros(2))


def test_more_than_one_dimension_is_refused():
    with pytest.raises(InputError, match="one dimension"):
        checked_pair(np.zeros((3, 1)), np.zeros((3, 1)))


def test_single_precision_is_scored_in_double():
    first, second = checked_pair(np.zeros(2, dtype=np.float32), np.zeros(2))
    assert first.dtype == second.dtype == np.float64


def test_constant():
    assert are_constant(np.zeros((2, 0))).tolist() == [True, True]
    assert are_constant(np.ones((1, 1))).tolist() == [True]
    rows = np.array([[0.1, 0.1, 0.1], [0.0, 1e-300, 0.0], [1.0, 1.0, 2.0]])
    assert are_constant(rows).tolist() == [True, False, False]


def test_a_metric_of_draws_has_the_bits_of_each_alone():
    draws = np.random.default_rng(0).normal(size=(2, 5, 1000))
    assert mae_of_draws(*draws).tolist() == [mae(*pair) for pair in zip(*draws, strict=True)]
