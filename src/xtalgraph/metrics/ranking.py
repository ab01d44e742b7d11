"""How well predictions put crystals in order, and find the best of them."""

import math
from fractions import Fraction
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.metrics.pairs import (
    Draws,
    alone,
    are_constant,
    checked_pair,
    divided,
    mean_of_draws,
)

_FEW: Final = 100
"""Rows up to which comparing each with each is quicker than sorting."""


def spearman(target: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]) -> float:
    """Spearman's ρ: Pearson's correlation of the ranks, ties at their mean rank.

    It is NaN where it is undefined: fewer than two rows, or a column that does not vary.

    >>> round(spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0])), 12)
    1.0
    """
    return alone(spearman_of_draws, *checked_pair(target, prediction))


def spearman_of_draws(target: Draws, prediction: Draws) -> Float[np.ndarray, " draws"]:
    """`spearman` of each draw.

    >>> true = np.array([[1.0, 2.0, 3.0]] * 2)
    >>> predicted = np.array([[1.0, 4.0, 9.0], [9.0, 4.0, 1.0]])
    >>> spearman_of_draws(true, predicted).round(9).tolist()
    [1.0, -1.0]
    """
    first, second = _ranks(target), _ranks(prediction)
    first -= mean_of_draws(first)[:, None]
    second -= mean_of_draws(second)[:, None]
    together = (first * second).sum(axis=1)
    apart = np.sqrt(np.square(first).sum(axis=1) * np.square(second).sum(axis=1))
    undefined = are_constant(target) | are_constant(prediction)
    return np.clip(divided(together, np.where(undefined, 0.0, apart)), -1.0, 1.0)


def kendall(target: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]) -> float:
    """Kendall's τ-b: concordant less discordant pairs, normalised for ties in either column.

    It is NaN where it is undefined: fewer than two rows, or a column that does not vary.

    >>> round(kendall(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])), 12)
    0.333333333333
    """
    return alone(kendall_of_draws, *checked_pair(target, prediction))


def kendall_of_draws(target: Draws, prediction: Draws) -> Float[np.ndarray, " draws"]:
    """`kendall` of each draw.

    >>> true = np.array([[1.0, 2.0, 3.0]] * 2)
    >>> predicted = np.array([[1.0, 4.0, 9.0], [9.0, 4.0, 1.0]])
    >>> kendall_of_draws(true, predicted).round(9).tolist()
    [1.0, -1.0]
    """
    from scipy.stats import kendalltau

    undefined = are_constant(target) | are_constant(prediction)
    if target.shape[1] > _FEW:
        # The p-value is not used; its asymptotic form is the cheap one.
        values = [
            math.nan if nothing else kendalltau(*pair, method="asymptotic").statistic
            for nothing, *pair in zip(undefined, target, prediction, strict=True)
        ]
        return np.array(values, dtype=np.float64)
    first, second = _order_of_pairs(target), _order_of_pairs(prediction)
    together = np.einsum("dp,dp->d", first, second).astype(np.float64)
    apart = np.sqrt(np.count_nonzero(first, axis=1)) * np.sqrt(np.count_nonzero(second, axis=1))
    return np.clip(divided(together, np.where(undefined, 0.0, apart)), -1.0, 1.0)


def area_under_roc(chosen: Bool[np.ndarray, " rows"], score: Float[np.ndarray, " rows"]) -> float:
    """Return the chance that a chosen row has a higher score than another, equal ones half.

    (R − n (n + 1)/2) / (n m), where R is the sum of the ranks of the n chosen rows, and m the
    number of the others; NaN where there are no chosen rows or no others. This is the area under
    the ROC curve.

    >>> area_under_roc(np.array([True, False, False]), np.array([2.0, 1.0, 3.0]))
    0.5
    """
    return float(areas_under_roc(chosen[None], score[None])[0])


def areas_under_roc(
    chosen: Bool[np.ndarray, "draws rows"], score: Draws
) -> Float[np.ndarray, " draws"]:
    """`area_under_roc` of each draw.

    >>> areas_under_roc(np.array([[True, False]] * 2), np.array([[2.0, 1.0], [1.0, 2.0]])).tolist()
    [1.0, 0.0]
    """
    count = chosen.sum(axis=1)
    others = chosen.shape[1] - count
    ranks = np.where(chosen, _ranks(score), 0.0).sum(axis=1)
    return divided(ranks - count * (count + 1) / 2, count * others)


def _order_of_pairs(values: Draws) -> Float[np.ndarray, "draws pairs"]:
    """1 where the first of two rows is above the second, −1 where it is below, 0 in a tie."""
    above = (values[:, :, None] > values[:, None, :]).astype(np.float32)  # exact: whole
    return (above - above.swapaxes(1, 2)).reshape(len(values), -1)


def _ranks(values: Draws) -> Draws:
    """Rank the rows of each draw from 1, ties at their mean rank."""
    from scipy.stats import rankdata

    return rankdata(values, axis=1) if values.size else np.zeros(values.shape)


