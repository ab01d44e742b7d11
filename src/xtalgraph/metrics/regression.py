"""How far predictions are from the truth. All errors carry the unit of the target."""

import math

import numpy as np
from jaxtyping import Float

from xtalgraph.metrics.pairs import checked_pair, is_constant


def mae(target: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]) -> float:
    """Mean absolute error, in the unit of the target; NaN for no rows.

    >>> mae(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    1.0
    """
    target, prediction = checked_pair(target, prediction)
    if not target.size:
        return math.nan
    return float(np.abs(prediction - target).mean())


def rmse(target: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]) -> float:
    """Root of the mean squared error, in the unit of the target; NaN for no rows.

    >>> rmse(np.array([0.0, 0.0]), np.array([3.0, 3.0]))
    3.0
    """
    target, prediction = checked_pair(target, prediction)
    if not target.size:
        return math.nan
    return math.sqrt(float(np.square(prediction - target).mean()))


def r2(target: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]) -> float:
    """Coefficient of determination, 1 − Σ(y − ŷ)² / Σ(y − ȳ)², where ȳ is the mean of these rows.

    It is NaN where it has no meaning: fewer than two rows, or a target that does not vary.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    0.0
    """
    target, prediction = checked_pair(target, prediction)
    if is_constant(target):
        return math.nan
    residual = np.square(target - prediction).sum()
    std = np.square(target - target.mean()).sum()
    return float(1 - residual / std)
