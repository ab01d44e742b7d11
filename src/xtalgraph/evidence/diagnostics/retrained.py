"""Models trained again without elements, and without geometry: what does each add?"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Examined, Picture, Verdict
from xtalgraph.evidence.numbers import plain
from xtalgraph.metrics.regression import mae, r2
from xtalgraph.plots.bars import bar_plot

NAME: Final = "retrained"
TITLE: Final = "Trained again without elements, and without geometry"
SHARE: Final = 0.95
"""Share of the model's R² that one half of the crystal may reach."""


@dataclass(frozen=True, eq=False)
class Halves:
    """What models that see one half of each crystal say of the test crystals, as the values."""

    geometry: Float[np.ndarray, " test"]
    """The same architecture, every atom of one element."""
    composition: Float[np.ndarray, " test"]
    """The composition baseline."""
    element: str
    """Which element every atom was."""
    epochs: int
    """How long the first was trained."""
    epochs_of_model: int
    """How long the model was."""


def retrained(tested: Evaluator, halves: Halves) -> Examined:
    """Compare the model with models that see one half of each crystal.

    Args:
        tested: What is examined.
        halves: What these say.
    """
    truth = tested.values[tested.test]
    said = {
        "the model": tested.predictions,
        f"geometry only ({halves.element})": halves.geometry,
        "composition only": halves.composition,
    }
    scores = {name: r2(truth, one) for name, one in said.items()}
    own, geometry, composition = scores.values()
    threshold = SHARE * own
    best = max(geometry, composition)
    figure = bar_plot(
        list(scores),
        np.array(list(scores.values())),
        label="R² on the test",
        own=np.array([True, False, False]),
        line=threshold,
        line_says="alarm",
    )
    alarm = best >= threshold
    members = len(tested.predictor.members)
    lengths = f"{halves.epochs} epochs, the model {halves.epochs_of_model}"
    if members > 1:
        lengths = f"one model, {halves.epochs} epochs; the run has {members} members of "
        lengths += f"{halves.epochs_of_model}"
    numbers = (
        f"R² is {plain(own)} for the model, {plain(geometry)} for the same architecture trained "
        f"with every atom a {halves.element} ({lengths}), and "
        f"{plain(composition)} for composition alone (boosted trees)"
    )
    if not alarm:
        meaning = "Both halves of the crystal are needed."
    elif composition >= geometry:
        meaning = "Composition alone does as well: the graph adds next to nothing on this set."
    else:
        meaning = (
            "Geometry alone does as well: it tells the elements, by the lengths of bonds, or the "
            "label does not need them."
        )
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=Verdict.ALARM if alarm else Verdict.OK,
        says=f"{numbers}. {meaning}",
        measure="larger R² of the two halves",
        number=best,
        threshold=threshold,
        reason="95 % of the model's R²: the other half then adds less than R² can tell "
        "on some hundred crystals.",
        details={f"r2, {name}": one for name, one in scores.items()}
        | {f"mae, {name}": mae(truth, one) for name, one in said.items()},
        pictures=(
            Picture(NAME, "R² of the model, and of models that see one half of each crystal."),
        ),
    )
    return Examined(result, {NAME: figure})
