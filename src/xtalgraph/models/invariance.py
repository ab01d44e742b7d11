"""What a prediction must be when the same crystal is written down in another way."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.rewriting import Rewriting
from xtalgraph.data.targets import Kind, Target


def expected_values(
    values: Float[np.ndarray, "rows columns"], rewriting: Rewriting, targets: Sequence[Target]
) -> Float[np.ndarray, "others columns"]:
    """Return the values that a rewritten crystal must have.

    An extensive one is multiplied by the number of copies, an intensive one stays, and an atomic
    one goes with its atom.

    Args:
        values: Of the original: one row, or one for each atom where the targets are atomic.
        rewriting: How the crystal is written down.
        targets: What each column is.
    """
    if targets[0].kind is Kind.ATOMIC:
        return values[rewriting.origin]
    times = [rewriting.copies if one.kind is Kind.EXTENSIVE else 1 for one in targets]
    return values * np.array(times)


def violations(
    found: Float[np.ndarray, "_ columns"], expected: Float[np.ndarray, "rows columns"]
) -> Float[np.ndarray, " columns"]:
    """Return the largest difference in each column.

    Args:
        found: What a model says.
        expected: What it must say.

    Returns:
        In the units of the columns; infinite where a number is not finite, or the rows are not as
        many.
    """
    if found.shape != expected.shape:
        return np.full(expected.shape[1], np.inf)
    with np.errstate(invalid="ignore"):  # of two infinities
        largest: np.ndarray = np.abs(found - expected).max(axis=0, initial=0.0)
    return np.where(np.isnan(largest), np.inf, largest)
