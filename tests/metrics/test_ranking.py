import math
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.metrics.ranking import enrichment, kendall, spearman, top_count, top_recall

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=15)


def recall_by_enumeration(target, prediction, k, best):
    """Mean recall over every order of the rows, each order breaking the ties its own way."""
    sign = 1 if best == "low" else -1
    n, k = len(target), min(k, len(target))

    def chances(values):
        count = [0] * n
        orders = list(permutations(range(n)))
        for order in orders:
            for row in sorted(order, key=lambda i: sign * values[i])[:k]:
                count[row] += 1
        return [Fraction(c, len(orders)) for c in count]

    return sum(p * q for p, q in zip(chances(target), chances(prediction), strict=True)) / k


def recall_by_joint_enumeration(target, prediction, k):
    """The same with both orders enumerated together, and sets compared."""
    orders = list(permutations(range(len(target))))
    total = Fraction(0)
    for first in orders:
        true = set(sorted(first, key=lambda i: target[i])[:k])
        for second in orders:
            found = set(sorted(second, key=lambda i: prediction[i])[:k])
            total += Fraction(len(true & found), k)
    return total / len(orders) ** 2


@given(PAIRS)
def test_correlations_agree_with_scipy(pairs):
    target, prediction = np.array(pairs, dtype=float).T
    if np.ptp(target) == 0 or np.ptp(prediction) == 0:
        assert math.isnan(spearman(target, prediction))
        assert math.isnan(kendall(target, prediction))
    else:
        assert spearman(target, prediction) == pytest.approx(
            spearmanr(target, prediction).statistic, abs=1e-12
        )
        assert kendall(target, prediction) == pytest.approx(
            kendalltau(target, prediction).statistic, abs=1e-12
        )


@pytest.mark.parametrize("rows", [99, 100, 101, 300])
@pytest.mark.parametrize("levels", [5, 10**6])
def test_few_rows_and_many_are_counted_alike(rows, levels):
    generator = np.random.default_rng(rows)
    target, prediction = generator.integers(levels, size=(2, rows)).astype(float)
    target += prediction
    assert spearman(target, prediction) == pytest.approx(
        spearmanr(target, prediction).statistic, abs=1e-12
    )
    assert kendall(target, prediction) == pytest.approx(
        kendalltau(target, prediction).statistic, abs=1e-12
    )


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=12, unique=True))
def test_correlations_see_only_the_order(values):
    target = np.array(values, dtype=float)
    assert spearman(target, np.exp(target / 50)) == pytest.approx(1)
    assert kendall(target, -(target**3)) == pytest.approx(-1)


@pytest.mark.parametrize("correlation", [spearman, kendall])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_constant_columns_have_no_correlation(correlation, rows):
    constant, other = np.full(rows, 0.3), np.arange(rows, dtype=float)
    assert math.isnan(correlation(other, constant))
    assert math.isnan(correlation(constant, other))


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=5),
    st.integers(1, 6),
    st.sampled_from(["low", "high"]),
)
def test_recall_is_the_expectation_over_all_ways_to_break_ties(pairs, k, best):
    target, prediction = np.array(pairs, dtype=float).T
    expected = float(recall_by_enumeration(target.tolist(), prediction.tolist(), k, best))
    assert top_recall(target, prediction, k, best) == expected


@pytest.mark.parametrize(
    ("target", "prediction"),
    [([0, 0, 0, 1], [0, 1, 1, 1]), ([0, 1, 1, 1], [1, 1, 0, 1]), ([2, 2, 1, 1], [3, 1, 1, 2])],
)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_recall_of_the_two_columns_broken_together(target, prediction, k):
    expected = float(recall_by_joint_enumeration(target, prediction, k))
    found = top_recall(np.array(target, dtype=float), np.array(prediction, dtype=float), k, "low")
    assert found == expected


@given(st.integers(1, 300), st.data())
def test_constant_prediction_finds_exactly_what_blind_choice_finds(rows, data):
    k = data.draw(st.integers(1, rows))
    target = np.array(
        data.draw(st.lists(st.integers(0, 5), min_size=rows, max_size=rows)), dtype=float
    )
    assert top_recall(target, np.full(rows, 0.7), k, "low") == k / rows


@given(PAIRS, st.integers(1, 15))
def test_recall_does_not_depend_on_the_order_of_the_rows(pairs, k):
    target, prediction = np.array(pairs, dtype=float).T
    recall = top_recall(target, prediction, k, "low")
    assert recall == top_recall(target[::-1], prediction[::-1], k, "low")
    assert recall == top_recall(-target, -prediction, k, "high")
    assert 0 <= recall <= 1


def test_recall_without_ties():
    target, prediction = np.arange(10.0), np.array([3, 4, 0, 1, 2, 9, 8, 7, 6, 5], dtype=float)
    assert top_recall(target, prediction, 5, "low") == 1.0
    assert top_recall(target, prediction, 3, "low") == pytest.approx(1 / 3)
    assert top_recall(target, prediction, 1, "high") == 0.0
    assert top_recall(target, prediction, 0.3, "low") == pytest.approx(1 / 3)


@pytest.mark.parametrize("k", [4, 5, 100, 1.0])
def test_recall_of_all_rows_is_one(k):
    assert top_recall(np.arange(4.0), np.array([1.0, 1.0, 0.0, 0.0]), k, "low") == 1.0


def test_recall_of_no_rows_and_of_one():
    assert math.isnan(top_recall(np.zeros(0), np.zeros(0), 10, "low"))
    assert top_recall(np.ones(1), np.zeros(1), 1, "high") == 1.0


@pytest.mark.parametrize(
    ("k", "rows", "count"),
    [
        (10, 5, 5),
        (10, 50, 10),
        (0.05, 140, 7),
        (0.05, 41, 3),
        (0.05, 1, 1),
        (0.05, 0, 0),
        (1.0, 3, 3),
    ],
)
def test_fractions_are_rounded_up(k, rows, count):
    assert top_count(k, rows) == count


@pytest.mark.parametrize("k", [0, -1, 0.0, -0.5, 1.5, math.nan])
def test_impossible_k_is_refused(k):
    with pytest.raises(ConfigError, match="k "):
        top_recall(np.arange(3.0), np.arange(3.0), k, "low")


def test_recall_wants_a_direction_it_knows():
    with pytest.raises((ConfigError, TypeError), match="best"):
        top_recall(np.arange(3.0), np.arange(3.0), 1, "lowest")


@given(PAIRS, st.integers(1, 15))
def test_enrichment_is_the_recall_over_that_of_a_constant_prediction(pairs, k):
    target, prediction = np.array(pairs, dtype=float).T
    blind = top_recall(target, np.zeros(len(target)), k, "high")
    expected = top_recall(target, prediction, k, "high") / blind
    assert enrichment(target, prediction, k, "high") == pytest.approx(expected, rel=1e-12)


@given(st.integers(1, 300), st.data())
def test_enrichment_of_a_constant_prediction_is_one(rows, data):
    k = data.draw(st.integers(1, rows))
    found = enrichment(np.arange(float(rows)), np.full(rows, 0.7), k, "low")
    assert found == pytest.approx(1, rel=1e-15)


def test_enrichment_of_a_perfect_ranking_is_all_there_is_to_gain():
    assert enrichment(np.arange(200.0), np.arange(200.0), 10, "low") == 20
    assert enrichment(np.arange(200.0), -np.arange(200.0), 10, "low") == 0
    assert math.isnan(enrichment(np.zeros(0), np.zeros(0), 10, "low"))
