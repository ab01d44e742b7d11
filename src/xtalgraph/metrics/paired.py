"""Whether one predictor is better than another on the same rows, by more than chance."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.metrics.bootstrap import MAX_UNDEFINED
from xtalgraph.metrics.measures import Declared, Measure
from xtalgraph.metrics.pairs import checked_pair

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
    """Two-sided p-value of no difference: twice the share of resamples on the other side of 0."""

    @property
    def sign(self) -> int:
        """-1 or 1 where the interval lies below or above 0; 0 where it holds 0 or is not there."""
        return int(self.low > 0) - int(self.high < 0)


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
    is never 0: with 500 resamples not below 0.004.

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
    if not 0 < level < 1:
        raise ConfigError(f"level must lie between 0 and 1, got {level}")
    if samples < 1:
        raise ConfigError(f"samples must be at least 1, got {samples}")
    target, first = checked_pair(target, first)
    target, second = checked_pair(target, second)
    value = metric(target, first) - metric(target, second)
    nothing = PairedDifference(value, math.nan, math.nan, math.nan)
    if target.size < 2 or math.isnan(value):
        return nothing
    generator = np.random.default_rng(seed)
    drawn = np.empty(samples)
    for sample in range(samples):
        rows = generator.integers(target.size, size=target.size)
        drawn[sample] = metric(target[rows], first[rows]) - metric(target[rows], second[rows])
    drawn = drawn[~np.isnan(drawn)]
    if samples - drawn.size > MAX_UNDEFINED * samples:
        return nothing
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    p = min(1.0, 2 * (min(below, above) + 1) / (drawn.size + 1))
    return PairedDifference(value, float(low), float(high), p)


def compare_paired(
    measure: Measure,
    target: Declared,
    true: Float[np.ndarray, "rows *shape"],
    own: Float[np.ndarray, "rows *shape"],
    other: Float[np.ndarray, "rows *shape"],
) -> dict[str, Any]:
    """Compare two models by a paired bootstrap over the same test rows.

    Args:
        measure: By which they are compared.
        target: What is predicted.
        true: Targets of the test rows.
        own: Predictions of the assessed model.
        other: Those of the model that it is compared with.

    Returns:
        ``difference``, the measure of the assessed model less that of the other, its 95 % interval
        ``low`` to ``high``, the p-value ``p`` (None where not defined), and the ``outcome``.
    """
    metric = partial(measure.of, best=target.best)
    true, own, other = (one.reshape(-1) for one in (true, own, other))  # component by component
    found = paired_difference(metric, true, own, other)
    numbers = {"difference": found.value, "low": found.low, "high": found.high, "p": found.p}
    plain = {key: None if math.isnan(value) else value for key, value in numbers.items()}
    known = not math.isnan(found.value) or not math.isnan(metric(true, own))
    return {**plain, "outcome": str(_outcome(found, measure.better, known))}


def _outcome(found: PairedDifference, better: str, known: bool) -> Outcome:
    if math.isnan(found.value):
        return Outcome.UNDEFINED if known else Outcome.UNKNOWN
    if found.sign == 0:
        return Outcome.NO_DIFFERENCE
    return Outcome.BETTER if (found.sign < 0) == (better == "low") else Outcome.WORSE
