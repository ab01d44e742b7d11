"""How sure a measure is, and a difference of two predictors, by other draws of the same rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.metrics.measures import BoundMeasure, Declared, Measure
from xtalgraph.metrics.pairs import checked_pair, checked_rows

MAX_UNDEFINED: Final[float] = 0.1
"""An interval is given only where at most this share of the resamples leaves it undefined."""

_NUMBERS: Final = 1_000_000
"""Numbers of the draws that are measured together."""


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
    target, prediction = checked_rows(target, prediction)
    metric_of_draws = _of_draws(metric)
    low, high, defined = _resampled(
        lambda rows: metric_of_draws(target[rows], prediction[rows]),
        target.shape,
        level,
        samples,
        seed,
    )
    return Interval(low, high, level, samples, samples - defined.size)


def _of_draws(
    metric: Callable[[np.ndarray, np.ndarray], float],
) -> Callable[[np.ndarray, np.ndarray], Float[np.ndarray, " draws"]]:
    """Return a metric of several draws of the rows at once.

    A `BoundMeasure` computes them together; any other function is called for each draw.
    """
    if isinstance(metric, BoundMeasure):
        return metric.of_draws

    def repeatedly(target: np.ndarray, prediction: np.ndarray) -> Float[np.ndarray, " draws"]:
        return np.array([metric(*pair) for pair in zip(target, prediction, strict=True)])

    return repeatedly


def _resampled(
    statistic: Callable[[Int[np.ndarray, "draws rows"]], Float[np.ndarray, " draws"]],
    shape: tuple[int, ...],
    level: float,
    samples: int,
    seed: int,
) -> tuple[float, float, Float[np.ndarray, " defined"]]:
    """Return the ends of the percentile interval of a statistic, and its values that are defined.

    Args:
        statistic: Of the numbers of the rows of some draws; NaN where it is undefined.
        shape: Rows that there are, and the shape of a row.
        level: Share of the resamples inside the interval.
        samples: Number of resamples.
        seed: Seed of the draws.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level must lie between 0 and 1, got {level}")
    if samples < 1:
        raise ConfigError(f"samples must be at least 1, got {samples}")
    count = shape[0]
    if count < 2:
        return math.nan, math.nan, np.zeros(0)
    generator = np.random.default_rng(seed)
    drawn = (generator.integers(count, size=count) for _ in range(samples))
    together, parts = max(1, _NUMBERS // math.prod(shape)), []
    while part := list(islice(drawn, together)):
        parts.append(statistic(np.stack(part)))
    values = np.concatenate(parts)
    defined = values[~np.isnan(values)]
    if samples - defined.size > MAX_UNDEFINED * samples:
        return math.nan, math.nan, defined
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high), defined


_Metric = Callable[[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]], float]


class Outcome(StrEnum):
    """How the assessed model compares with another one."""

    BETTER = "better"
    """Significantly."""
    WORSE = "worse"
    """Significantly."""
    NO_DIFFERENCE = "no difference"
    """None that is significant."""
    UNDEFINED = "undefined"
    """The measure is defined only for the assessed model, as the rank correlation of a constant is
    not; this counts as better."""
    UNKNOWN = "unknown"
    """The measure is not defined for the assessed model."""


FEWEST_PAIRS: Final = 6
"""Rows from which on a difference can be significant at 5 %, see `paired_difference`."""


@dataclass(frozen=True)
class PairedDifference:
    """A metric of one predictor less that of another on the same rows. NaN: not defined."""

    value: float
    """The difference on all rows, in the unit of the metric."""
    low: float
    """Lower end of its bootstrap interval."""
    high: float
    """Upper end of its bootstrap interval."""
    p: float
    """Two-sided p-value of no difference: twice the share of resamples on the other side of 0,
    and not below 2^(1 − n) for n rows."""
    few: bool = False
    """Whether there are fewer than `FEWEST_PAIRS` rows."""

    @property
    def sign(self) -> int:
        """-1 or 1 where the interval lies below or above 0; else, or if rows are few, 0."""
        return 0 if self.few else int(self.low > 0) - int(self.high < 0)


