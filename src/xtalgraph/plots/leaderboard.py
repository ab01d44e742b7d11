"""The entries of a comparison below each other, with an error and a rank of each."""

from typing import Final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xtalgraph.plots.style import (
    ACCENT,
    BASELINE,
    INK,
    MUTED,
    RULE,
    house_figure,
    make_logarithmic,
    quantity,
    say_nothing_to_show,
)

_WIDE: Final = 8.0
"""An axis of errors is logarithmic from this ratio of the largest to the smallest on."""


def leaderboard_plot(
    names: list[str],
    levels: list[str],
    error: Float[np.ndarray, "3 entries"],
    rank: Float[np.ndarray, "3 entries"],
    *,
    model: str,
    measures: tuple[str, str] = ("MAE", "Spearman"),
    unit: str = "",
) -> Figure:
    """One line per entry with the intervals of its error, to the left better, and of its rank.

    Args:
        names: Names of the entries, drawn from top to bottom.
        levels: The level of each; a thin line separates one from the next.
        error: Value, lower and upper end of the error of each, in the unit; NaN: not defined.
        rank: The same of the rank, to the right better.
        model: Which of the names is the assessed model.
        measures: What the two are called.
        unit: Unit of the error as declared; nothing is shown for an empty one.
    """
    with house_figure(4.8, 1.0 + 0.24 * max(len(names), 2)) as figure:
        if not names or not np.isfinite(error[0]).any():
            say_nothing_to_show(figure.add_subplot(), "nothing to compare")
            return figure
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, numbers, measure, of in (
            (left, error, measures[0], unit),
            (right, rank, measures[1], ""),
        ):
            _points(axes, names, numbers, model)
            for row in range(1, len(levels)):
                if levels[row] != levels[row - 1]:
                    axes.axhline(row - 0.5, color=RULE, linewidth=0.8, zorder=0)
            axes.set_xlabel(quantity(f"test {measure}", of))
        known = error[0][error[0] > 0]
        if len(known) > 1 and known.max() > _WIDE * known.min():
            make_logarithmic(left, float(known.min()), float(known.max()), "x")
        left.set_yticks(np.arange(len(names)), names)
        left.set_ylim(len(names) - 0.5, -0.5)
        for name, label in zip(names, left.get_yticklabels(), strict=True):
            if name == model:
                label.set_color(ACCENT)
                label.set_fontweight("bold")
        return figure


def _points(
    axes: Axes, names: list[str], numbers: Float[np.ndarray, "3 entries"], model: str
) -> None:
    for row, (name, (value, low, high)) in enumerate(zip(names, numbers.T, strict=True)):
        color = ACCENT if name == model else INK
        if not np.isfinite(value):
            transform = axes.get_yaxis_transform()
            axes.text(0.02, row, "n/a", transform=transform, va="center", color=MUTED, fontsize=8)
            continue
        if name == model:
            axes.axvline(value, color=BASELINE, linewidth=0.8, linestyle=":", zorder=1)
        if np.isfinite(low) and np.isfinite(high):
            axes.plot([low, high], [row, row], color=color, linewidth=1.4, zorder=2)
        axes.plot([value], [row], "o", color=color, markersize=4.5, zorder=3)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
