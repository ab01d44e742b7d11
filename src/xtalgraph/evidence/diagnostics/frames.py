"""The test frames of a potential: errors of energy and of the force on each atom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.data.values import Values

if TYPE_CHECKING:
    from xtalgraph.evidence.diagnostics.evaluator import Evaluator


@dataclass(frozen=True, eq=False)
class FrameLabels:
    """What is known of the frames of a potential beside their energies."""

    forces: str
    """The name of the forces among the targets."""
    labels: Values
    """Of all crystals, in their order."""
    groups: Sequence[str] | None = None
    """The configuration group of each crystal; None where there is no such column."""


@dataclass(frozen=True, eq=False)
class FrameErrors:
    """Errors on the test frames that have forces, their atoms one after the other."""

    rows: Int[np.ndarray, " frames"]
    """Which crystals of the table."""
    frame: Int[np.ndarray, " atoms"]
    """The place in ``rows`` of each atom."""
    energy_error: Float[np.ndarray, " frames"]
    """Prediction less label, eV/atom."""
    number: Int[np.ndarray, " atoms"]
    force: Float[np.ndarray, "atoms 3"]
    """Labels, eV/Å."""
    error: Float[np.ndarray, "atoms 3"]
    """Predictions less labels, eV/Å."""
    std: Float[np.ndarray, "atoms 3"] | None
    """Standard deviation of the members, eV/Å; None of one member."""

    @property
    def mae(self) -> float:
        """Mean absolute error of a component of a force, eV/Å."""
        return float(np.abs(self.error).mean())

    def atoms_of(self, frame: int) -> Int[np.ndarray, " own"]:
        """Return the places of the atoms of a frame."""
        return np.flatnonzero(self.frame == frame)


def frame_errors(tested: "Evaluator", known: FrameLabels) -> FrameErrors:
    """Predict the test crystals, and compare the forces with their labels."""
    has_forces = known.labels.known(known.forces)
    rows = tested.test[has_forces[tested.test]]
    crystals = [tested.crystals[row] for row in rows]
    conditions = None if tested.conditions is None else tested.conditions.select(rows)
    predicted = tested.predictor.predict_crystals(crystals, conditions)
    rows, crystals = rows[predicted.places], [crystals[index] for index in predicted.places]
    sizes = tested.sizes[rows]
    energies = predicted.predictions.values[tested.target.name] / sizes
    force = known.labels.of(known.forces, rows)
    std = predicted.predictions.std
    return FrameErrors(
        rows=rows,
        frame=np.repeat(np.arange(len(rows)), sizes),
        energy_error=energies - tested.values[rows],
        number=np.concatenate(
            [np.zeros(0, np.int64), *(crystal.site_numbers for crystal in crystals)]
        ),
        force=force,
        error=predicted.predictions.values[known.forces] - force,
        std=None if std is None else std[known.forces],
    )
