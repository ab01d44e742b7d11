"""How well probabilities tell two classes apart, and whether they are frequencies.

Targets are 0 or 1, predictions from 0 to 1.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import InputError
from xtalgraph.metrics.pairs import Draws, alone, checked_pair, divided, mean_of_draws
from xtalgraph.metrics.ranking import areas_under_roc

THRESHOLD: Final[float] = 0.5
"""A probability of at least this much is taken for class 1."""
_SMALLEST: Final[float] = float(np.finfo(np.float64).eps)
"""Probabilities this near to 0 and 1 count as this much, so that no logarithm is infinite."""


def checked_classes(
    target: np.ndarray, probability: np.ndarray
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Return both columns in float64, or say why they are not classes and probabilities.

    Args:
        target: True classes, 0 or 1.
        probability: Predicted probability of class 1, in the same order.

    Returns:
        The two columns. No rows at all is allowed.

    Raises:
        InputError: A target is neither 0 nor 1, a probability is not from 0 to 1, or the columns
            are not what `checked_pair` demands.
    """
    target, probability = checked_pair(target, probability)
    wrong = np.flatnonzero((target != 0) & (target != 1))
    if wrong.size:
        raise InputError(f"a class must be 0 or 1, got {target[wrong[0]]} in row {wrong[0]}")
    wrong = np.flatnonzero((probability < 0) | (probability > 1))
    if wrong.size:
        raise InputError(
            f"a probability must lie from 0 to 1, got {probability[wrong[0]]} in row {wrong[0]}"
        )
    return target, probability


def roc_auc(target: Float[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]) -> float:
    """Area under the receiver operating characteristic.

    It is the chance that a row of class 1 gets a higher probability than one of class 0, equal ones
    counted half; NaN where one of the classes is absent.

    >>> roc_auc(np.array([0.0, 1.0, 1.0]), np.array([0.3, 0.3, 0.9]))
    0.75

    Source: J. A. Hanley, B. J. McNeil, Radiology 143, 29 (1982),
    doi 10.1148/radiology.143.1.7063747.
    """
    return alone(roc_auc_of_draws, *checked_classes(target, probability))


def roc_auc_of_draws(target: Draws, probability: Draws) -> Float[np.ndarray, " draws"]:
    """`roc_auc` of each draw.

    >>> true, predicted = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.25, 0.75]] * 2)
    >>> roc_auc_of_draws(true, predicted).round(3).tolist()
    [1.0, 0.0]
    """
    return areas_under_roc(target == 1, probability)


