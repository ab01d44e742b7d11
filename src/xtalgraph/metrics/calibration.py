"""Whether the standard deviation of a prediction says how large its error is.

It is in the unit of the target: that of an ensemble's members, or what a
model says itself.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.metrics.pairs import checked_pair
from xtalgraph.metrics.ranking import area_under_roc, spearman, top_count


def calibration_curve(
    error: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"]
) -> tuple[Float[np.ndarray, " steps"], Float[np.ndarray, " steps"]]:
    """Return what central intervals of a normal distribution promise, and what they hold.

    The smallest of them that holds row i promises p_i = erf(|error_i| / (√2 std_i)); of all rows
    a share F(p), the distribution function of the p_i, lies in the interval that promises p.

    Args:
        error: Prediction less truth.
        std: Predicted standard deviation, not negative. An error where it is 0 is certain to
            lie outside; no error is certain to lie inside.

    Returns:
        The p_i in ascending order between 0 and 1, and F after each: a staircase.

    Raises:
        InputError: The columns do not fit, or a standard deviation is negative.
    """
    promised = np.sort(_promises(error, std))
    seen = np.arange(1, len(promised) + 1) / max(len(promised), 1)
    return np.concatenate([[0.0], promised, [1.0]]), np.concatenate([[0.0], seen, seen[-1:]])


def miscalibration_area(
    error: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"]
) -> float:
    """Return the area between the calibration curve and the diagonal, ∫ |F(p) − p| dp.

    0 is perfect, 1/2 the worst there is. The staircase is integrated exactly, step by step.

    Args:
        error: Prediction less truth.
        std: Predicted standard deviation.

    Returns:
        The area; NaN for no rows.

    Raises:
        InputError: The columns do not fit, or a standard deviation is negative.

    Source: V. Kuleshov, N. Fenner, S. Ermon, ICML (2018), doi 10.48550/arXiv.1807.00263; K. Tran et
    al., Mach. Learn.: Sci. Technol. 1, 025006 (2020), doi 10.1088/2632-2153/ab7e1a.
    """
    promised = np.sort(_promises(error, std))
    if len(promised) == 0:
        return math.nan
    ends = np.concatenate([[0.0], promised, [1.0]])
    height = np.arange(len(promised) + 1) / len(promised)
    return float((_primitive(ends[1:], height) - _primitive(ends[:-1], height)).sum())


def rank_of_errors(error: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"]) -> float:
    """Return Spearman's ρ of |error| and deviation; NaN where undefined, see `spearman`.

    Even a perfect normal one does not reach 1, since errors are drawn with it: about 0.5 where
    the deviations differ by factors.
    """
    error, std = _checked(error, std)
    return spearman(np.abs(error), std)


@dataclass(frozen=True, eq=False)
class ErrorByStd:
    """Errors of rows with a similar deviation, in bins of nearly as many rows."""

    std: Float[np.ndarray, " bins"]
    """Root of the mean squared deviation."""
    error: Float[np.ndarray, " bins"]
    """Root of the mean squared error; the same where the deviation is calibrated."""
    count: Int[np.ndarray, " bins"]
    """Rows."""


def error_by_std(
    error: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"], bins: int = 10
) -> ErrorByStd:
    """Compare errors with standard deviations, in bins of these.

    Args:
        error: Prediction less truth.
        std: Predicted standard deviation.
        bins: Number of bins, at most one for each row; their sizes differ by one row at most.

    Raises:
        ConfigError: ``bins`` is less than 1.
        InputError: The columns do not fit, or a standard deviation is negative.

    Source: D. Levi et al., Sensors 22, 5540 (2022), doi 10.3390/s22155540.
    """
    if bins < 1:
        raise ConfigError(f"bins must be at least 1, got {bins}")
    error, std = _checked(error, std)
    order = np.argsort(std, kind="stable")
    parts = np.array_split(order, min(bins, len(order))) if len(order) else []
    return ErrorByStd(
        np.array([_rms(std[part]) for part in parts]),
        np.array([_rms(error[part]) for part in parts]),
        np.array([len(part) for part in parts], dtype=np.int64),
    )


@dataclass(frozen=True, eq=False)
class Sparsification:
    """The mean absolute error of what is left when the most uncertain rows are taken away."""

    removed: Float[np.ndarray, " steps"]
    """Share of the rows taken away, 0 and on."""
    error: Float[np.ndarray, " steps"]
    """Mean absolute error of the rest, rows with the largest deviation gone first."""
    oracle: Float[np.ndarray, " steps"]
    """The same, rows with the largest error gone first: nothing is better."""
    area: float
    """Area between the two, over the error of all rows: 0 is perfect; NaN for no error at all."""
    chance: float
    """The area of a deviation that knows nothing, so that every order is as likely."""


def sparsification(
    error: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"]
) -> Sparsification:
    """Take away the rows with the largest deviation, one by one, and look at the error of the rest.

    Rows of one deviation come in every order with the same probability; what is returned is the
    expectation over them. The area is the mean over the steps from no row taken to all but one.

    Args:
        error: Prediction less truth.
        std: Predicted standard deviation.

    Raises:
        InputError: The columns do not fit, or a standard deviation is negative.

    Source: E. Ilg et al., ECCV (2018), doi 10.1007/978-3-030-01234-2_40.
    """
    from scipy.stats import rankdata

    error, std = _checked(error, std)
    sizes = np.abs(error)
    count = len(sizes)
    if count == 0:
        return Sparsification(np.zeros(0), np.zeros(0), np.zeros(0), math.nan, math.nan)
    # In expectation each row of a group with one deviation has the mean error of the group.
    group = rankdata(std, method="dense") - 1
    mean = np.bincount(group, weights=sizes) / np.bincount(group)
    left = np.arange(1, count + 1)
    kept = (np.cumsum(mean[group[np.argsort(std, kind="stable")]]) / left)[::-1]
    oracle = (np.cumsum(np.sort(sizes)) / left)[::-1]
    removed = np.arange(count) / count
    whole = float(sizes.mean())
    if whole == 0:
        return Sparsification(removed, kept, oracle, math.nan, math.nan)
    area = float((kept - oracle).mean()) / whole
    return Sparsification(removed, kept, oracle, area, 1.0 - float(oracle.mean()) / whole)


def identical_members(predictions: Float[np.ndarray, "members rows"]) -> list[tuple[int, int]]:
    """Return the pairs of members whose predictions are the same, number by number.

    Networks that were trained from different weights never agree in all digits: a pair here is one
    member and its copy, which makes the deviation too small.

    Args:
        predictions: Of each member for the same rows.

    Returns:
        Pairs of numbers of members, from 0, each member with the first one that it equals.

    >>> identical_members(np.array([[1.0, 2.0], [1.5, 2.0], [1.0, 2.0]]))
    [(0, 2)]
    """
    first: dict[bytes, int] = {}
    pairs = []
    for number, member in enumerate(np.ascontiguousarray(predictions)):
        before = first.setdefault(member.tobytes(), number)
        if before != number and predictions.shape[1]:
            pairs.append((before, number))
    return pairs


def _promises(
    error: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    from scipy.special import erf

    error, std = _checked(error, std)
    sizes = np.abs(error)
    certain = np.where(sizes > 0, np.inf, 0.0)
    ratio = np.divide(sizes, std, out=certain, where=std > 0)
    return erf(ratio / math.sqrt(2))


def _primitive(
    p: Float[np.ndarray, " steps"], height: Float[np.ndarray, " steps"]
) -> Float[np.ndarray, " steps"]:
    """∫ |p − height| dp = (p − height) |p − height| / 2."""
    return (p - height) * np.abs(p - height) / 2


def _checked(
    error: np.ndarray, std: np.ndarray
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    error, std = checked_pair(error, std)
    bad = np.flatnonzero(std < 0)
    if bad.size:
        raise InputError(
            f"a standard deviation must not be negative, got {std[bad[0]]} in row {bad[0]} "
            f"({bad.size} such rows)"
        )
    return error, std


def _rms(values: Float[np.ndarray, " rows"]) -> float:
    return math.sqrt(float(np.square(values).mean()))


def failures(
    error: Float[np.ndarray, " rows"], worst: int | float = 0.1
) -> Bool[np.ndarray, " rows"]:
    """Return which rows count as failures: those with the largest absolute errors.

    Args:
        error: Prediction less truth.
        worst: How many rows, or which fraction of them; rows as bad as the last are in, too.
    """
    sizes = np.abs(np.asarray(error, dtype=np.float64))
    if not sizes.size:
        return np.zeros(0, dtype=bool)
    count = top_count(worst, sizes.size)
    return sizes >= np.partition(sizes, sizes.size - count)[sizes.size - count]


def failure_auroc(failed: Bool[np.ndarray, " rows"], score: Float[np.ndarray, " rows"]) -> float:
    """Return the chance that a failure has a higher score than another row, equal ones half.

    It is the area under the receiver operating characteristic of a score on any scale, here a
    novelty or a standard deviation: 1/2 is chance.

    Args:
        failed: Which rows are failures, see `failures`.
        score: Known without the truth; high is suspicious. Infinite ones are allowed.

    Returns:
        The area, NaN where no row is a failure or all are.

    Raises:
        InputError: The columns differ in length, or a score is NaN.

    Source: J. Hanley, B. McNeil, Radiology 143, 29 (1982), doi 10.1148/radiology.143.1.7063747.

    >>> failure_auroc(np.array([True, False, False]), np.array([2.0, 1.0, 2.0]))
    0.75
    """
    failed = np.asarray(failed, dtype=bool)
    score = np.asarray(score, dtype=np.float64)
    if np.isnan(score).any():
        raise InputError("a score must be a number, got NaN; leave these rows out and say so")
    checked_pair(failed, np.zeros_like(score))
    return area_under_roc(failed, score)
