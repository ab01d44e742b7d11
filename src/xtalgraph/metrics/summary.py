"""The figures that are reported of every predictor, with their intervals."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np
from jaxtyping import Float

from xtalgraph.metrics.bootstrap import interval
from xtalgraph.metrics.classification import (
    balanced_accuracy,
    brier,
    checked_classes,
    f1,
    log_loss,
    roc_auc,
)
from xtalgraph.metrics.pairs import checked_pair
from xtalgraph.metrics.ranking import kendall, spearman, top_count, top_recall
from xtalgraph.metrics.regression import mae, r2, rmse

RECALLS: Final[dict[str, int | float]] = {"recall@10": 10, "recall@100": 100, "recall@5%": 0.05}
"""The reported recalls, and the k of each."""


@dataclass(frozen=True)
class Metric:
    """One figure. ``None`` is "not applicable", and becomes ``null`` in JSON; never NaN."""

    value: float | None
    """The metric on all rows; errors are in the unit of the target."""
    low: float | None
    """Lower end of its 95 % bootstrap interval."""
    high: float | None
    """Upper end of its 95 % bootstrap interval."""


def evaluate_predictions(
    target: Float[np.ndarray, " rows"],
    prediction: Float[np.ndarray, " rows"],
    *,
    best: Literal["low", "high"] | None,
    seed: int = 0,
    samples: int = 500,
) -> dict[str, Metric]:
    """All the metrics of one predictor on one set of rows.

    A value is ``None`` where the metric has no meaning: correlations of a constant column, R² of a
    constant target, everything for no rows, recalls where no direction is declared, and recalls
    for k above half of the rows, where blind choice already finds most of the best.

    Args:
        target: True values.
        prediction: Predicted values, in the same order and unit.
        best: Which end of the target is wanted, ``low`` for energies; ``None``: neither.
        seed: Seed of the bootstrap; the same seed draws the same rows for every predictor.
        samples: Number of bootstrap resamples.

    Returns:
        ``mae``, ``rmse``, ``r2``, ``spearman``, ``kendall``, ``recall@10``, ``recall@100`` and
        ``recall@5%``, in this order. The keys are always all there.
    """
    target, prediction = checked_pair(target, prediction)
    functions: dict[str, Callable[..., float] | None] = {
        "mae": mae,
        "rmse": rmse,
        "r2": r2,
        "spearman": spearman,
        "kendall": kendall,
    }
    for name, k in RECALLS.items():
        # Compared with k as asked for: 100 of 30 rows is not 30 of 30.
        count = k if isinstance(k, int) else top_count(k, target.size)
        if best is None or count > target.size // 2:
            functions[name] = None
        else:
            functions[name] = partial(top_recall, k=k, best=best)
    return {
        name: _metric(function, target, prediction, seed, samples)
        for name, function in functions.items()
    }


def evaluate_classes(
    target: Float[np.ndarray, " rows"],
    probability: Float[np.ndarray, " rows"],
    *,
    seed: int = 0,
    samples: int = 500,
) -> dict[str, Metric]:
    """All the metrics of one classifier on one set of rows.

    A value is ``None`` where the metric has no meaning: ROC-AUC and balanced accuracy where one of
    the classes is absent, F1 where class 1 neither is there nor was predicted, everything for no
    rows.

    Args:
        target: True classes, 0 or 1.
        probability: Predicted probability of class 1, in the same order.
        seed: Seed of the bootstrap; the same seed draws the same rows for every predictor.
        samples: Number of bootstrap resamples.

    Returns:
        ``roc_auc``, ``balanced_accuracy``, ``f1``, ``log_loss`` and ``brier``, in this order. The
        keys are always all there.

    Raises:
        InputError: A target is neither 0 nor 1, or a probability is not from 0 to 1.
    """
    target, probability = checked_classes(target, probability)
    functions: dict[str, Callable[..., float]] = {
        "roc_auc": roc_auc,
        "balanced_accuracy": balanced_accuracy,
        "f1": f1,
        "log_loss": log_loss,
        "brier": brier,
    }
    return {
        name: _metric(function, target, probability, seed, samples)
        for name, function in functions.items()
    }


def _metric(
    function: Callable[..., float] | None,
    target: Float[np.ndarray, " rows"],
    prediction: Float[np.ndarray, " rows"],
    seed: int,
    samples: int,
) -> Metric:
    """One metric with its interval; without either where it does not apply."""
    value = math.nan if function is None else function(target, prediction)
    if function is None or math.isnan(value):
        return Metric(None, None, None)
    found = interval(function, target, prediction, seed=seed, samples=samples)
    if math.isnan(found.low):
        return Metric(value, None, None)
    return Metric(value, found.low, found.high)
