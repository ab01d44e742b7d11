"""How often intervals hold the truth, and how wide they are."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.metrics.pairs import checked_rows


@dataclass(frozen=True)
class Share:
    """A share of rows with its exact binomial interval; NaN for no rows."""

    value: float
    low: float
    """Lower end of the interval."""
    high: float
    count: int
    """Rows that were counted."""
    rows: int
    """Rows there are."""


def binomial_share(count: int, rows: int, *, level: float = 0.95) -> Share:
    """Return a share with its exact interval.

    The interval holds every share p for which neither the observed count or fewer, nor it or more,
    is less likely than (1 − level)/2.

    Args:
        count: Rows that were counted.
        rows: Rows there are.
        level: How sure the interval is, between 0 and 1.

    Raises:
        ConfigError: The counts or the level are out of range.

    Source: C. Clopper, E. Pearson, Biometrika 26, 404 (1934), doi 10.1093/biomet/26.4.404.

    >>> found = binomial_share(0, 10)
    >>> found.low, round(found.high, 4)
    (0.0, 0.3085)
    """
    from scipy.stats import beta

    if not 0 <= count <= rows or not 0 < level < 1:
        raise ConfigError(
            f"a share needs 0 <= count <= rows and a level between 0 and 1, got {count}, {rows} "
            f"and {level}"
        )
    if rows == 0:
        return Share(math.nan, math.nan, math.nan, 0, 0)
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, rows - count + 1))
    high = 1.0 if count == rows else float(beta.ppf(1 - tail, count + 1, rows - count))
    return Share(count / rows, low, high, count, rows)


def coverage(
    target: Float[np.ndarray, "rows *shape"],
    lower: Float[np.ndarray, "rows *shape"],
    upper: Float[np.ndarray, "rows *shape"],
    *,
    level: float = 0.95,
) -> Share:
    """Return the share of the truths that lie in their intervals, ends included.

    A list of numbers does where all of them do.

    Args:
        target: True values.
        lower: Lower ends, in the same order and unit.
        upper: Upper ends.
        level: Of the binomial interval of the share; not that of the intervals which are judged.

    Raises:
        InputError: The columns do not fit, or an interval ends before it begins.
    """
    target, lower = checked_rows(target, lower)
    lower, upper = checked_rows(lower, upper)
    _check_ends(lower, upper)
    inside = (lower <= target) & (target <= upper)
    held = np.all(inside, axis=tuple(range(1, inside.ndim)))
    return binomial_share(int(held.sum()), len(target), level=level)


def sharpness(
    lower: Float[np.ndarray, "rows *shape"], upper: Float[np.ndarray, "rows *shape"]
) -> float:
    """Return the mean width of intervals, in the unit of their ends; NaN for no rows.

    Of two sets of intervals with one coverage the narrower says more.

    Args:
        lower: Lower ends.
        upper: Upper ends, in the same order.

    Raises:
        InputError: The columns do not fit, or an interval ends before it begins.

    >>> sharpness(np.array([0.0, 1.0]), np.array([1.0, 4.0]))
    2.0
    """
    lower, upper = checked_rows(lower, upper)
    _check_ends(lower, upper)
    return float((upper - lower).mean()) if len(lower) else math.nan


def _check_ends(
    lower: Float[np.ndarray, "rows *shape"], upper: Float[np.ndarray, "rows *shape"]
) -> None:
    bad = np.argwhere(lower > upper)
    if len(bad):
        first = tuple(bad[0])
        raise InputError(
            f"an interval must not end before it begins, got {lower[first]} to {upper[first]} in "
            f"row {first[0]} ({len(bad)} such rows)"
        )
