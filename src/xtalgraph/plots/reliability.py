"""Probabilities beside the frequencies that they promise."""

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from xtalgraph.plots.style import (
    ACCENT,
    BASELINE,
    INK,
    MUTED,
    house_figure,
    say_nothing_to_show,
)


def reliability_plot(
    predicted: Float[np.ndarray, " bins"],
    seen: Float[np.ndarray, " bins"],
    low: Float[np.ndarray, " bins"],
    high: Float[np.ndarray, " bins"],
    count: Int[np.ndarray, " bins"],
    *,
    positive: str,
) -> Figure:
    """Observed frequency of class 1 over its predicted probability, and how often it was predicted.

    Args:
        predicted: Mean probability of each bin.
        seen: Share of class 1 in it.
        low: Lower end of the interval of the share.
        high: Upper end.
        count: Rows in the bin.
        positive: What class 1 is called.

    Returns:
        The figure; a perfectly calibrated classifier lies on the diagonal.
    """
    with house_figure(4.6, 4.4) as figure:
        if len(predicted) == 0:
            say_nothing_to_show(figure.add_subplot(), "no test predictions to show")
            return figure
        grid = figure.add_gridspec(2, 1, height_ratios=[3.4, 1.0])
        upper = figure.add_subplot(grid[0])
        lower = figure.add_subplot(grid[1], sharex=upper)
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        upper.vlines(predicted, low, high, color=INK, linewidth=1.2, zorder=3)
        upper.plot(predicted, seen, "o-", color=ACCENT, markersize=5, linewidth=1.2, zorder=4)
        upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        upper.tick_params(labelbottom=False)
        upper.set_ylabel(f"share that is {positive}")
        lower.bar(predicted, count, width=0.06, color=BASELINE, zorder=2)
        lower.set_ylabel("number")
        lower.set_xlabel(f"predicted probability of {positive}")
        return figure
