"""What labels show before anything is learned from them, in words for the log and the report."""

import logging
from typing import Final

import numpy as np
from jaxtyping import Float, Int, Real

from xtalgraph.data.dataset import Dataset
from xtalgraph.data.divided import Divided
from xtalgraph.data.kind_evidence import KindEvidence, kind_evidence, kind_of_unit
from xtalgraph.data.label_distribution import Outlying, outlying_labels
from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values

log = logging.getLogger("xtalgraph")

_SHOWN: Final = 5
"""Rows that are named."""
_SINGLE: Final = 2.0**-24
"""Relative rounding of a number in single precision."""
_STEPS: Final = 100.0
"""Steps of rounding to which labels should at least be spread out."""


def examine_labels(divided: Divided) -> list[str]:
    """Find labels that are all the same, far from all others, or of another kind than declared.

    Args:
        divided: Crystals, labels and parts.

    Returns:
        One sentence for each finding; each is a warning.
    """
    found: list[str] = []
    dataset, split = divided.dataset, divided.split
    for target in dataset.targets:
        values, rows = _known(dataset.labels, target)
        if len(values) == 0:
            continue
        constant = _about_constant(values, rows, split, target)
        if constant:
            found.append(constant)
        if constant or target.is_class:
            continue
        atoms = np.array([dataset.table.crystals[row].num_atoms for row in rows])
        total = target.kind is Kind.EXTENSIVE
        compared = values / atoms if total else values
        outlying = outlying_labels(compared)
        if outlying is not None:
            found.append(_about_outlying(outlying, values, rows, dataset, target))
        elif (text := _about_rounding(values, target)) is not None:
            found.append(text)
        found += _about_kind(values, atoms, target)
    return found


def warn_about_labels(divided: Divided) -> None:
    """Log what `examine_labels` finds.

    Args:
        divided: Crystals, labels and parts.
    """
    for text in examine_labels(divided):
        log.warning("%s", text)


def _known(
    labels: Values, target: Target
) -> tuple[Float[np.ndarray, " labels"], Int[np.ndarray, " labels"]]:
    """Return the labels of a target that are there, and the crystal of each."""
    values = labels.arrays[target.name]
    crystals = np.arange(len(labels))
    rows = np.repeat(crystals, labels.num_atoms) if target.kind is Kind.ATOMIC else crystals
    there = ~np.isnan(values)
    return values[there], rows[there]


def _about_constant(
    values: Float[np.ndarray, " labels"],
    rows: Int[np.ndarray, " labels"],
    split: Split,
    target: Target,
) -> str | None:
    learned = values[np.isin(rows, split.train)]
    for some, where in ((values, ""), (learned, " of the training part")):
        if len(some) > 1 and np.ptp(some) == 0:
            value = f"{some[0]:g}"
            if target.is_class and target.classes is not None:
                value = repr(target.classes[int(some[0])])
            return (
                f"all {len(some)} labels {target.name!r}{where} are {value}: there is nothing to "
                "learn from them, and a model can be no better than this constant. Look whether "
                "it is the column that was meant, and whether the split leaves other labels"
            )
    return None


def _about_outlying(
    outlying: Outlying,
    values: Float[np.ndarray, " labels"],
    rows: Int[np.ndarray, " labels"],
    dataset: Dataset,
    target: Target,
) -> str:
    table = dataset.table
    named = []
    for label in outlying.rows[:_SHOWN]:
        row = table.rows[rows[label]]
        place = "" if row is None else f" (row {row})"
        named.append(f"{table.ids[rows[label]]}{place}: {values[label]:g}")
    more = len(outlying.rows) - _SHOWN
    unit = f" {target.unit}" if target.unit else ""
    each = " per atom" if target.kind is Kind.EXTENSIVE else ""
    count = f"{len(outlying.rows)} labels" if len(outlying.rows) > 1 else "1 label"
    return (
        f"{count} {target.name!r} far from all others by 10 robust standard deviations and more: "
        f"{', '.join(named)}{f', and {more} more' if more > 0 else ''}. The median is "
        f"{outlying.median:g}{unit}{each}, the deviation {outlying.deviation:.3g}{unit}{each}: "
        "check them for another unit, a typo, or a number that stands for a missing value"
    )


def _about_rounding(values: Float[np.ndarray, " labels"], target: Target) -> str | None:
    """Say that single precision cannot tell the labels apart, so much larger they are."""
    step = _SINGLE * float(np.abs(values).max())
    std = float(np.mean(np.abs(values - np.median(values))))
    if std >= _STEPS * step:
        return None
    return (
        f"the labels {target.name!r} differ by {std:.2g} on average, and numbers of their size "
        f"are rounded to {step:.2g} in single precision: subtract a reference from them, or set "
        "training.precision=64-true"
    )


def _about_kind(
    values: Float[np.ndarray, " labels"], atoms: Real[np.ndarray, " labels"], target: Target
) -> list[str]:
    if target.kind is Kind.ATOMIC:
        return []
    found = []
    by_unit = kind_of_unit(target.unit)
    if by_unit is not None and by_unit is not target.kind:
        what = "a total of the cell" if by_unit is Kind.EXTENSIVE else "a mean"
        found.append(
            f"{target.name!r} is declared {target.kind}, and its unit {target.unit} is that of "
            f"{what}: say --kind {by_unit}, or correct --unit"
        )
    evidence = kind_evidence(values, atoms)
    if evidence is not None and evidence.kind not in (None, target.kind):
        found.append(_about_numbers(evidence, target))
    return found


def _about_numbers(evidence: KindEvidence, target: Target) -> str:
    unit = f" {target.unit}" if target.unit else ""
    low, high = evidence.atoms
    numbers = (
        f"cells have {low} to {high} atoms; the labels deviate from their median by "
        f"{evidence.deviation:.3g}{unit}, divided by the number of atoms by "
        f"{evidence.deviation_per_atom:.3g}, a ratio of {evidence.ratio:.2g} at the mean size "
        f"(90 % interval {evidence.low:.2g} to {evidence.high:.2g}; below 1 for totals, above for "
        "means)"
    )
    if evidence.kind is Kind.EXTENSIVE:
        return (
            f"{target.name!r} is declared intensive, and its labels behave as totals of the cell: "
            f"{numbers}. Say --kind extensive, or divide the labels by the number of atoms"
        )
    return (
        f"{target.name!r} is declared extensive, and its labels behave as means that do not grow "
        f"with the cell: {numbers}. Say --kind intensive, if that is what they are"
    )
