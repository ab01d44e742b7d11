"""What to compute next: the errors to expect of a run, and what its choices would have saved."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import RunError
from xtalgraph.data.dataset import Divided
from xtalgraph.evidence.run_record import RunRecord
from xtalgraph.metrics.batches import Pool, error_covariance
from xtalgraph.models.novelty import NEIGHBORS, nearest_embeddings
from xtalgraph.models.predictions import Predictions
from xtalgraph.models.predictor import Predictor

MOST: Final = 300
"""Held-out crystals that are searched, at most, drawn with a fixed seed."""
_SAMPLE: Final = 500
"""Training crystals that tell how far neighbours lie."""
FEWEST: Final = 30
"""Below which nothing is simulated."""


@dataclass(frozen=True)
class ErrorScale:
    """How large errors are, by the standard deviation of the members where there is one.

    The expected error is c (s + b), where b is the median standard deviation on the validation part
    and c is what the errors there are larger by. Without a standard deviation it is the root mean
    square of the errors.
    """

    factor: float
    """c."""
    floor: float
    """b, in the unit of the target; 1 without a standard deviation."""

    @classmethod
    def of(cls, record: RunRecord) -> "ErrorScale":
        """Take the scale from the validation part of a run."""
        rows = record.split == "val"
        errors, std = (record.predictions - record.labels)[rows], record.beside.get("std")
        floor = 1.0 if std is None else float(np.median(std[rows]))
        difficulty = np.full(len(errors), floor) if std is None else std[rows] + floor
        squares = float(np.square(difficulty).mean())
        factor = float(np.sqrt(np.square(errors).mean() / squares)) if squares > 0 else 1.0
        return cls(factor, floor)

    def expected(
        self, count: int, std: Float[np.ndarray, " rows"] | None
    ) -> Float[np.ndarray, " rows"]:
        """Return the size of the error to expect of each of some crystals."""
        return self.factor * (self.floor + (np.zeros(count) if std is None else std))


def covariance_of(
    predictor: Predictor,
    scale: ErrorScale,
    predictions: Predictions,
    embedding: Float[np.ndarray, "rows width"],
) -> Float[np.ndarray, "rows rows"]:
    """Return the covariance of the errors of a predictor.

    Two crystals are alike as far as a training crystal typically lies from its neighbours in the
    space of embeddings: the median of the mean distance to the nearest five.

    Args:
        predictor: Of the run, with its training part.
        scale: Of its errors.
        predictions: Of each crystal.
        embedding: Of each crystal.

    Raises:
        RunError: If the run knows nothing of its training part.
    """
    name, known = predictions.values.targets[0].name, predictor.training_set
    if known is None:
        raise RunError(
            "the run has no training_set.safetensors, so it is not known which crystals are alike "
            "to its model: train it again"
        )
    std = None if predictions.std is None else predictions.std[name]
    rows = np.random.default_rng(0).permutation(len(known.embedding))[:_SAMPLE]
    near = nearest_embeddings(known.embedding[rows], known.embedding, NEIGHBORS, itself=rows)
    typical = float(np.median(near.distance.mean(axis=1))) if near.distance.size else 0.0
    width = known.embedding.shape[1]
    scaled = embedding[:, :width] / (typical if typical > 0 else 1.0)
    return error_covariance(scale.expected(len(embedding), std), scaled)


def held_out_pool(predictor: Predictor, scale: ErrorScale, divided: Divided) -> Pool | None:
    """Return crystals whose labels the run has not learned, and what it predicts of them.

    They are those of the test part and those that calibrated intervals.

    Args:
        predictor: Of the run.
        scale: Of its errors.
        divided: The data of the run.

    Returns:
        None where they are too few.
    """
    name = divided.dataset.targets[0].name
    parts = divided.split.parts()
    rows: Int[np.ndarray, " rows"] = np.concatenate(
        [part for key, part in parts.items() if key in ("test", "calibration")]
    )
    rows = rows[divided.dataset.labels.known(name)[rows]]
    rows = np.random.default_rng(0).permutation(rows)[:MOST]
    crystals = [divided.dataset.table.crystals[row] for row in rows.tolist()]
    predicted = predictor.predict_crystals(crystals, divided.dataset.conditions_of(rows))
    rows = rows[predicted.places]
    if len(rows) < FEWEST:
        return None
    covariance = covariance_of(predictor, scale, predicted.predictions, predicted.embedding)
    return Pool(
        divided.dataset.labels.of(name, rows), predicted.predictions.values[name], covariance
    )
