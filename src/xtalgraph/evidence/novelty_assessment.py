"""How new the test crystals of a run are to its model, and whether that finds its failures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.data.dataset import Divided
from xtalgraph.evidence.numbers import defined
from xtalgraph.metrics import calibration
from xtalgraph.metrics.tensors import norms
from xtalgraph.models.novelty import Novelty
from xtalgraph.models.predictions import Predictions

WORST: Final = 0.1
"""Share of the test crystals that count as failures: those with the largest errors."""


@dataclass(frozen=True)
class NoveltyQuality:
    """How new the test crystals are to the model, and whether that finds its failures."""

    rows: int
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
    assessments = {}
    for target in divided.dataset.targets:
        labels = divided.dataset.labels
        test = divided.of_target(target.name).test.tolist()
        error = np.abs(predictions.values.arrays[target.name] - labels.arrays[target.name])
        error = norms(error) if target.is_tensor else error
        of_crystal = np.array([error[labels.rows(target.name, [i])].mean() for i in test])
        assessments[target.name] = _novelty_quality(of_crystal, [novelty[i] for i in test])
    return assessments


def _novelty_quality(
    error: Float[np.ndarray, " rows"], novelty: Sequence[Novelty]
) -> NoveltyQuality:
    flagged = np.array([crystal.is_new for crystal in novelty])
    failed = calibration.failures(error, WORST)
    distances = {
        "embedding": [crystal.embedding_distance for crystal in novelty],
        "composition": [crystal.composition_distance for crystal in novelty],
    }
    return NoveltyQuality(
        rows=len(error),
        flagged=int(flagged.sum()),
        unseen=sum(bool(crystal.unseen) for crystal in novelty),
        error_flagged=float(error[flagged].mean()) if flagged.any() else None,
        error_others=float(error[~flagged].mean()) if not flagged.all() else None,
        worst=WORST,
        auroc={
            name: defined(calibration.failure_auroc(failed, np.array(column, dtype=np.float64)))
            for name, column in distances.items()
        },
    )
