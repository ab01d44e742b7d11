"""The check that every metric makes of what it is given."""

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
