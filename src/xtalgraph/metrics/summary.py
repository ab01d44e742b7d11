"""The figures that are reported of every predictor, with their intervals."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.metrics.bootstrap import interval
from xtalgraph.metrics.classification import checked_classes
from xtalgraph.metrics.measures import MEASURES, BoundMeasure, Declared, Measure, measures_of
from xtalgraph.metrics.pairs import checked_rows

RECALLS: Final[dict[str, int | float]] = {
    key: measure.top for key, measure in MEASURES.items() if measure.top is not None
}
"""The reported recalls, and the k of each."""
_MOST_ORDERED: Final = 20_000
"""The largest number of numbers whose order is measured on resamples."""


@dataclass(frozen=True)
class Metric:
    """One figure. ``None`` is "not applicable", and becomes ``null`` in JSON; never NaN."""

    value: float | None
    """The metric on all rows; errors are in the unit of the target."""
    low: float | None
    """Lower end of its 95 % bootstrap interval."""
    high: float | None
    """Upper end of its 95 % bootstrap interval."""


def evaluate(
    target: Declared,
    true: Float[np.ndarray, "rows *shape"],
    predicted: Float[np.ndarray, "rows *shape"],
    *,
    seed: int = 0,
    samples: int = 500,
    only: Collection[str] | None = None,
) -> dict[str, Metric]:
    """All the measures of one predictor on one set of rows.

    A value is ``None`` where the measure has no meaning: correlations of a constant column, R² of a
    constant target, everything for no rows, recalls where no direction is declared, and recalls
    for k above half of the rows, where blind choice already finds most of the best; of classes
    ROC-AUC and balanced accuracy where one is absent, F1 where class 1 neither is there nor was
    predicted.

    Of more than 20,000 numbers, as of forces, measures of the order have no interval: it would be
    narrower than the digits that are shown, and takes minutes.

    Args:
        target: What is predicted; its measures are those of `measures_of`.
        true: True values, or classes, 0 or 1.
        predicted: Predicted values in the same order and unit, or probabilities of class 1.
        seed: Seed of the bootstrap; the same seed draws the same rows for every predictor.
        samples: Number of bootstrap resamples.
        only: Keys of the measures that are wanted; by default all.

    Returns:
        Each measure by its key, in the order of tables. The keys are always all there.

    Raises:
        InputError: If the arrays do not fit, or a class is neither 0 nor 1, or a probability is not
            from 0 to 1.
    """
    true, predicted = checked_rows(true, predicted)
    if target.is_class:
        checked_classes(true.ravel(), predicted.ravel())
    return {
        measure.key: _metric(measure, target, true, predicted, seed, samples)
        for measure in measures_of(target)
        if only is None or measure.key in only
    }


def _metric(
    measure: Measure,
    target: Declared,
    true: Float[np.ndarray, "rows *shape"],
    predicted: Float[np.ndarray, "rows *shape"],
    seed: int,
    samples: int,
) -> Metric:
    """One measure with its interval; without either where it does not apply."""
    true, predicted = measure.reduced(true, predicted)
    function = BoundMeasure(measure, target.best)
    value = function(true, predicted)
    if math.isnan(value):
        return Metric(None, None, None)
    if measure.by_order and true.size > _MOST_ORDERED:
        return Metric(value, None, None)
    ends = interval(function, true, predicted, seed=seed, samples=samples)
    if math.isnan(ends.low):
        return Metric(value, None, None)
    return Metric(value, ends.low, ends.high)
