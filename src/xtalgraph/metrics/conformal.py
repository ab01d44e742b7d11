"""Intervals that hold what they promise, from the errors on rows that nothing was learned from."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError, InputError


def fewest_rows(level: float) -> int:
    """Return the smallest number of calibrating rows for which a finite interval can be promised.

    It is the smallest n with ⌈(n + 1) level⌉ ≤ n.

    Args:
        level: Share of the truths that is to lie inside, between 0 and 1.

    >>> fewest_rows(0.9), fewest_rows(0.95)
    (9, 19)
    """
    count = 1
    while _rank(count, level) > count:
        count += 1
    return count


def conformal_quantile(scores: Float[np.ndarray, " rows"], level: float) -> float:
    """Return the ⌈(n + 1) level⌉-th smallest of n scores: the quantile of finite samples.

    A further score, exchangeable with these, is at most as large with a probability of at least
    ``level``, and of less than ``level + 1/(n + 1)`` where no two scores are equal. With the plain
    quantile it would be too few.

    Args:
        scores: One for each calibrating row, |error| or |error| / difficulty.
        level: Share of further scores that is to be at most as large, between 0 and 1.

    Returns:
        The quantile, in the unit of the scores; infinite for fewer rows than `fewest_rows` says.

    Raises:
        ConfigError: ``level`` is not between 0 and 1.
        InputError: A score is not a number.

    Source: V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World (2005), doi
    10.1007/b106715; J. Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018), doi
    10.1080/01621459.2017.1307116.

    >>> conformal_quantile(np.arange(1.0, 20.0), 0.9)
    18.0
    """
    scores = np.sort(np.asarray(scores, dtype=np.float64))
    if np.isnan(scores).any():
        raise InputError("scores must be numbers, got NaN; leave these rows out and say so")
    rank = _rank(len(scores), level)
    return float(scores[rank - 1]) if rank <= len(scores) else math.inf


@dataclass(frozen=True)
class Expected:
    """Where the coverage of intervals lies that keep their promise."""

    low: float
    """Lower end of the shares that chance explains."""
    high: float


def expected_coverage(
    level: float, calibrating: int, rows: int, *, chance: float = 0.99
) -> Expected:
    """Return the range of the share of test rows that conformal intervals hold, by chance alone.

    With n calibrating rows the number of m test rows inside is distributed beta-binomially,
    BetaBin(m, k, n + 1 − k) with k = ⌈(n + 1) level⌉, where all rows are exchangeable and no two
    scores equal: it says both what the draw of the test and what that of the calibration does.

    Args:
        level: What was promised, between 0 and 1.
        calibrating: Rows that calibrated, n.
        rows: Rows of the test, m.
        chance: How often the share lies in the range.

    Raises:
        ConfigError: ``level`` is not between 0 and 1, or there are too few rows.

    Source: V. Vovk, Machine Learning 92, 349 (2013), doi 10.1007/s10994-013-5355-6.
    """
    from scipy.stats import betabinom

    rank = _rank(calibrating, level)
    if rank > calibrating or rows < 1:
        raise ConfigError(
            f"{calibrating} calibrating rows and {rows} test rows say nothing of intervals at "
            f"{level:g}: at least {fewest_rows(level)} and 1 are needed"
        )
    inside = betabinom(rows, rank, calibrating + 1 - rank)
    low, high = inside.ppf([(1 - chance) / 2, (1 + chance) / 2])
    return Expected(float(low) / rows, float(high) / rows)


def _rank(count: int, level: float) -> int:
    if not 0 < level < 1:
        raise ConfigError(f"the level of an interval must lie between 0 and 1, got {level}")
    # Less a rounding error, since 0.9 × 20 is not always 18 in floating point.
    return max(1, math.ceil((count + 1) * level - 1e-9))
