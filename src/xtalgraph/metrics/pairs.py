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
    columns = []
    for name, values in (("target", target), ("prediction", prediction)):
        column = np.asarray(values, dtype=np.float64)
        if column.ndim != 1:
            raise InputError(
                f"{name} must have one dimension, got shape {column.shape}; "
                "score the components of a vector or tensor one at a time"
            )
        bad = np.flatnonzero(~np.isfinite(column))
        if bad.size:
            raise InputError(
                f"{name} must be finite, got {column[bad[0]]} in row {bad[0]} "
                f"({bad.size} such rows of {column.size}); leave these rows out and say so"
            )
        columns.append(column)
    if columns[0].size != columns[1].size:
        raise InputError(
            f"target and prediction must have the same number of rows, "
            f"got {columns[0].size} and {columns[1].size}"
        )
    return columns[0], columns[1]


def is_constant(values: Float[np.ndarray, " rows"]) -> bool:
    """Whether all values are exactly the same; true for no values and for one."""
    return values.size < 2 or bool((values == values[0]).all())
