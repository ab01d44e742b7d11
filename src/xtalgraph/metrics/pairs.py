"""The check that every metric makes of what it is given, and the errors of numbers.

All errors carry the unit of the target.
"""

import math

import numpy as np
from jaxtyping import Float

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


def is_constant(values: Float[np.ndarray, " rows"]) -> bool:
    """Whether all values are exactly the same; true for no values and for one."""
    return values.size < 2 or bool((values == values[0]).all())


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
