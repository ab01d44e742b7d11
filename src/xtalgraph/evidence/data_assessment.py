"""What labels and a split show before anything is learned from them, in numbers."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.data.divided import Divided
from xtalgraph.data.kind_evidence import KindEvidence, kind_evidence, kind_of_unit
from xtalgraph.data.label_distribution import (
    examine_equal_labels,
    examine_order,
    outlying_labels,
)
from xtalgraph.data.leaks import count_leaks
from xtalgraph.data.splits import Split
from xtalgraph.data.table import CrystalTable
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Scope

_SHOWN: Final = 5
"""Outlying labels that are named."""
_SINGLE: Final = 2.0**-24
"""Relative rounding of a number in single precision."""
_STEPS: Final = 100.0
"""Steps of rounding over which labels should at least vary."""


@dataclass(frozen=True)
class ConstantLabels:
    """Labels that are all the same."""

    rows: int
    """How many."""
    value: float
    """The label; of a class its number."""
    training_only: bool
    """Whether labels of other parts differ."""


@dataclass(frozen=True)
class OutlyingLabels:
    """Labels far from all others."""

    count: int
    """How many."""
    first: tuple[tuple[str, int | None, float], ...]
    """Id, row of the file and label of the farthest of them."""
    median: float
    """Of all labels; of an extensive target per atom."""
    deviation: float
    """Robust standard deviation of all labels; the same."""


@dataclass(frozen=True)
class RoundedLabels:
    """Labels that differ by little more than their rounding in single precision."""

    deviation: float
    """Mean absolute deviation from the median."""
    step: float
    """Rounding of the largest label."""


@dataclass(frozen=True)
class LabelAssessment:
    """What is remarkable about the labels of a target; None where nothing is."""

    constant: ConstantLabels | None = None
    """All equal."""
    outlying: OutlyingLabels | None = None
    """Some far from the others."""
    rounded: RoundedLabels | None = None
    """Too close together for single precision."""
    kind_of_unit: Kind | None = None
    """The kind that the unit is of, where another was declared."""
    kind_of_values: KindEvidence | None = None
    """How they depend on the number of atoms, where another kind was declared."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        by_unit, by_values = self.kind_of_unit, self.kind_of_values
        return asdict(self) | {
            "kind_of_unit": None if by_unit is None else str(by_unit),
            "kind_of_values": None if by_values is None else by_values.as_dict(),
        }


def assess_labels(divided: Divided) -> dict[str, LabelAssessment]:
    """Find labels that are all equal, far from all others, or of another kind than declared.

    Args:
        divided: Crystals, labels and parts.

    Returns:
        By the name of each target.
    """
    labels, table = divided.dataset.labels, divided.dataset.table
    found = {}
    for target in divided.dataset.targets:
        values = labels.arrays[target.name]
        crystal_of = np.arange(len(table))
        if target.scope is Scope.ATOM:
            crystal_of = np.repeat(crystal_of, labels.num_atoms)
        each = values.reshape(len(values), -1)  # of a vector every component is a label
        values, crystal_of = each.ravel(), np.repeat(crystal_of, each.shape[1])
        known = ~np.isnan(values)
        found[target.name] = _assessed(table, values[known], crystal_of[known], divided, target)
    return found


def _assessed(
    table: CrystalTable,
    labels: Float[np.ndarray, " labels"],
    crystal_of: Int[np.ndarray, " labels"],
    divided: Divided,
    target: Target,
) -> LabelAssessment:
    """Assess the known labels of a target; ``crystal_of`` is the row of the table of each."""
    if len(labels) == 0:
        return LabelAssessment()
    constant = _constant(labels, crystal_of, divided.split)
    if constant is not None or target.is_class:
        return LabelAssessment(constant)
    atoms = np.array([table.crystals[row].num_atoms for row in crystal_of])
    compared = labels / atoms if target.kind is Kind.EXTENSIVE else labels
    outlying = _outlying(compared, labels, crystal_of, table)
    rounded = None if outlying is not None else _rounded(labels)
    if target.scope is Scope.ATOM:
        return LabelAssessment(None, outlying, rounded)
    by_unit, by_values = kind_of_unit(target.unit), kind_evidence(labels, atoms)
    if by_values is not None and by_values.kind in (None, target.kind):
        by_values = None
    return LabelAssessment(
        None, outlying, rounded, None if by_unit is target.kind else by_unit, by_values
    )


def _constant(
    labels: Float[np.ndarray, " labels"], crystal_of: Int[np.ndarray, " labels"], split: Split
) -> ConstantLabels | None:
    learned = labels[np.isin(crystal_of, split.train)]
    for some, training_only in ((labels, False), (learned, True)):
        if len(some) > 1 and np.ptp(some) == 0:
            return ConstantLabels(len(some), float(some[0]), training_only)
    return None


def _outlying(
    compared: Float[np.ndarray, " labels"],
    labels: Float[np.ndarray, " labels"],
    crystal_of: Int[np.ndarray, " labels"],
    table: CrystalTable,
) -> OutlyingLabels | None:
    found = outlying_labels(compared)
    if found is None:
        return None
    first = tuple(
        (table.ids[crystal_of[n]], table.rows[crystal_of[n]], float(labels[n]))
        for n in found.rows[:_SHOWN]
    )
    return OutlyingLabels(len(found.rows), first, found.median, found.deviation)


def _rounded(labels: Float[np.ndarray, " labels"]) -> RoundedLabels | None:
    step = _SINGLE * float(np.abs(labels).max())
    deviation = float(np.mean(np.abs(labels - np.median(labels))))
    return RoundedLabels(deviation, step) if deviation < _STEPS * step else None


def assess_split(divided: Divided) -> dict[str, Any]:
    """Count what the parts share, and look at the order of the file and at equal labels.

    Args:
        divided: Crystals, labels and parts. The labels of repeated crystals are compared, and equal
            labels and the order of the file are looked at, where there is one value for each
            crystal.

    Returns:
        ``leaks`` of `Leaks`, ``order`` of `RowOrder` and ``equal`` of `EqualLabels`, as plain
        values; the last two are None where there is nothing to tell.
    """
    dataset, split = divided.dataset, divided.split
    crystals, target, labels = dataset.table.crystals, dataset.targets[0], None
    one_number = target.is_one_number
    if len(dataset.targets) == 1 and one_number:
        labels = dataset.labels.arrays[target.name]
    compared = labels  # the same for a supercell
    if labels is not None and target.kind is Kind.EXTENSIVE:
        compared = labels / np.array([crystal.num_atoms for crystal in crystals])
    equal = None
    if labels is not None and not target.is_class:
        equal = examine_equal_labels(labels, split)
    return {
        "leaks": count_leaks(crystals, split, compared).as_dict(),
        "order": None if labels is None else asdict(examine_order(labels, split)),
        "equal": None if equal is None else asdict(equal),
    }
