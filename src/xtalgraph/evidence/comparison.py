"""Whether a model is better than another on the same test rows: one test for report and compare."""

import math
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from xtalgraph.data.targets import Target
from xtalgraph.evidence.run_record import Estimate
from xtalgraph.metrics.measures import Measure
from xtalgraph.metrics.paired import PairedDifference, paired_difference


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


def compare_paired(
    measure: Measure,
    target: Target,
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


def outcome_of(model: Estimate, baseline: Estimate, against: Mapping[str, Any] | None) -> Outcome:
    """Return how a model compares with a baseline.

    Runs of older versions hold no paired test; then only intervals that do not overlap count.

    Args:
        model: Error of the model.
        baseline: Error of the baseline.
        against: What `compare_paired` found, if the run holds it.
    """
    if against is not None:
        return Outcome(against["outcome"])
    ends = (model.low, model.high, baseline.low, baseline.high)
    if any(end is None for end in ends):
        return Outcome.UNKNOWN
    low, high, other_low, other_high = (end or 0.0 for end in ends)
    if high < other_low:
        return Outcome.BETTER
    return Outcome.WORSE if low > other_high else Outcome.UNKNOWN
