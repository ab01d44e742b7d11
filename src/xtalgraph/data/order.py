"""Whether a file is sorted by its target, and what that does to a split."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.data.splits import Split
from xtalgraph.metrics.ranking import spearman

SORTED_ABOVE: Final = 0.5
"""Rank correlation of the target with the row from which a file counts as sorted, of either sign.

In a file in no order it is 0 with a standard deviation of 1/√(n − 1). Files in the order of ids or
formulas reach 0.09 (the four sets that it was measured on). At 0.5 the row tells a quarter of the
variance of the ranks, so that a part cut from one end has other targets than the rest.
"""
_DEVIATIONS: Final = 5.0
"""Standard deviations of chance that it must exceed besides: in small files 0.5 may be chance."""


@dataclass(frozen=True)
class RowOrder:
    """How the target depends on the row."""

    correlation: float | None
    """Spearman's ρ of target and row; None where it is not defined."""
    sorted: bool
    """Whether the file counts as sorted by its target."""
    test_is_block: bool
    """Whether the test rows follow each other in the file without a gap."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "correlation": self.correlation,
            "sorted": self.sorted,
            "test_is_block": self.test_is_block,
        }


def examine_order(values: Float[np.ndarray, " rows"], split: Split) -> RowOrder:
    """Find out whether a file is sorted by its target, and whether the test is a block of it.

    Args:
        values: Targets in the order of the file.
        split: The parts.

    Example:
        >>> from xtalgraph.data.splits import random_split
        >>> split = random_split(200, val=0.1, test=0.1, seed=0)
        >>> examine_order(np.arange(200.0), split)
        RowOrder(correlation=1.0, sorted=True, test_is_block=False)
    """
    rho = spearman(np.arange(len(values), dtype=np.float64), values)
    defined = bool(np.isfinite(rho))
    chance = _DEVIATIONS / np.sqrt(max(len(values) - 1, 1))
    found = defined and bool(abs(rho) >= max(SORTED_ABOVE, chance))
    block = len(split.test) > 1 and int(np.ptp(split.test)) == len(split.test) - 1
    return RowOrder(rho if defined else None, found, block)
