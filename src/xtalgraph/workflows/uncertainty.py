"""Intervals of a run, calibrated on the calibration part."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.divided import Divided
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.metrics.conformal import fewest_rows
from xtalgraph.models.intervals import DEFAULT_LEVEL, Intervals
from xtalgraph.models.predictions import Predictions


def calibrate(
    divided: Divided, predictions: Predictions
) -> tuple[Predictions, dict[str, Intervals]]:
    """Make intervals from the calibration part, and put their ends beside every prediction.

    Args:
        divided: Crystals, labels and parts; without a calibration part nothing is made.
        predictions: Of every crystal.

    Returns:
        The predictions with ``lower`` and ``upper``, NaN for targets that have no intervals, and
        the intervals of each target that has some and enough labels in the calibration part.
    """
    if len(divided.split.calibration) == 0:
        return predictions, {}
    labels, values = divided.dataset.labels, predictions.values
    lower = {name: np.full(array.shape, np.nan) for name, array in values.arrays.items()}
    upper, found = dict(lower), {}
    for target in divided.dataset.targets:
        name, split = target.name, divided.of_target(target.name)
        rows = split.calibration
        if target.why_no_interval or len(rows) < fewest_rows(DEFAULT_LEVEL):
            continue
        size = _sizes(divided.dataset.table.crystals, target)
        std = None if predictions.std is None else predictions.std.arrays[name]
        error = values.arrays[name] - labels.arrays[name]
        other = split.val if len(split.val) else split.train
        typical = None
        if std is not None:
            typical = np.asarray(np.median((std.T / size).T[other], axis=0))
        own_std = None if std is None else std[rows]
        found[name] = Intervals.calibrate(error[rows], size[rows], own_std, typical)
        # Where a label is missing there is a prediction, and so an interval.
        half = found[name].half_width(size, std)
        lower[name], upper[name] = values.arrays[name] - half, values.arrays[name] + half
    ends = (Values(values.targets, end, values.num_atoms) for end in (lower, upper))
    return Predictions(values, predictions.std, *ends), found


def with_assessment(
    metrics: dict[str, Any], key: str, assessed: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Put what was found of each target into the content of ``metrics.json``.

    Args:
        metrics: By target.
        key: Where to.
        assessed: By the name of the target; nothing for those of which nothing was found.

    Returns:
        A new document.
    """
    each = {
        name: one | ({key: assessed[name]} if name in assessed else {})
        for name, one in metrics["targets"].items()
    }
    return metrics | {"targets": each}


def _sizes(crystals: Sequence[Crystal], target: Target) -> Float[np.ndarray, " crystals"]:
    """Return N of each crystal, see `Intervals`."""
    if target.kind is not Kind.EXTENSIVE:
        return np.ones(len(crystals))
    return np.array([crystal.num_atoms for crystal in crystals], dtype=np.float64)
