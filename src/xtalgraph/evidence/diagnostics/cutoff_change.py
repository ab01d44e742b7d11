"""Graphs rebuilt with another cutoff: how much hangs on the choice of r_c?"""

from dataclasses import replace
from typing import Final

import numpy as np

from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Examined,
    Picture,
    Verdict,
    not_applicable,
)
from xtalgraph.evidence.numbers import plain, with_unit
from xtalgraph.plots.curves import Curve, curves_plot

NAME: Final = "cutoff"
TITLE: Final = "Another cutoff"
CHANGES: Final = (-0.5, -0.25, 0.0, 0.25, 0.5)
"""By how much the cutoff is changed, Å."""
MOST: Final = 1.0
"""Change of the predictions over their error, at ± 0.25 Å."""


def cutoff_change(tested: Evaluator) -> Examined:
    """Rebuild the graphs of the test crystals with other cutoffs; the model stays as it is.

    Basis and envelope keep the r_c that they were made for. So under an envelope a larger cutoff
    changes nothing, and a smaller one takes away what counted little.

    Args:
        tested: What is examined.
    """
    spec = tested.predictor.spec
    cutoff = float(spec.strategy_settings["cutoff"])
    if cutoff <= 2 * abs(CHANGES[0]):
        why = f"The cutoff, {cutoff:g} Å, is too short to be changed by {-CHANGES[0]:g} Å."
        return not_applicable(NAME, TITLE, why)
    crystals = [tested.crystals[row] for row in tested.test]
    moved = []
    for change in CHANGES:
        settings = {**spec.strategy_settings, "cutoff": cutoff + change}
        other = replace(spec, strategy_settings=settings)
        predictor = tested.predictor.with_graphs(other)
        said = replace(tested, predictor=predictor).predict(crystals, tested.test)
        moved.append(float(np.nanmean(np.abs(said - tested.predictions))))
    relative = np.array(moved) / tested.mae
    number = float(max(relative[1], relative[3]))
    figure = curves_plot(
        [
            [
                Curve(np.array(CHANGES), relative, "change of predictions", "model", dots=True),
                Curve(np.array(CHANGES), np.ones(5), "error of the model", "truth"),
            ]
        ],
        xlabel=f"change of the cutoff of {cutoff:g} Å, Å",
        ylabel="over the test MAE",
    )
    verdict = Verdict.ALARM if number >= MOST else Verdict.OK
    largest = with_unit(plain(max(moved[1], moved[3]), 2), tested.unit)
    error = with_unit(plain(tested.mae, 2), tested.unit)
    means = (
        "What is predicted hangs on where the cutoff happens to lie more than on the crystal: "
        "an envelope, a longer cutoff or more depth would help."
        if verdict is Verdict.ALARM
        else "The predictions do not hang on where exactly the cutoff lies."
    )
    if spec.strategy == "hybrid":
        means += (
            f" The graph keeps the {spec.strategy_settings['max_neighbors']} nearest neighbours, "
            "most of them far inside the cutoff."
        )
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=verdict,
        says=f"A quarter of an ångström of cutoff moves the predictions by {largest} in the "
        f"mean; their error is {error}. {means}",
        measure="mean change of a prediction at ± 0.25 Å over the test MAE",
        number=number,
        threshold=MOST,
        reason="At 1 a choice of a quarter of an ångström, less than the width of a "
        "shell of neighbours, does as much as all that is wrong with the model.",
        details={"change of cutoff, Å": CHANGES, "mean change": moved, "mae": tested.mae},
        pictures=(
            Picture(NAME, "Mean change of the predictions with the cutoff of their graphs."),
        ),
    )
    return Examined(result, {NAME: figure})
