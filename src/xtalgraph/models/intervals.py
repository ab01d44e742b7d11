"""Intervals around a prediction, from errors on crystals that nothing was learned from."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.documents import DAMAGE, read_document
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.metrics.conformal import conformal_quantile
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

    d = s + b N with the spread s, of members or of a learned variance, and d = N without a spread;
    N is the number of atoms for an extensive target, so that the interval of a doubled cell is
    doubled, and 1 for any other. q is a quantile of |y − ŷ| / d over the crystals that calibrate,
    see `conformal_quantile`. That a share of the truths lies inside holds for any model and any d,
    as long as the crystals to predict are drawn like those that calibrate.

    Source: H. Papadopoulos, A. Gammerman, V. Vovk, Artif. Intell. Appl. (2008); A. Angelopoulos, S.
    Bates, Found. Trends Mach. Learn. 16, 494 (2023), doi 10.1561/2200000101.
    """

    scores: Float[np.ndarray, " calibrating"]
    """|y − ŷ| / d of the crystals that calibrate, ascending."""
    floor: float
    """b, in the unit of the target, for each atom if it is extensive; 1 without a spread."""
    by_std: bool
    """Whether there is a spread that is looked at."""

    @classmethod
    def calibrate(
        cls,
        error: Float[np.ndarray, " calibrating"],
        size: Float[np.ndarray, " calibrating"],
        std: Float[np.ndarray, " calibrating"] | None,
        typical: float,
    ) -> "Intervals":
        """Make intervals from the errors of crystals that calibrate.

        Args:
            error: Prediction less truth.
            size: N of each crystal.
            std: Of each, if there is one.
            typical: Median of spread / N over other crystals: b must not depend on those that
                calibrate. Where it is 0 the spread is not looked at.
        """
        by_std = std is not None and typical > 0
        empty = cls(np.zeros(0), FLOOR * typical if by_std else 1.0, by_std)
        scores = np.sort(np.abs(error) / empty.difficulty(size, std))
        return cls(scores, empty.floor, by_std)

    def difficulty(
        self, size: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"] | None
    ) -> Float[np.ndarray, " rows"]:
        """Return d of some crystals.

        Args:
            size: N of each.
            std: Of each, if there is one.
        """
        floor = self.floor * size
        return floor + std if self.by_std and std is not None else floor

    def half_width(
        self,
        size: Float[np.ndarray, " rows"],
        std: Float[np.ndarray, " rows"] | None,
        level: float = DEFAULT_LEVEL,
    ) -> Float[np.ndarray, " rows"]:
        """Return q d of some crystals, in the unit of the target.

        Args:
            size: N of each.
            std: Of each, if there is one.
            level: Share of the truths that is to lie inside; infinite intervals where the crystals
                that calibrated are too few for it.
        """
        return conformal_quantile(self.scores, level) * self.difficulty(size, std)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"floor": self.floor, "by_std": self.by_std, "scores": self.scores.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Intervals":
        """Make intervals from what `as_dict` returned.

        Args:
            values: Plain values.

        Raises:
            ValueError: If they are not such.
        """
        scores = np.array(values["scores"], dtype=np.float64)
        floor, by_std = float(values["floor"]), values["by_std"]
        if scores.ndim != 1 or not (np.isfinite(scores) & (scores >= 0)).all():
            raise ValueError("the scores are not a list of numbers of at least 0")
        if (np.diff(scores) < 0).any():
            raise ValueError("the scores do not ascend")
        if not (math.isfinite(floor) and floor >= 0):
            raise ValueError(f"the floor must be a number of at least 0, got {floor}")
        if not isinstance(by_std, bool):
            raise ValueError(f"by_std must be true or false, got {by_std!r}")
        return cls(scores, floor, by_std)


def save_intervals(run: Path, intervals: Mapping[str, Intervals]) -> None:
    """Write ``intervals.json`` into a run folder.

    Args:
        run: The run.
        intervals: By the name of the target.
    """
    document = {name: one.as_dict() for name, one in intervals.items()}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    write_atomically(run / INTERVALS_FILE, text + "\n")


def load_intervals(run: Path) -> dict[str, Intervals]:
    """Read the intervals of a run, none where it has none.

    Args:
        run: The run.

    Raises:
        RunError: If the file is damaged.
    """
    path = run / INTERVALS_FILE
    if not path.is_file():
        return {}
    document = read_document(path)
    try:
        return {name: Intervals.from_dict(one) for name, one in upgrade_intervals(document).items()}
    except DAMAGE as error:
        raise RunError(f"{path} is damaged: {error}") from error
