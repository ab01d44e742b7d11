"""Whether of the rows with probability p a share p is of class 1."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.metrics.classification import checked_classes

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
    """Upper end."""
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