def top_count(k: int | float, rows: int) -> int:
    """Number of rows that ``k`` stands for.

    Args:
        k: A number of rows (an ``int``), or a fraction of them (a ``float`` above 0, at most 1),
            which is rounded up: 0.05 of 41 rows are 3.
        rows: Number of rows there are.

    Returns:
        The number of rows, never more than there are.

    Raises:
        ConfigError: ``k`` is neither a positive number of rows nor such a fraction.
    """
    if isinstance(k, int):
        if k < 1:
            raise ConfigError(f"k must be at least 1 row, got {k}")
        return min(k, rows)
    if not 0 < k <= 1:
        raise ConfigError(
            f"k as a fraction must lie above 0 and be at most 1, got {k}; "
            "give a number of rows as an int"
        )
    # Through the decimal digits, since 0.05 × 140 is 7.000000000000001 in floating point.
    return math.ceil(Fraction(str(float(k))) * rows)


def top_recall(
    target: Float[np.ndarray, " rows"],
    prediction: Float[np.ndarray, " rows"],
    k: int | float,
    best: Literal["low", "high"],
) -> float:
    """Share of the truly best k rows that are among the k predicted best.

    Where equal values straddle the k-th place, in the target, the prediction or both, the answer
    depends on how the ties are broken. This is the expectation over breaking them uniformly at
    random, independently in the two columns: a row that is tied for the last s places with m rows
    in all is in with probability s/m, so that recall = Σ p_i q_i / k. A constant prediction gets
    exactly k/n, the share that blind choice finds.

    Args:
        target: True values.
        prediction: Predicted values, in the same order.
        k: A number of rows, or a fraction of them, see :func:`top_count`.
        best: Whether low values are the good ones (energies) or high ones.

    Returns:
        A number from 0 to 1; 1 where k is all rows or more, NaN for no rows.

    Raises:
        ConfigError: ``k`` or ``best`` is not one of those above.

    >>> top_recall(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 9.0, 5.0, 7.0]), 2, "low")
    0.5
    >>> top_recall(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4), 1, "low")
    0.25
    """
    if best not in ("low", "high"):
        raise ConfigError(f"best must be 'low' or 'high', got {best!r}")
    target, prediction = checked_pair(target, prediction)
    return float(top_recall_of_draws(target[None], prediction[None], k, best)[0])


def top_recall_of_draws(
    target: Draws, prediction: Draws, k: int | float, best: Literal["low", "high"]
) -> Float[np.ndarray, " draws"]:
    """`top_recall` of each draw.

    >>> true = np.array([[1.0, 2.0, 3.0]] * 2)
    >>> predicted = np.array([[1.0, 4.0, 9.0], [9.0, 4.0, 1.0]])
    >>> top_recall_of_draws(true, predicted, 1, "low").tolist()
    [1.0, 0.0]
    """
    count = top_count(k, target.shape[1])
    if count == 0:
        return np.full(len(target), math.nan)
    sign = 1 if best == "low" else -1
    sure, tied, places = _lowest(sign * target, count)
    sure_hat, tied_hat, places_hat = _lowest(sign * prediction, count)
    # Whole numbers up to the one division, so that simple cases come out exactly.
    m, m_hat = tied.sum(axis=1), tied_hat.sum(axis=1)
    expected = (
        _both(sure, sure_hat) * m * m_hat
        + _both(sure, tied_hat) * m * places_hat
        + _both(tied, sure_hat) * places * m_hat
        + _both(tied, tied_hat) * places * places_hat
    )
    return np.asarray(expected / (m * m_hat * count))


def enrichment(
    target: Float[np.ndarray, " rows"],
    prediction: Float[np.ndarray, " rows"],
    k: int | float,
    best: Literal["low", "high"],
) -> float:
    """How many times more of the best k rows are found than blind choice of k rows finds.

    It is the recall of :func:`top_recall`, with ties by expectation, over its value for a constant
    prediction, k/n. It lies between 0 and n/k.

    Args:
        target: True values.
        prediction: Predicted values, in the same order.
        k: A number of rows, or a fraction of them, see :func:`top_count`.
        best: Whether low values are the good ones (energies) or high ones.

    Returns:
        1 for blind choice, n/k where all of the best are found; NaN for no rows.

    Raises:
        ConfigError: ``k`` or ``best`` is not one of those above.

    >>> enrichment(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 9.0, 5.0, 7.0]), 1, "low")
    4.0
    >>> enrichment(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4), 1, "low")
    1.0
    """
    recall = top_recall(target, prediction, k, best)
    # Multiplied first, so that the recall of chance, k/n, comes out as exactly 1.
    rows = len(target)
    return math.nan if math.isnan(recall) else recall * rows / top_count(k, rows)


def _lowest(
    values: Draws, count: int
) -> tuple[
    Bool[np.ndarray, "draws rows"], Bool[np.ndarray, "draws rows"], Int[np.ndarray, " draws"]
]:
    """Rows surely among the ``count`` lowest, rows tied for the last places, and those places."""
    last = np.partition(values, count - 1, axis=1)[:, count - 1 : count]
    sure = values < last
    return sure, values == last, count - sure.sum(axis=1)


def _both(
    first: Bool[np.ndarray, "draws rows"], second: Bool[np.ndarray, "draws rows"]
) -> Int[np.ndarray, " draws"]:
    """Number of rows of each draw that are in both."""
    return np.asarray((first & second).sum(axis=1))
