"""How good standard deviations, intervals and novelty are on the test part, in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.data.divided import Divided
from xtalgraph.metrics.calibration import miscalibration_area, rank_of_errors, sparsification
from xtalgraph.metrics.conformal import expected_coverage
from xtalgraph.metrics.coverage import coverage, sharpness
from xtalgraph.metrics.failures import failure_auroc, failures
from xtalgraph.models.intervals import DEFAULT_LEVEL
from xtalgraph.models.novelty import Novelty
from xtalgraph.models.predictions import Predictions

WORST: Final = 0.1
"""Share of the test crystals that count as failures: those with the largest errors."""


@dataclass(frozen=True)
class StdQuality:
    """How the predicted standard deviation compares with the error; None where not defined."""

    rows: int
    """Test rows."""
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


def assess_std(error: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"]) -> StdQuality:
    """Compare standard deviations with errors.

    Args:
        error: Predictions less targets of the test part.
        std: Predicted standard deviations.
    """
    curve = sparsification(error, std)
    typical = float(np.sqrt(np.square(std).mean()))
    ratio = float(np.sqrt(np.square(error).mean())) / typical if typical > 0 else None
    return StdQuality(
        rows=len(error),
        rank_of_errors=_defined(rank_of_errors(error, std)),
        miscalibration_area=_defined(miscalibration_area(error, std)),
        error_over_std=ratio,
        sparsification_area=_defined(curve.area),
        sparsification_chance=_defined(curve.chance),
    )


def assess_intervals(
    true: Float[np.ndarray, "rows *shape"],
    lower: Float[np.ndarray, "rows *shape"],
    upper: Float[np.ndarray, "rows *shape"],
    calibrating: int,
) -> dict[str, Any]:
    """Count how many targets lie within their intervals.

    Args:
        true: Targets of the test part.
        lower: Lower ends.
        upper: Upper ends.
        calibrating: Crystals that the intervals were made from.

    Returns:
        ``level``, ``calibrating``, ``coverage`` as `Coverage`, ``expected`` as `expected_coverage`
        and ``sharpness``, the mean width.
    """
    return {
        "level": DEFAULT_LEVEL,
        "calibrating": calibrating,
        "coverage": asdict(coverage(true, lower, upper)),
        "expected": asdict(expected_coverage(DEFAULT_LEVEL, calibrating, len(true))),
        "sharpness": sharpness(lower, upper),
    }


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
        ``intervals`` of `assess_intervals`; nothing for a run that has neither of the last two.
    """
    found: dict[str, dict[str, Any]] = {}
    for target in divided.dataset.targets:
        name, split = target.name, divided.of_target(target.name)
        document: dict[str, Any] = {"members": members, "copies": [list(pair) for pair in copies]}
        true = divided.dataset.labels.of(name, split.test)
        if predictions.std is not None and not target.is_class:
            error = predictions.values.of(name, split.test) - true
            std = predictions.std.of(name, split.test)
            quality = assess_std(error.reshape(-1), std.reshape(-1))
            document |= {"std": asdict(quality), "learned": learned}
        if name in calibrated and predictions.lower is not None and predictions.upper is not None:
            lower, upper = (
                one.of(name, split.test) for one in (predictions.lower, predictions.upper)
            )
            document["intervals"] = assess_intervals(true, lower, upper, len(split.calibration))
        if len(document) > 2 or copies:
            found[name] = document
    return found


@dataclass(frozen=True)
class NoveltyQuality:
    """How new the test crystals are to the model, and whether that finds its failures."""

    rows: int
    """Test crystals."""
    flagged: int
    """Those that are unlike the training part."""
    unseen: int
    """Those with an element that no training crystal holds."""
    error_flagged: float | None
    """Mean absolute error of the flagged ones; None without any."""
    error_others: float | None
    """The same of the others."""
    worst: float
    """Share of the crystals that count as failures."""
    auroc: dict[str, float | None]
    """By ``embedding`` and ``composition``: probability that a failure is farther from the training
    part than another crystal; None where not defined."""


def assess_novelty(
    divided: Divided, predictions: Predictions, novelty: Mapping[int, Novelty]
) -> dict[str, NoveltyQuality]:
    """Compare how new test crystals are with the errors on them.

    Args:
        divided: Crystals, labels and parts.
        predictions: Of every crystal.
        novelty: Of each test crystal, by its place among all crystals.

    Returns:
        By the name of each target.
    """
    found = {}
    for target in divided.dataset.targets:
        labels = divided.dataset.labels
        test = divided.of_target(target.name).test.tolist()
        error = np.abs(predictions.values.arrays[target.name] - labels.arrays[target.name])
        each = np.array([error[labels.rows(target.name, [i])].mean() for i in test])
        found[target.name] = _novelty_quality(each, [novelty[i] for i in test])
    return found


def _novelty_quality(
    error: Float[np.ndarray, " rows"], novelty: Sequence[Novelty]
) -> NoveltyQuality:
    flagged = np.array([one.is_new for one in novelty])
    failed = failures(error, WORST)
    distances = {
        "embedding": [one.embedding_distance for one in novelty],
        "composition": [one.composition_distance for one in novelty],
    }
    return NoveltyQuality(
        rows=len(error),
        flagged=int(flagged.sum()),
        unseen=sum(bool(one.unseen) for one in novelty),
        error_flagged=_mean(error, flagged),
        error_others=_mean(error, ~flagged),
        worst=WORST,
        auroc={
            name: _defined(failure_auroc(failed, np.array(each, dtype=np.float64)))
            for name, each in distances.items()
        },
    )


def _mean(error: Float[np.ndarray, " rows"], chosen: Bool[np.ndarray, " rows"]) -> float | None:
    return float(error[chosen].mean()) if chosen.any() else None


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
