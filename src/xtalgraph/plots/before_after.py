"""Predictions of the same crystals before and after something was done to them."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from xtalgraph.plots.style import ACCENT, INK, MARK, house_figure, quantity

MARGIN = 0.25
"""How far the axes reach beyond the targets, as a share of their range."""


def before_after_plot(
    target: Float[np.ndarray, " points"],
    before: Float[np.ndarray, " points"],
    after: Float[np.ndarray, " points"],
    *,
    titles: tuple[str, str],
    name: str,
    unit: str = "",
) -> Figure:
    """Two panels of predictions over targets on the same axes.

    The axes reach a quarter of the targets' range beyond them; what is predicted beyond is a
    triangle at the rim.

    Args:
        target: What is true, in the unit.
        before: What the model says of the crystals as they are.
        after: What it says of the changed ones.
        titles: Above the two panels.
        name: Name of the target.
        unit: Unit as declared; nothing is shown for an empty one.
    """
    with house_figure(4.6, 2.9) as figure:
        low, high = (float(target.min()), float(target.max())) if len(target) else (0.0, 1.0)
        margin = MARGIN * (high - low) or 1.0
        low, high = low - margin, high + margin
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for panel, predicted, title in zip(panels, (before, after), titles, strict=True):
            inside = (predicted >= low) & (predicted <= high)
            size = float(np.clip(2500.0 / max(len(target), 1), 4.0, 16.0))
            panel.scatter(
                target[inside], predicted[inside], s=size, color=ACCENT, alpha=0.75, linewidths=0
            )
            for beyond, rim, marker in ((predicted > high, high, "^"), (predicted < low, low, "v")):
                count = int(beyond.sum())
                panel.scatter(target[beyond], np.full(count, rim), s=16, marker=marker, color=MARK)
            panel.plot([low, high], [low, high], color=INK, linewidth=0.9)
            panel.set(xlim=(low, high), ylim=(low, high))
            panel.set_title(title, fontsize=9)
            panel.locator_params(nbins=4)
            panel.set_aspect("equal")
        figure.supxlabel(quantity(f"{name}, target", unit), fontsize=9)
        panels[0].set_ylabel("predicted")
        return figure