def roc_points(
    target: Float[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """Corners of the receiver operating characteristic, from (0, 0) to (1, 1).

    Args:
        target: True classes, 0 or 1.
        probability: Predicted probability of class 1, in the same order.

    Returns:
        For each threshold, the highest first, the share of class 0 and the share of class 1 that
        reach it; rows of equal probability share one. No points where one of the classes is absent.
    """
    target, probability = checked_classes(target, probability)
    ones = target.sum()
    zeros = target.size - ones
    if not ones or not zeros:
        return np.zeros(0), np.zeros(0)
    order = np.argsort(-probability, kind="stable")
    last_of_equals = np.append(np.diff(probability[order]) != 0, True)
    reached = np.cumsum(target[order])[last_of_equals]
    rows = (np.flatnonzero(last_of_equals) + 1).astype(np.float64)
    return np.append(0.0, (rows - reached) / zeros), np.append(0.0, reached / ones)


def balanced_accuracy(
    target: Float[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]
) -> float:
    """Mean of the two recalls: of class 0 and of class 1, by the threshold 0.5.

    Blind choice has 0.5, however rare a class is. NaN where one of the classes is absent.

    >>> balanced_accuracy(np.array([0.0, 0.0, 0.0, 1.0]), np.array([0.1, 0.2, 0.3, 0.4]))
    0.5
    """
    return alone(balanced_accuracy_of_draws, *checked_classes(target, probability))


def balanced_accuracy_of_draws(target: Draws, probability: Draws) -> Float[np.ndarray, " draws"]:
    """`balanced_accuracy` of each draw.

    >>> true, predicted = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.25, 0.75]] * 2)
    >>> balanced_accuracy_of_draws(true, predicted).round(3).tolist()
    [1.0, 0.0]
    """
    true, taken = target == 1, probability >= THRESHOLD
    ones, zeros = true.sum(axis=1), (~true).sum(axis=1)
    recalls = divided((true & taken).sum(axis=1), ones)
    return (recalls + divided((~true & ~taken).sum(axis=1), zeros)) / 2


def confusion_counts(
    target: Float[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]
) -> Int[np.ndarray, "2 2"]:
    """How many rows of each true class (first index) are taken for each class, at 0.5.

    >>> confusion_counts(np.array([0.0, 1.0, 1.0]), np.array([0.5, 0.6, 0.1])).tolist()
    [[0, 1], [1, 1]]
    """
    target, probability = checked_classes(target, probability)
    pairs = 2 * (target == 1) + (probability >= THRESHOLD)
    return np.bincount(pairs, minlength=4).reshape(2, 2)


def f1(target: Float[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]) -> float:
    """Harmonic mean of precision and recall of class 1, 2 TP / (2 TP + FP + FN), at 0.5.

    NaN where class 1 neither is there nor was predicted.

    >>> f1(np.array([1.0, 1.0, 0.0]), np.array([0.9, 0.1, 0.1]))
    0.6666666666666666
    """
    return alone(f1_of_draws, *checked_classes(target, probability))


def f1_of_draws(target: Draws, probability: Draws) -> Float[np.ndarray, " draws"]:
    """`f1` of each draw.

    >>> true, predicted = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.25, 0.75]] * 2)
    >>> f1_of_draws(true, predicted).round(3).tolist()
    [1.0, 0.0]
    """
    true, taken = target == 1, probability >= THRESHOLD
    return divided(2 * (true & taken).sum(axis=1), true.sum(axis=1) + taken.sum(axis=1))


def log_loss(target: Float[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]) -> float:
    """Mean of −ln p, where p is the probability that was given to the true class.

    The logarithm is the natural one; a probability of 0 counts as 2.2e-16. NaN for no rows.

    >>> round(log_loss(np.array([0.0, 1.0]), np.array([0.5, 0.5])), 6)  # ln 2
    0.693147
    """
    return alone(log_loss_of_draws, *checked_classes(target, probability))


def log_loss_of_draws(target: Draws, probability: Draws) -> Float[np.ndarray, " draws"]:
    """`log_loss` of each draw.

    >>> true, predicted = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.25, 0.75]] * 2)
    >>> log_loss_of_draws(true, predicted).round(3).tolist()
    [0.288, 1.386]
    """
    given = np.where(target == 1, probability, 1 - probability)
    return mean_of_draws(-np.log(np.clip(given, _SMALLEST, 1 - _SMALLEST)))


def brier(target: Float[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]) -> float:
    """Mean squared difference of probability and class; NaN for no rows.

    >>> brier(np.array([0.0, 1.0]), np.array([0.5, 1.0]))
    0.125

    Source: G. W. Brier, Mon. Weather Rev. 78, 1 (1950).
    """
    return alone(brier_of_draws, *checked_classes(target, probability))


def brier_of_draws(target: Draws, probability: Draws) -> Float[np.ndarray, " draws"]:
    """`brier` of each draw.

    >>> true, predicted = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.25, 0.75]] * 2)
    >>> brier_of_draws(true, predicted).round(3).tolist()
    [0.062, 0.562]
    """
    return mean_of_draws(np.square(probability - target))


_Z: Final[float] = 1.959963984540054
"""Two-sided 95 % of a normal distribution."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predicted and observed frequency, in bins of the probability; only bins with rows."""

    predicted: Float[np.ndarray, " bins"]
    """Mean probability of class 1."""
    seen: Float[np.ndarray, " bins"]
    """Share of class 1."""
    low: Float[np.ndarray, " bins"]
    """Lower end of the 95 % interval of the share."""
    high: Float[np.ndarray, " bins"]
    count: Int[np.ndarray, " bins"]
    """Rows."""


def reliability(
    target: Float[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"], bins: int = 10
) -> Reliability:
    """Compare probabilities with frequencies, in bins of equal width.

    The interval is Wilson's, (k + z²/2 ± z √(k (n − k)/n + z²/4)) / (n + z²), which holds also
    where all rows of a bin are of one class.

    Args:
        target: True classes, 0 or 1.
        probability: Predicted probability of class 1, in the same order.
        bins: Number of bins from 0 to 1.

    Raises:
        InputError: A target is neither 0 nor 1, or a probability is not from 0 to 1.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927), doi 10.1080/01621459.1927.10502953.
    """
    target, probability = checked_classes(target, probability)
    bin_of_row = np.minimum((probability * bins).astype(np.int64), bins - 1)
    count = np.bincount(bin_of_row, minlength=bins)
    full = count > 0
    n = count[full].astype(np.float64)
    predicted = np.bincount(bin_of_row, weights=probability, minlength=bins)[full] / n
    k = np.bincount(bin_of_row, weights=target, minlength=bins)[full]
    half = _Z * np.sqrt(k * (n - k) / n + _Z**2 / 4)
    middle, total = k + _Z**2 / 2, n + _Z**2
    low, high = (middle - half) / total, (middle + half) / total
    return Reliability(predicted, k / n, np.maximum(low, 0.0), np.minimum(high, 1.0), count[full])
