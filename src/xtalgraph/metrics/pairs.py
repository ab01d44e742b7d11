"""The check that every metric makes of what it is given, and the errors of numbers.

All errors carry the unit of the target.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.conventions.errors import InputError


def checked_pair(
    target: np.ndarray, prediction: np.ndarray
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Return both columns in float64, or say why they cannot be compared.

    Args:
        target: True values, one for each row, in any unit.
        prediction: Predicted values in the same order and unit.

    Returns:
        The two columns as one-dimensional float64 arrays. No rows at all is allowed.

    Raises:
        InputError: The columns are not one-dimensional, differ in length, or hold values that
            are not finite.
    """
    for name, values in (("target", target), ("prediction", prediction)):
        if np.ndim(values) != 1:
            raise InputError(
                f"{name} must have one dimension, got shape {np.shape(values)}; "
                "score the components of a vector or tensor one at a time"
            )
    return checked_rows(target, prediction)


def checked_rows(
    target: np.ndarray, prediction: np.ndarray
) -> tuple[Float[np.ndarray, "rows *shape"], Float[np.ndarray, "rows *shape"]]:
    """Return both arrays in float64, or say why they cannot be compared.

    Args:
        target: True values, one or several for each row, in any unit.
        prediction: Predicted values in the same order and unit.

    Returns:
        The two arrays in float64. No rows at all is allowed.

    Raises:
        InputError: The arrays differ in shape, or hold values that are not finite.
    """
    columns = []
    for name, values in (("target", target), ("prediction", prediction)):
        column = np.asarray(values, dtype=np.float64)
        finite = np.isfinite(column)
        bad = np.flatnonzero(~finite.all(axis=tuple(range(1, column.ndim))))
        if bad.size:
            value = column[bad[0]][~finite[bad[0]]].flat[0]
            raise InputError(
                f"{name} must be finite, got {value} in row {bad[0]} "
                f"({bad.size} such rows of {len(column)}); leave these rows out and say so"
            )
        columns.append(column)
    if len(columns[0]) != len(columns[1]):
        raise InputError(
            f"target and prediction must have the same number of rows, "
            f"got {len(columns[0])} and {len(columns[1])}"
        )
    if columns[0].shape != columns[1].shape:
        raise InputError(
            f"target and prediction must have the same shape, got {columns[0].shape} and "
            f"{columns[1].shape}"
        )
    return columns[0], columns[1]


Draws = Float[np.ndarray, "draws rows"]
"""A column of values, drawn several times."""
DrawMetric = Callable[[Draws, Draws], Float[np.ndarray, " draws"]]
"""A metric of true and predicted values in each of several draws, NaN where it is not defined. The
values have been checked."""


def alone(
    metric: DrawMetric, target: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]
) -> float:
    """Return the metric of columns that have been checked, as of a single draw."""
    return float(metric(target[None], prediction[None])[0])


def are_constant(values: Draws) -> Bool[np.ndarray, " draws"]:
    """Return whether all values of a draw are exactly the same; true for no values and for one."""
    return np.asarray((values == values[:, :1]).all(axis=1))


def divided(numerator: np.ndarray, denominator: np.ndarray) -> Float[np.ndarray, " draws"]:
    """Return the ratio of two numbers of each draw; NaN where the second is 0."""
    defined = denominator != 0
    return np.where(defined, numerator / np.where(defined, denominator, 1), math.nan)


def mae(target: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]) -> float:
    """Mean absolute error, in the unit of the target; NaN for no rows.

    >>> mae(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    1.0
    """
    return alone(mae_of_draws, *checked_pair(target, prediction))


def mae_of_draws(target: Draws, prediction: Draws) -> Float[np.ndarray, " draws"]:
    """`mae` of each draw."""
    return mean_of_draws(np.abs(prediction - target))


def mean_of_draws(values: Draws) -> Float[np.ndarray, " draws"]:
    """Return the mean over the rows of each draw; NaN for no rows."""
    return values.mean(axis=1) if values.shape[1] else np.full(len(values), math.nan)


def rmse(target: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]) -> float:
    """Root of the mean squared error, in the unit of the target; NaN for no rows.

    >>> rmse(np.array([0.0, 0.0]), np.array([3.0, 3.0]))
    3.0
    """
    return alone(rmse_of_draws, *checked_pair(target, prediction))


def rmse_of_draws(target: Draws, prediction: Draws) -> Float[np.ndarray, " draws"]:
    """`rmse` of each draw."""
    return np.sqrt(mean_of_draws(np.square(prediction - target)))


def r2(target: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]) -> float:
    """Coefficient of determination, 1 − Σ(y − ŷ)² / Σ(y − ȳ)², where ȳ is the mean of these rows.

    It is NaN where it has no meaning: fewer than two rows, or a target that does not vary.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    0.0
    """
    return alone(r2_of_draws, *checked_pair(target, prediction))


def r2_of_draws(target: Draws, prediction: Draws) -> Float[np.ndarray, " draws"]:
    """`r2` of each draw."""
    residual = np.square(target - prediction).sum(axis=1)
    total = np.square(target - mean_of_draws(target)[:, None]).sum(axis=1)
    return 1 - divided(residual, np.where(are_constant(target), 0.0, total))
