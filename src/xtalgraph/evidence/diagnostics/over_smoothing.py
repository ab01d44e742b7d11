"""How alike neighbouring atoms become, layer by layer."""

from typing import Final

import numpy as np

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.refusals import build_supported
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Examined,
    Picture,
    Verdict,
    not_applicable,
)
from xtalgraph.evidence.numbers import plain
from xtalgraph.models.layers import smoothing_by_layer
from xtalgraph.plots.curves import Curve, curves_plot

NAME: Final = "smoothing"
TITLE: Final = "Over-smoothing, layer by layer"
LEFT: Final = 0.01
"""Share of the largest distance of neighbours that must be left after the last layer."""
_ROUNDING: Final = 1e-6
"""Distance of equal vectors in float32, at most."""
_CRYSTALS: Final = 64
"""How many crystals are measured."""


def over_smoothing(tested: Evaluator) -> Examined:
    """Measure how far apart neighbouring atoms are before the first layer and after each.

    Every member is measured, and the one that smooths most is shown.

    Args:
        tested: What is examined.
    """
    rows = tested.test[:_CRYSTALS]  # they have predictions, so that none is refused
    crystals = [tested.crystals[row] for row in rows]
    graph, _ = build_supported(crystals, tested.predictor.spec.make_graph_settings())
    if graph is None:
        return not_applicable(NAME, TITLE, "No test crystal has a graph.")
    try:
        each = [
            smoothing_by_layer(member.encoder, tested.as_read(graph, rows))
            for member in tested.predictor.members
        ]
    except ConfigError as error:
        return not_applicable(NAME, TITLE, f"{error}.")
    every = [np.array([row["mean average distance"] for row in layers]) for layers in each]
    unlike = [place for place, one in enumerate(every) if np.nanmax(one) > _ROUNDING]
    if not unlike:
        why = (
            "Neighbouring atoms are alike in every layer, from the first: these crystals have one "
            "kind of atom each, and nothing can be smoothed away."
        )
        return not_applicable(NAME, TITLE, why)
    place = min(unlike, key=lambda n: float(every[n][-1] / every[n].max()))
    distances, measured = every[place], each[place]
    left = float(distances[-1] / distances.max())
    layers = np.arange(len(distances), dtype=float)
    ranks = np.array([row["effective rank"] for row in measured])
    figure = curves_plot(
        [
            [Curve(layers, distances, "", "model", dots=True)],
            [Curve(layers, ranks, "", "other", dots=True)],
        ],
        xlabel="layers",
        ylabel="",
        titles=["distance of neighbours, 1 − cos", "effective rank"],
    )
    verdict = Verdict.ALARM if left < LEFT else Verdict.OK
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=verdict,
        says=f"Neighbouring atoms are {plain(float(distances[0]), 2)} apart at first and "
        f"{plain(float(distances[-1]), 2)} after {len(distances) - 1} layers, as 1 − cos of their "
        "vectors. "
        + (
            "All atoms have become one: fewer layers, or residual, dense or jumping-knowledge "
            "connections (model.connections), keep them apart."
            if verdict is Verdict.ALARM
            else "The layers do not wash the atoms out."
        )
        + tested.member_shown(place, "that smooths most"),
        measure="distance of neighbours after the last layer over the largest",
        number=left,
        threshold=LEFT,
        side="below",
        reason="Below 0.01 neighbours point the same way to one per cent, and the readout "
        "sees one kind of atom in every crystal.",
        details={"layers": measured, "member": place + 1},
        pictures=(
            Picture(
                NAME, "How far apart neighbouring atoms are, and how many directions are used."
            ),
        ),
    )
    return Examined(result, {NAME: figure})
