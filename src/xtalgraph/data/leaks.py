"""What the test and validation parts share with the training part, counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.composition import composition_key
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.duplicates import REPEATED_TOLERANCE, DuplicateIndex, label_differences
from xtalgraph.data.splits import Split
from xtalgraph.graphs.prototype import find_prototype


@dataclass(frozen=True)
class Leak:
    """How many rows of a part share something with a training row."""

    part: Literal["test", "val"]
    """Which part."""
    shares: Literal["formula", "prototype", "structure"]
    """What is shared: the reduced formula, the prototype with the same elements on its sites, or
    the structure itself."""
    rows: int
    """Rows of the part that share it."""
    of: int
    """Rows of the part."""
    unknown: int = 0
    """Rows that share the formula, but whose prototype could not be found; they are not counted."""

    @property
    def share(self) -> float:
        """Fraction of the part that shares it."""
        return self.rows / self.of


@dataclass(frozen=True)
class RepeatedCrystals:
    """Crystals that are in the table more than once, whatever the split.

    They are compared ten times more strictly than for leaks, so that a difference of the labels is
    an error of the labels.
    """

    rows: int
    """Rows whose crystal is in another row, too."""
    pairs: int
    """Pairs of a row and its nearest copy, each once."""
    different: int
    """Pairs with different labels; 0 where there is not one label for each crystal."""
    median: float | None
    """Median difference of the labels of a pair, in the unit of the target, for each atom where it
    is extensive; None where there are no pairs with labels."""
    largest: float | None
    """Largest difference."""


@dataclass(frozen=True)
class Leaks:
    """All that is counted for a split."""

    leaks: tuple[Leak, ...]
    """Test before validation, formula before prototype before structure."""
    repeated: RepeatedCrystals
    """In the whole table."""

    @property
    def clean(self) -> bool:
        """Whether nothing is shared at all."""
        return not any(leak.rows for leak in self.leaks)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "shared": [
                {
                    "part": leak.part,
                    "shares": leak.shares,
                    "rows": leak.rows,
                    "of": leak.of,
                    "unknown": leak.unknown,
                }
                for leak in self.leaks
            ],
            "repeated": {
                "rows": self.repeated.rows,
                "pairs": self.repeated.pairs,
                "different": self.repeated.different,
                "median": self.repeated.median,
                "largest": self.repeated.largest,
            },
        }


def count_leaks(
    crystals: Sequence[Crystal],
    split: Split,
    labels: Float[np.ndarray, " rows"] | None = None,
) -> Leaks:
    """Count what test and validation share with training, and the repeated crystals of the table.

    Copies within the training part are no leak. What has the prototype and the elements of a
    training row has its formula, too, and so has a copy: prototypes and structures are compared
    only where formulas agree.

    Args:
        crystals: Of the whole table.
        split: Its parts.
        labels: One for each crystal, of an extensive target for each atom; None where a crystal
            has several.

    Returns:
        The counts.
    """
    index = DuplicateIndex(crystals)
    formula = np.array([composition_key(crystal) for crystal in crystals])
    trained: dict[str, list[int]] = {}
    for row in split.train.tolist():
        trained.setdefault(formula[row], []).append(row)
    prototypes = _Prototypes(crystals)
    leaks: list[Leak] = []
    for part, rows in (("test", split.test), ("val", split.val)):
        if len(rows) == 0:
            continue
        known = rows[np.isin(formula[rows], list(trained))]
        alike = [prototypes.shared(row, trained[formula[row]]) for row in known.tolist()]
        copies = index.partners(known, split.train) >= 0
        counts = {
            "formula": (len(known), 0),
            "prototype": (alike.count(True), alike.count(None)),
            "structure": (int(copies.sum()), 0),
        }
        for shares, (number, unknown) in counts.items():
            leaks.append(Leak(part, shares, number, len(rows), unknown))  # type: ignore[arg-type]
    return Leaks(tuple(leaks), _repeated(index, len(crystals), labels))


class _Prototypes:
    """Prototypes with their elements, each found once."""

    def __init__(self, crystals: Sequence[Crystal]) -> None:
        self._crystals = crystals
        self._found: dict[int, str | None] = {}

    def shared(self, row: int, others: Sequence[int]) -> bool | None:
        """Whether any of the others has the prototype and elements of the row.

        None where that of the row is not known.
        """
        groups = self._of(row)
        return None if groups is None else any(self._of(other) == groups for other in others)

    def _of(self, row: int) -> str | None:
        if row not in self._found:
            try:
                self._found[row] = find_prototype(self._crystals[row]).with_elements
            except GraphError:  # a slab; counted as unknown
                self._found[row] = None
        return self._found[row]


def _repeated(
    index: DuplicateIndex, count: int, labels: Float[np.ndarray, " rows"] | None
) -> RepeatedCrystals:
    everything = np.arange(count)
    partner: Int[np.ndarray, " rows"] = index.partners(everything, everything, REPEATED_TOLERANCE)
    same: Bool[np.ndarray, " rows"] = partner >= 0
    differences = label_differences(partner, np.zeros(count) if labels is None else labels)
    if labels is None or len(differences) == 0:
        return RepeatedCrystals(int(same.sum()), len(differences), 0, None, None)
    # Labels that agree in six digits were computed once and rounded.
    different = int((differences > 1e-6 * max(float(np.abs(labels).max()), 1e-300)).sum())
    return RepeatedCrystals(
        int(same.sum()),
        len(differences),
        different,
        float(np.median(differences)),
        float(differences.max()),
    )