def paired_difference(
    metric: _Metric,
    target: Float[np.ndarray, " rows"],
    first: Float[np.ndarray, " rows"],
    second: Float[np.ndarray, " rows"],
    *,
    level: float = 0.95,
    samples: int = 500,
    seed: int = 0,
) -> PairedDifference:
    """Compare two predictors by a paired bootstrap: both are measured on each draw of the rows.

    What makes a row hard is hard for both, so the difference is known better than either metric:
    two intervals may overlap where the interval of the difference is far from 0. As in
    :func:`~xtalgraph.metrics.bootstrap.interval`, what is covered is the choice of the test rows,
    not the randomness of the training. The p-value counts all rows as one of the draws, so that it
    is never 0: with 500 resamples not below 0.004. Nor is it below 2^(1 − n) for n rows, the chance
    that all of them have one sign: of fewer than `FEWEST_PAIRS` nothing is significant.

    Args:
        metric: Function of target and prediction, NaN where it is undefined.
        target: True values.
        first: Predicted values, in the same order.
        second: Those of the other predictor.
        level: Share of the resamples inside the interval, between 0 and 1.
        samples: Number of resamples.
        seed: Seed of the draws, the same rows as those of ``interval``.

    Returns:
        metric(first) − metric(second). All NaN where either is undefined on all rows; without
        interval where either is undefined on more than a tenth of the resamples.

    Raises:
        ConfigError: ``level`` or ``samples`` is out of range.
        InputError: The columns differ in length, or hold values that are not finite.

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 15.
    """
    target, first = checked_pair(target, first)
    target, second = checked_pair(target, second)
    value = metric(target, first) - metric(target, second)
    metric_of_draws = _of_draws(metric)
    low, high, drawn = _resampled(
        lambda rows: (
            metric_of_draws(target[rows], first[rows]) - metric_of_draws(target[rows], second[rows])
        ),
        target.shape,
        level,
        samples,
        seed,
    )
    if math.isnan(value) or math.isnan(low):
        return PairedDifference(value, math.nan, math.nan, math.nan)
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    p = min(1.0, max(2 * (min(below, above) + 1) / (drawn.size + 1), 2.0 ** (1 - target.size)))
    return PairedDifference(value, low, high, p, few=target.size < FEWEST_PAIRS)


def compare_paired(
    measure: Measure,
    target: Declared,
    true: Float[np.ndarray, "rows *shape"],
    assessed: Float[np.ndarray, "rows *shape"],
    other: Float[np.ndarray, "rows *shape"],
) -> dict[str, Any]:
    """Compare two models by a paired bootstrap over the same test rows.

    Args:
        measure: By which they are compared.
        target: What is predicted.
        true: Targets of the test rows.
        assessed: Predictions of the assessed model.
        other: Those of the model that it is compared with.

    Returns:
        ``difference``, the measure of the assessed model less that of the other, its 95 % interval
        ``low`` to ``high``, the p-value ``p`` (None where not defined), and the ``outcome``.
    """
    metric = BoundMeasure(measure, target.best)
    _, other = measure.reduced(true, other)
    true, assessed = measure.reduced(true, assessed)
    true, assessed, other = (values.reshape(-1) for values in (true, assessed, other))
    paired = paired_difference(metric, true, assessed, other)
    numbers = {"difference": paired.value, "low": paired.low, "high": paired.high, "p": paired.p}
    plain = {key: None if math.isnan(value) else value for key, value in numbers.items()}
    known = not math.isnan(paired.value) or not math.isnan(metric(true, assessed))
    return {**plain, "outcome": str(_outcome(paired, measure.better, known))}


def _outcome(paired: PairedDifference, better: str, known: bool) -> Outcome:
    if math.isnan(paired.value):
        return Outcome.UNDEFINED if known else Outcome.UNKNOWN
    if paired.sign == 0:
        return Outcome.NO_DIFFERENCE
    return Outcome.BETTER if (paired.sign < 0) == (better == "low") else Outcome.WORSE
