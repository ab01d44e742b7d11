"""Spread and intervals of a run: calibrated, measured on the test, put in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.divided import Divided
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.metrics.calibration import miscalibration_area, rank_of_errors, sparsification
from xtalgraph.metrics.conformal import expected_coverage, fewest_rows
from xtalgraph.metrics.coverage import coverage, sharpness
from xtalgraph.models.intervals import DEFAULT_LEVEL, Intervals
from xtalgraph.models.predictions import Predictions
from xtalgraph.workflows.announcements import about_copies
from xtalgraph.workflows.config import has_intervals

_FEW: Final = 10
"""With fewer test rows than this nothing is said of the spread."""


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
        if not has_intervals(target) or len(rows) < fewest_rows(DEFAULT_LEVEL):
            continue
        size = _sizes(divided.dataset.table.crystals, target)
        std = None if predictions.std is None else predictions.std.arrays[name]
        error = values.arrays[name] - labels.arrays[name]
        other = split.val if len(split.val) else split.train
        typical = 0.0 if std is None else float(np.median((std / size)[other]))
        own_std = None if std is None else std[rows]
        found[name] = Intervals.calibrate(error[rows], size[rows], own_std, typical)
        # Where a label is missing there is a prediction, and so an interval.
        half = found[name].half_width(size, std)
        lower[name], upper[name] = values.arrays[name] - half, values.arrays[name] + half
    ends = (Values(values.targets, end, values.num_atoms) for end in (lower, upper))
    return Predictions(values, predictions.std, *ends), found


def assess_uncertainty(
    divided: Divided,
    predictions: Predictions,
    members: int,
    copies: Sequence[tuple[int, int]],
    calibrated: Sequence[str],
    *,
    learned: bool,
) -> dict[str, dict[str, Any]]:
    """Measure on the test part what stands beside the predictions.

    Args:
        divided: Crystals, labels and parts.
        predictions: Of every crystal.
        members: How many there are.
        copies: Pairs of them that predict the same.
        calibrated: Names of the targets that have intervals.
        learned: Whether each member has learned the variance of its error.

    Returns:
        For each target ``members``, ``copies``, ``std``, ``intervals`` and ``said``, sentences
        with whether each is an alarm, and ``learned`` where a variance was; nothing for a run that
        has neither a standard deviation nor intervals.
    """
    found: dict[str, dict[str, Any]] = {}
    for target in divided.dataset.targets:
        name, split = target.name, divided.of_target(target.name)
        document: dict[str, Any] = {"members": members, "copies": [list(pair) for pair in copies]}
        true = divided.dataset.labels.of(name, split.test)
        error = predictions.values.of(name, split.test) - true
        said = [(True, about_copies(copies))] if copies else []
        if predictions.std is not None and not target.is_class:
            document["std"] = _of_std(error, predictions.std.of(name, split.test))
            said += _about_std(document["std"], members, learned)
            document |= {"learned": True} if learned else {}
        if name in calibrated and predictions.lower is not None and predictions.upper is not None:
            ends = (predictions.lower.of(name, split.test), predictions.upper.of(name, split.test))
            document["intervals"] = _of_intervals(true, ends, len(split.calibration))
            said.append(_about_intervals(document["intervals"], target))
        if len(document) > 2 or copies:
            document["said"] = [{"alarm": alarm, "text": text} for alarm, text in said]
            found[name] = document
    return found


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


def _of_std(error: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"]) -> dict[str, Any]:
    curve = sparsification(error, std)
    typical = float(np.sqrt(np.square(std).mean()))
    ratio = float(np.sqrt(np.square(error).mean())) / typical if typical > 0 else None
    return {
        "rows": len(error),
        "rank_of_errors": _or_none(rank_of_errors(error, std)),
        "miscalibration_area": _or_none(miscalibration_area(error, std)),
        "error_over_std": ratio,
        "sparsification_area": _or_none(curve.area),
        "sparsification_chance": _or_none(curve.chance),
    }


def _of_intervals(
    true: Float[np.ndarray, " rows"],
    ends: tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]],
    calibrating: int,
) -> dict[str, Any]:
    held = coverage(true, *ends)
    expected = expected_coverage(DEFAULT_LEVEL, calibrating, len(true))
    return {
        "level": DEFAULT_LEVEL,
        "calibrating": calibrating,
        "coverage": asdict(held),
        "expected": asdict(expected),
        "sharpness": sharpness(*ends),
    }


def _about_std(found: Mapping[str, Any], members: int, learned: bool) -> list[tuple[bool, str]]:
    rank, area, chance = (
        found[key] for key in ("rank_of_errors", "sparsification_area", "sparsification_chance")
    )
    if rank is None or area is None or found["rows"] < _FEW:
        return []
    share = 1 - area / chance if chance else 0.0
    worth = (
        f"sorting by it does {100 * share:.0f} % of what sorting by the error itself would do"
        if share > 0
        else "sorting by it is no better than chance"
    )
    std = (
        f"the standard deviation of the {members} members"
        if members > 1
        else "the learned standard deviation"
    )
    text = f"{std} and the error have the rank correlation {rank:.2f}"
    said = [(False, f"{text}; {worth}")]
    ratio = found["error_over_std"]
    if ratio is not None:
        meant = (
            "1 would be calibrated"
            if learned
            else "so it ranks errors, and is not calibrated as their size"
        )
        text = f"the error is {ratio:.2g} times {std} (roots of mean squares), {meant}"
        said.append((False, text))
    return said


def _about_intervals(found: Mapping[str, Any], target: Target) -> tuple[bool, str]:
    held, expected = found["coverage"], found["expected"]
    unit = f" {target.unit}" if target.unit else ""
    text = (
        f"{100 * found['level']:.0f} % intervals hold {held['count']:,} of {held['rows']:,} test "
        f"crystals ({100 * held['value']:.1f} %, binomial interval {_range(held)}); their mean "
        f"width is {found['sharpness']:.3g}{unit}"
    )
    usual = f"where chance explains {_range(expected)}"
    if held["value"] < expected["low"]:
        return True, (
            f"{text}: too few, {usual}. The test is unlike the {found['calibrating']} crystals "
            "that calibrated them: on such crystals the intervals are too narrow"
        )
    if held["value"] > expected["high"]:
        return False, f"{text}: more than promised, {usual}; on such crystals they are too wide"
    return False, f"{text}: within what chance explains, {_range(expected)}"


def _range(found: Mapping[str, Any]) -> str:
    return f"{100 * found['low']:.1f} to {100 * found['high']:.1f} %"


def _sizes(crystals: Sequence[Crystal], target: Target) -> Float[np.ndarray, " crystals"]:
    """Return N of each crystal, see `Intervals`."""
    if target.kind is not Kind.EXTENSIVE:
        return np.ones(len(crystals))
    return np.array([crystal.num_atoms for crystal in crystals], dtype=np.float64)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
