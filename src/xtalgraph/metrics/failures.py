"""Whether a score, known before the truth is, finds the predictions that fail."""

import math

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.conventions.errors import InputError
from xtalgraph.metrics.pairs import checked_pair
from xtalgraph.metrics.ranking import top_count


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
    novelty or a spread: 1/2 is chance.

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
    from scipy.stats import rankdata

    failed = np.asarray(failed, dtype=bool)
    score = np.asarray(score, dtype=np.float64)
    if np.isnan(score).any():
        raise InputError("a score must be a number, got NaN; leave these rows out and say so")
    checked_pair(failed, np.zeros_like(score))
    bad = int(failed.sum())
    good = len(failed) - bad
    if bad == 0 or good == 0:
        return math.nan
    ranks = rankdata(score)
    return (float(ranks[failed].sum()) - bad * (bad + 1) / 2) / (bad * good)
