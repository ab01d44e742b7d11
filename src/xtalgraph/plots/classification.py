"""Probabilities of two classes: ROC curve, reliability and confusion matrix."""

import numpy as np
from jaxtyping import Float, Int
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from xtalgraph.plots.style import (
    ACCENT,
    BASELINE,
    INK,
    MUTED,
    house_axes,
    house_figure,
    say_nothing_to_show,
)


def roc_plot(
    wrong: Float[np.ndarray, " points"], right: Float[np.ndarray, " points"], *, positive: str
) -> Figure:
    """The receiver operating characteristic, with the diagonal of blind choice.

    Args:
        wrong: Share of class 0 that reaches each threshold; none where it is not defined.
        right: Share of class 1 that reaches it.
        positive: What class 1 is called.
    """
    with house_axes(4.6, 4.4) as (figure, axes):
        if len(wrong) == 0:
            say_nothing_to_show(axes, "the test set holds one class only")
            return figure
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.plot(wrong, right, color=ACCENT, linewidth=1.8, zorder=3)
        axes.fill_between(wrong, right, color=ACCENT, alpha=0.08, linewidth=0.0)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.set_xlabel(f"share of the others taken for {positive}")
        axes.set_ylabel(f"share of {positive} found")
        return figure


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


SHARE_MAP = LinearSegmentedColormap.from_list("share", ["#ffffff", "#8fbfe6"])


def confusion_plot(counts: Int[np.ndarray, "true predicted"], names: list[str]) -> Figure:
    """The confusion matrix: a row for each true class, a column for each predicted one.

    Args:
        counts: How many rows of each true class were taken for each class.
        names: What the classes are called.

    Returns:
        The figure; the shade is the share of the true class.
    """
    with house_axes(4.6, 4.0) as (figure, axes):
        total = counts.sum(axis=1, keepdims=True)
        share = counts / np.maximum(total, 1)
        axes.imshow(share, cmap=SHARE_MAP, vmin=0.0, vmax=1.0, aspect="auto")
        for (row, column), number in np.ndenumerate(counts):
            part = f"\n{share[row, column]:.0%}" if total[row, 0] else ""
            axes.text(
                column, row, f"{number:,}{part}", ha="center", va="center", fontsize=11, color=INK
            )
        places = list(range(len(names)))
        axes.set_xticks(places, names)
        axes.set_yticks(places, names, rotation=90, va="center")
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.set_xlabel("predicted, by a probability of 0.5")
        axes.set_ylabel("true")
        return figure
