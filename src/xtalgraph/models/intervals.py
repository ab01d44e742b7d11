"""Intervals around a prediction, from errors on crystals that nothing was learned from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.conventions.documents import DAMAGE, read_document
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.dataset import Divided
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.metrics.conformal import conformal_quantile, fewest_rows
from xtalgraph.metrics.tensors import norms
from xtalgraph.models.predictions import Predictions
from xtalgraph.models.upgrades import upgrade_intervals

DEFAULT_LEVEL: Final = 0.9
"""Share of the truths that is to lie inside."""
INTERVALS_FILE: Final = "intervals.json"
"""What a run folder keeps of its intervals."""
FLOOR: Final = 1.0
"""Of the median spread: what is added to each, so that members which happen to agree do not promise
that there is no error. On phonons, with two members, 90 % intervals of the same coverage are in the
mean 332 1/cm wide with 0.1, 176 with 1, 159 with 3, and 220 without a spread; their median is 163,
115, 129 and 194."""


@final
@dataclass(frozen=True, eq=False)
class Intervals:
    """Split conformal intervals of one target, ŷ ± q d, where d is how difficult the crystal is.

    d = s + b N with the standard deviation s, of members or of a learned variance, and d = N
    without; N is the number of atoms for an extensive target, so that the interval of a doubled
    cell is doubled, and 1 for any other. q is a quantile of |y − ŷ| / d over the crystals that
    calibrate, see `conformal_quantile`. Of a tensor |y − ŷ| is the norm of the error, s that of the
    standard deviations, and the interval of a component is that in which the norm leaves it. That a
    share of the truths lies inside holds for any model and any d, as long as the crystals to
    predict are drawn like those that calibrate.

    Source: H. Papadopoulos, A. Gammerman, V. Vovk, Artif. Intell. Appl. (2008); A. Angelopoulos, S.
    Bates, Found. Trends Mach. Learn. 16, 494 (2023), doi 10.1561/2200000101.
    """

    scores: Float[np.ndarray, " calibrating"] | Float[np.ndarray, "calibrating *shape"]
    """|y − ŷ| / d of the crystals that calibrate, ascending; of a list the largest of its numbers,
    so that all of them are to lie inside. Older versions calibrated each number of a list for
    itself: a column for each, NaN where it has fewer."""
    floor: Float[np.ndarray, "*shape"]
    """b, in the unit of the target, for each atom if it is extensive; 1 without s."""
    by_std: bool | Bool[np.ndarray, "*shape"]
    """Whether there is a standard deviation that is looked at."""

    @classmethod
    def calibrate(
        cls,
        error: Float[np.ndarray, "calibrating *shape"],
        size: Float[np.ndarray, " calibrating"],
        std: Float[np.ndarray, "calibrating *shape"] | None,
        typical: Float[np.ndarray, "*shape"] | None,
    ) -> "Intervals":
        """Make intervals from the errors of crystals that calibrate.

        Args:
            error: Prediction less truth.
            size: N of each crystal.
            std: Of each, if there is one.
            typical: Median of s / N over other crystals: b must not depend on those that
                calibrate. Where it is 0 the standard deviation is not looked at.
        """
        floor, by_std = np.ones(error.shape[1:]), False
        if std is not None and typical is not None and (typical > 0).all():
            floor, by_std = np.asarray(FLOOR * typical), True
        empty = cls(np.zeros(0), floor, by_std)
        scores = np.abs(error) / empty.difficulty(size, std)
        largest = scores.max(axis=tuple(range(1, scores.ndim)))
        return cls(np.sort(largest), floor, by_std)

    def difficulty(
        self, size: Float[np.ndarray, " rows"], std: Float[np.ndarray, "rows *shape"] | None
    ) -> Float[np.ndarray, "rows *shape"]:
        """Return d of crystals with so many atoms, and a standard deviation if there is one."""
        floor: np.ndarray = np.multiply.outer(size, self.floor)
        return floor if std is None else floor + np.where(self.by_std, std, 0.0)

    def half_width(
        self,
        size: Float[np.ndarray, " rows"],
        std: Float[np.ndarray, "rows *shape"] | None,
        level: float = DEFAULT_LEVEL,
    ) -> Float[np.ndarray, "rows *shape"]:
        """Return q d of some crystals, in the unit of the target.

        Args:
            size: N of each.
            std: Of each, if there is one.
            level: Share of the truths that is to lie inside; infinite intervals where the crystals
                that calibrated are too few for it.
        """
        columns = np.atleast_2d(self.scores.T)
        quantiles = [conformal_quantile(column[~np.isnan(column)], level) for column in columns]
        return np.array(quantiles if self.scores.ndim > 1 else quantiles[0]) * self.difficulty(
            size, std
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "floor": self.floor.tolist(),
            "by_std": np.asarray(self.by_std).tolist(),
            "scores": self.scores.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Intervals":
        """Make intervals from what `as_dict` returned; a `ValueError` if the values are no such."""
        scores = np.array(values["scores"], dtype=np.float64)
        floor, by_std = np.array(values["floor"], dtype=np.float64), np.array(values["by_std"])
        gaps = np.isnan(scores) & (scores.ndim > 1)
        if scores.ndim < 1 or not (np.isfinite(scores) & (scores >= 0) | gaps).all():
            raise ValueError("the scores are not a list of numbers of at least 0")
        if (np.diff(scores) < 0).any():
            raise ValueError("the scores do not ascend")
        if not (np.isfinite(floor) & (floor >= 0)).all():
            raise ValueError(f"the floor must be a number of at least 0, got {floor}")
        if by_std.dtype != bool:
            raise ValueError(f"by_std must be true or false, got {values['by_std']!r}")
        return cls(scores, floor, by_std if by_std.shape else bool(by_std))


def calibrate(divided: Divided, predictions: Predictions) -> dict[str, Intervals]:
    """Make intervals from the calibration part.

    Args:
        divided: Crystals, labels and parts.
        predictions: Of every crystal.

    Returns:
        By the name of each target that can have some and has enough labels in the calibration part.
    """
    labels, values, std = divided.dataset.labels, predictions.values, predictions.std
    calibrated = {}
    for target in values.targets:
        name, split = target.name, divided.of_target(target.name)
        rows = split.calibration
        if target.why_no_interval or len(rows) < fewest_rows(DEFAULT_LEVEL):
            continue
        size = _sizes(target, divided.dataset.table.crystals)
        error = _sizes_of(values[name] - labels[name], target)
        given = typical = None
        if std is not None:
            other = split.val if len(split.val) else split.train
            of_rows = _sizes_of(std[name], target)
            typical = np.asarray(np.median((of_rows.T / size).T[other], axis=0))
            given = of_rows[rows]
        calibrated[name] = Intervals.calibrate(error[rows], size[rows], given, typical)
    return calibrated


def with_intervals(
    predictions: Predictions, intervals: Mapping[str, Intervals], crystals: Sequence[Crystal]
) -> Predictions:
    """Put the ends of intervals beside predictions; NaN for targets that have none."""
    if not intervals:
        return predictions
    values, std = predictions.values, predictions.std
    ends: dict[str, dict[str, np.ndarray]] = {"lower": {}, "upper": {}}
    for target in values.targets:
        name, value = target.name, values[target.name]
        half = np.full(value.shape, np.nan)
        if name in intervals:
            size = _sizes(target, crystals)
            of_rows = None if std is None else _sizes_of(std[name], target)
            width = intervals[name].half_width(size, of_rows)
            half = np.broadcast_to(width.T, value.T.shape).T
        ends["lower"][name], ends["upper"][name] = value - half, value + half
    lower, upper = (Values(values.targets, arrays, values.num_atoms) for arrays in ends.values())
    return replace(predictions, lower=lower, upper=upper)


def _sizes_of(
    numbers: Float[np.ndarray, "rows *shape"], target: Target
) -> Float[np.ndarray, "rows ..."]:
    """Return the norms of tensors, everything else as it is."""
    return norms(numbers) if target.is_tensor else numbers


def _sizes(target: Target, crystals: Sequence[Crystal]) -> Float[np.ndarray, " crystals"]:
    """Return N of each crystal, see `Intervals`."""
    if target.kind is not Kind.EXTENSIVE:
        return np.ones(len(crystals))
    return np.array([crystal.num_atoms for crystal in crystals], dtype=np.float64)


def save_intervals(run: Path, intervals: Mapping[str, Intervals]) -> None:
    """Write ``intervals.json`` into a run folder."""
    document = {name: interval.as_dict() for name, interval in intervals.items()}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    write_atomically(run / INTERVALS_FILE, text + "\n")


def load_intervals(run: Path, targets: Sequence[Target]) -> dict[str, Intervals]:
    """Read the intervals of a run, none where it has none; a `RunError` if they are damaged."""
    path = run / INTERVALS_FILE
    if not path.is_file():
        return {}
    document = read_document(path)
    shapes = {target.name: () if target.is_tensor else target.tensor.shape for target in targets}
    try:
        upgraded = upgrade_intervals(
            document, {target.name: target.tensor.copies for target in targets}
        )
        intervals = {name: Intervals.from_dict(written) for name, written in upgraded.items()}
    except DAMAGE as error:
        raise RunError(f"{path} is damaged: {error}") from error
    for name, interval in intervals.items():
        shape = shapes.get(name)
        if shape is None:
            raise RunError(
                f"{path} has intervals of {name!r}, which the model does not predict: it is of "
                "another run, or damaged"
            )
        if interval.floor.shape != shape or interval.scores.shape[1:] not in ((), shape):
            raise RunError(
                f"{path} is damaged: the intervals of {name!r} are of shape "
                f"{interval.floor.shape}, the target of {shape}"
            )
    return intervals
