"""Labels that are all the same, and labels far from all others: what a unit or a typo does."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

FAR: Final = 10.0
"""Robust standard deviations between a label and the nearest of the others from which it is told.

Of a normal distribution none ever is; of 19 columns of real data one had such labels: four magnetic
moments among many that are 0.
"""
_SHARE: Final = 0.02
"""Part of the labels that may stand apart together, as -999 for a missing value does."""
_FEWEST: Final = 10
"""Labels below which no deviation is known."""
_MAD_OF_NORMAL: Final = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True)
class Outlying:
    """Labels that stand apart from all others."""

    rows: tuple[int, ...]
    """Their rows, the farthest first."""
    median: float
    """Of all labels."""
    deviation: float
    """The robust standard deviation of all labels."""


def outlying_labels(values: Float[np.ndarray, " rows"]) -> Outlying | None:
    """Find labels, few in number, that are 10 robust deviations and more from all others.

    The deviation is 1.4826 times the median absolute deviation from the median; where most labels
    are one value, as the gaps of metals are 0, that of the others from it.

    Args:
        values: Finite labels in the order of the file.

    Returns:
        None where there are none, or fewer than ten labels.

    Example:
        >>> outlying_labels(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, -999])).rows
        (10,)
    """
    if len(values) < _FEWEST:
        return None
    median = float(np.median(values))
    apart = np.abs(values - median)
    deviation = _MAD_OF_NORMAL * float(np.median(apart))
    if deviation == 0:
        others = apart[apart > 0]
        if len(others) < _FEWEST:
            return None
        deviation = _MAD_OF_NORMAL * float(np.median(others))
    order = np.argsort(values, kind="stable")
    gaps = np.diff(values[order]) >= FAR * deviation
    most = max(1, int(_SHARE * len(values)))
    below = np.flatnonzero(gaps[:most])
    above = np.flatnonzero(gaps[::-1][:most])
    low = order[: below[-1] + 1] if len(below) else order[:0]
    high = order[len(order) - 1 - above[-1] :] if len(above) else order[:0]
    found = np.concatenate([low, high])
    if len(found) == 0:
        return None
    farthest = found[np.argsort(-apart[found], kind="stable")]
    return Outlying(tuple(farthest.tolist()), median, deviation)
