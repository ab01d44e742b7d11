"""Whether most labels are one value, as the gaps of metals are, and what that hides."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.data.splits import Split
from xtalgraph.metrics.regression import mae

MOST: Final = 0.5
"""Share of the labels from which on a single value counts as most of them.

From one half on this value is the median, the constant with the smallest absolute error of all: a
model that says nothing else looks good by its MAE.
"""


@dataclass(frozen=True)
class EqualLabels:
    """One value that most labels have."""

    value: float
    """It."""
    rows: int
    """How many rows have it."""
    of: int
    """How many rows there are."""
    constant_mae: float | None
    """MAE on the test part of saying this value for every crystal; None without a test part."""

    @property
    def share(self) -> float:
        """Of all rows."""
        return self.rows / self.of

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)


def examine_equal_labels(values: Float[np.ndarray, " rows"], split: Split) -> EqualLabels | None:
    """Find the value that at least half of all labels have; None where there is none.

    Args:
        values: Targets in the order of the file.
        split: The parts.

    Example:
        >>> from xtalgraph.data.splits import column_split
        >>> split = column_split(["train", "train", "train", "test", "test"], "part")
        >>> examine_equal_labels(np.array([0.0, 0.0, 1.5, 0.0, 3.0]), split)
        EqualLabels(value=0.0, rows=3, of=5, constant_mae=1.5)
        >>> examine_equal_labels(np.array([0.0, 0.0, 1.5, 2.0, 3.0]), split)
    """
    found, counts = np.unique(values, return_counts=True)
    if len(found) < 2 or counts.max() < MOST * len(values):
        return None
    value = float(found[counts.argmax()])
    test = values[split.test]
    error = mae(test, np.full_like(test, value)) if len(test) else None
    return EqualLabels(value, int(counts.max()), len(values), error)
