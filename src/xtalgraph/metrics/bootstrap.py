"""How much a metric would move with another draw of the same rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.metrics.pairs import checked_rows

MAX_UNDEFINED: Final[float] = 0.1
"""An interval is given only where at most this share of the resamples leaves it undefined."""


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval, and how many resamples had nothing to say about it."""

    low: float
    """Lower end, in the unit of the metric; NaN where there is no interval."""
    high: float
    """Upper end, in the unit of the metric; NaN where there is no interval."""
    level: float
    """Share of the resamples that lie inside."""
    samples: int
    """Number of resamples drawn."""
    undefined: int
    """Resamples in which the metric is NaN; they are left out of the percentiles."""


def interval(
    metric: Callable[[np.ndarray, np.ndarray], float],
    target: Float[np.ndarray, "rows *shape"],
    prediction: Float[np.ndarray, "rows *shape"],
    *,
    level: float = 0.95,
    samples: int = 500,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap: draw as many rows with replacement, again and again, and look.

    The same seed, number of rows and number of samples draw the same rows, for any metric and for
    any predictor, so that two models on one test set are resampled alike. It covers the choice of
    the test rows, not the randomness of the training.

    A resample in which the metric is undefined (a correlation, where all rows drawn have one
    value) is left out and counted in ``undefined``. Where these are more than a tenth, or where
    there are fewer than two rows, both ends are NaN.

    Args:
        metric: Function of target and prediction, NaN where it is undefined.
        target: True values.
        prediction: Predicted values, in the same order.
        level: Share of the resamples inside the interval, between 0 and 1.
        samples: Number of resamples.
        seed: Seed of the draws.

    Returns:
        The interval between the percentiles (1 − level)/2 and (1 + level)/2.

    Raises:
        ConfigError: ``level`` or ``samples`` is out of range.

    Source: B. Efron, R. Tibshirani, Statist. Sci. 1, 54 (1986), doi 10.1214/ss/1177013815.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level must lie between 0 and 1, got {level}")
    if samples < 1:
        raise ConfigError(f"samples must be at least 1, got {samples}")
    target, prediction = checked_rows(target, prediction)
    if len(target) < 2:
        return Interval(math.nan, math.nan, level, samples, undefined=samples)
    generator = np.random.default_rng(seed)
    values = np.empty(samples)
    for sample in range(samples):
        rows = generator.integers(len(target), size=len(target))
        values[sample] = metric(target[rows], prediction[rows])
    defined = values[~np.isnan(values)]
    undefined = samples - defined.size
    if undefined > MAX_UNDEFINED * samples:
        return Interval(math.nan, math.nan, level, samples, undefined)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, samples, undefined)
