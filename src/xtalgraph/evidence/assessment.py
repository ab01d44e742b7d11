"""What labels, a split and standard deviations show, in numbers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.voigt import to_subscripts
from xtalgraph.data.dataset import Divided
from xtalgraph.data.label_evidence import (
    KindEvidence,
    examine_equal_labels,
    examine_order,
    kind_evidence,
    kind_of_unit,
    outlying_labels,
)
from xtalgraph.data.leaks import count_leaks
from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.numbers import defined
from xtalgraph.graphs.graph import Scope
from xtalgraph.metrics import calibration
from xtalgraph.metrics.conformal import expected_coverage
from xtalgraph.metrics.coverage import coverage, sharpness
from xtalgraph.metrics.tensors import invariant_of, norms, varying
from xtalgraph.models.intervals import DEFAULT_LEVEL
from xtalgraph.models.predictions import Predictions

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
    value: float
    """The label; of a class its number."""
    training_only: bool
    """Whether labels of other parts differ."""


@dataclass(frozen=True)
class OutlyingLabels:
    """Labels far from all others."""

    count: int
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
        by_values = self.kind_of_values
        return asdict(self) | {"kind_of_values": by_values and by_values.as_dict()}


def assess_labels(divided: Divided) -> dict[str, LabelAssessment]:
    """Find labels that are all equal, far from all others, or of another kind than declared.

    Args:
        divided: Crystals, labels and parts.

    Returns:
        By the name of each target.
    """
    labels, table = divided.dataset.labels, divided.dataset.table
    assessments = {}
    for target in divided.dataset.targets:
        values = labels.arrays[target.name]
        crystal_of = np.arange(len(table))
        if target.scope is Scope.ATOM:
            crystal_of = np.repeat(crystal_of, labels.num_atoms)
        if target.is_tensor:
            values = invariant_of(target.tensor, values)[1]
        components = values.reshape(len(values), -1)  # of a list every number is a label
        values, crystal_of = components.ravel(), np.repeat(crystal_of, components.shape[1])
        known = ~np.isnan(values)
        assessments[target.name] = _assessed(values[known], crystal_of[known], divided, target)
    return assessments


def _assessed(
    labels: Float[np.ndarray, " labels"],
    crystal_of: Int[np.ndarray, " labels"],
    divided: Divided,
    target: Target,
) -> LabelAssessment:
    """Assess the known labels of a target; ``crystal_of`` is the row of the table of each."""
    if len(labels) == 0:
        return LabelAssessment()
    table = divided.dataset.table
    constant = _constant(labels, crystal_of, divided.split)
    if constant is not None or target.is_class:
        return LabelAssessment(constant)
    atoms = np.array([table.crystals[row].num_atoms for row in crystal_of])
    compared = labels / atoms if target.kind is Kind.EXTENSIVE else labels
    far, outlying = outlying_labels(compared), None
    if far is not None:
        first = tuple(
            (table.ids[crystal_of[n]], table.rows[crystal_of[n]], float(labels[n]))
            for n in far.rows[:_SHOWN]
        )
        outlying = OutlyingLabels(len(far.rows), first, far.median, far.deviation)
    rounded = None if outlying is not None else _rounded(labels)
    if target.scope is Scope.ATOM or target.derivative is not None:
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
    if len(dataset.targets) == 1 and target.is_one_number:
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


@dataclass(frozen=True)
class StdQuality:
    """How the predicted standard deviation compares with the error; None where not defined."""

    rows: int
    rank_of_errors: float | None
    """Rank correlation of standard deviation and absolute error."""
    miscalibration_area: float | None
    """Between expected and observed shares: 0 is best, 0.5 worst."""
    error_over_std: float | None
    """Root mean square error over root mean square standard deviation."""
    sparsification_area: float | None
    """Between the errors left when rows are removed by standard deviation, and by error."""
    sparsification_chance: float | None
    """The same for rows that are removed at random."""


def _assess_std(
    error: Float[np.ndarray, " rows"],
    std: Float[np.ndarray, " rows"],
    numbers: tuple[Float[np.ndarray, " numbers"], Float[np.ndarray, " numbers"]],
) -> StdQuality:
    """Assess them; ``numbers`` are errors and deviations that may be normal, as no norm is."""
    curve = calibration.sparsification(error, std)
    typical = float(np.sqrt(np.square(std).mean()))
    ratio = float(np.sqrt(np.square(error).mean())) / typical if typical > 0 else None
    return StdQuality(
        rows=len(error),
        rank_of_errors=defined(calibration.rank_of_errors(error, std)),
        miscalibration_area=defined(calibration.miscalibration_area(*numbers)),
        error_over_std=ratio,
        sparsification_area=defined(curve.area),
        sparsification_chance=defined(curve.chance),
    )


def assess_uncertainty(
    divided: Divided,
    predictions: Predictions,
    members: int,
    copies: Sequence[tuple[int, int]],
    calibrated: Sequence[str],
    *,
    learned: bool,
) -> dict[str, dict[str, Any]]:
    """Assess standard deviations and intervals on the test part.

    Args:
        divided: Crystals, labels and parts.
        predictions: Of every crystal.
        members: How many there are.
        copies: Pairs of them that predict the same.
        calibrated: Names of the targets that have intervals.
        learned: Whether each member has learned the variance of its error.

    Returns:
        For each target ``members``, ``copies``, ``learned``, ``std`` of `StdQuality`, and
        ``intervals``: their ``level``, the number of ``calibrating`` crystals, the ``coverage``,
        observed and ``expected``, and the mean width, ``sharpness``; nothing for a run that has
        neither of the last two.
    """
    assessments: dict[str, dict[str, Any]] = {}
    for target in divided.dataset.targets:
        name, split = target.name, divided.of_target(target.name)
        document: dict[str, Any] = {"members": members, "copies": [list(pair) for pair in copies]}
        true = divided.dataset.labels.of(name, split.test)
        if predictions.std is not None and not target.is_class:
            error = predictions.values.of(name, split.test) - true
            std = predictions.std.of(name, split.test)
            numbers = error.reshape(-1), std.reshape(-1)
            if target.is_tensor:
                parts, of_parts = (to_subscripts(target.tensor, part) for part in (error, std))
                apart = varying(of_parts)
                numbers, error, std = (parts[apart], of_parts[apart]), norms(error), norms(std)
            quality = _assess_std(error.reshape(-1), std.reshape(-1), numbers)
            document |= {"std": asdict(quality), "learned": learned}
        if name in calibrated and predictions.lower is not None and predictions.upper is not None:
            lower, upper = predictions.lower, predictions.upper
            ends = lower.of(name, split.test), upper.of(name, split.test)
            if target.is_tensor:
                radius = (ends[1] - ends[0]).reshape(len(true), -1)[:, 0] / 2
                true = norms(predictions.values.of(name, split.test) - true)
                ends = -radius, radius
            calibrating = len(split.calibration)
            document["intervals"] = {
                "level": DEFAULT_LEVEL,
                "calibrating": calibrating,
                "coverage": asdict(coverage(true, *ends)),
                "expected": asdict(expected_coverage(DEFAULT_LEVEL, calibrating, len(true))),
                "sharpness": sharpness(*ends),
            }
        if len(document) > 2 or copies:
            assessments[name] = document
    return assessments
