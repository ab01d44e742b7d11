"""Splits along an order: the test is the one end, validation what comes next."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from jaxtyping import Shaped

from xtalgraph.data.dates import moments_of
from xtalgraph.data.split_column import SplitColumn
from xtalgraph.data.splits import Split, check_fractions, sorted_split

ENDS: Final = ("high", "low")
"""The ends of an order."""


def extreme_split(
    values: Shaped[np.ndarray, " rows"],
    end: str,
    *,
    val: float,
    test: float,
    by: Mapping[str, Any],
) -> Split:
    """Test on the rows with the highest or lowest values, validate on those next to them.

    So validation asks the same question as the test, to go beyond what was seen, and no more than
    ``1 − val − test`` of the rows are trained on. Rows of equal value stay together, so the sizes
    are as near the asked ones as the ties allow. Nothing is drawn.

    Args:
        values: One for each row; anything that can be sorted.
        end: ``high`` or ``low``: which values are in the test.
        val: Fraction for validation.
        test: Fraction for the test.
        by: Of what the values are: ``{"by": "target"}``.

    Raises:
        ConfigError: If the fractions are not as they must be, or ties leave nothing to train on.
    """
    check_fractions(val, test)
    _, rank, sizes = np.unique(values, return_inverse=True, return_counts=True)
    if end == "high":
        rank, sizes = len(sizes) - 1 - rank, sizes[::-1]
    filled = np.cumsum(sizes)
    in_test = max(1, _nearest_count(filled, test * len(values)))
    tested = int(filled[in_test - 1])
    in_val = max(in_test, _nearest_count(filled, tested + val * len(values)))
    return sorted_split(
        np.flatnonzero(rank >= in_val),
        np.flatnonzero((rank >= in_test) & (rank < in_val)),
        np.flatnonzero(rank < in_test),
        {"kind": "extreme", **by, "end": end, "test": test, "validation": val},
    )


def time_split(column: SplitColumn, *, val: float, test: float) -> Split:
    """Test on the latest rows, validate on those just before them.

    Args:
        column: Dates as `moments_of` reads them, or numbers such as years.
        val: Fraction for validation.
        test: Fraction for the test.

    Raises:
        InputError: If a row has no date, or one that cannot be read in one way alone.
        ConfigError: If the fractions are not as they must be, or ties leave nothing to train on.
    """
    moments = moments_of(column)
    by = {"by": "time", "column": column.name, "order": moments.order or ""}
    return extreme_split(moments.values, "high", val=val, test=test, by=by)


def _nearest_count(filled: np.ndarray, wanted: float) -> int:
    """Return how many steps bring the filled number nearest to what is wanted, from 0 on."""
    reached = np.concatenate([[0], filled])
    return int(np.argmin(np.abs(reached - wanted)))
