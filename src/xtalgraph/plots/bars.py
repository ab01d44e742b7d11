"""Numbers of a few things beside each other: intervals, and a line where they are too large."""

import textwrap
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure

from xtalgraph.plots.style import ACCENT, BASELINE, INK, MARK, house_axes

_NAME: Final = 24
"""Letters of a name in a line: a longer name would leave no room for the bars."""


def bar_plot(
    names: Sequence[str],
    values: Float[np.ndarray, " bars"],
    *,
    label: str,
    of_model: Bool[np.ndarray, " bars"],
    ends: Float[np.ndarray, "2 bars"] | None = None,
    line: float | None = None,
    line_says: str = "",
) -> Figure:
    """One horizontal bar for each name, its number beside it.

    Args:
        names: From top to bottom.
        values: NaN is written as n/a.
        label: Of the axis, with the unit.
        of_model: Which bars are of the model; the others are of what it is compared with.
        ends: Lower and upper end of the interval of each, NaN where there is none.
        line: Where a line is drawn; None for no line.
        line_says: What it means.
    """
    reduced = [textwrap.fill(name, _NAME, break_long_words=False) for name in names]
    height = max([0.34, *(0.06 + 0.15 * len(name.splitlines()) for name in reduced)])
    with house_axes(4.6, 0.95 + height * max(len(names), 1) + (0.2 if line_says else 0.0)) as (
        figure,
        axes,
    ):
        rows = np.arange(len(names))
        drawn = np.nan_to_num(values)
        axes.barh(
            rows,
            drawn,
            height=0.62,
            color=[ACCENT if is_model else BASELINE for is_model in of_model],
        )
        tips = drawn if ends is None else np.where(np.isfinite(ends[1]), ends[1], drawn)
        reach = [float(drawn.min(initial=0.0)), float(tips.max(initial=0.0))]
        if line is not None:
            axes.axvline(line, color=MARK, linewidth=1.2, linestyle=(0, (4, 3)))
            reach = [min(reach[0], line), max(reach[1], line)]
            axes.set_title(line_says, fontsize=8.5, color=MARK, loc="right")
        span = max(reach[1] - reach[0], 1e-12)
        for row, low, high in () if ends is None else zip(rows, *ends, strict=True):
            axes.plot([low, high], [row, row], color=INK, linewidth=1.4, zorder=3)
            axes.plot([low, high], [row, row], "|", color=INK, markersize=6, zorder=3)
        for row, value, tip in zip(rows.tolist(), values.tolist(), tips.tolist(), strict=True):
            text = f"{value:.3g}".replace("-", "−") if np.isfinite(value) else "n/a"
            start = max(tip, 0.0)
            number = axes.text(start + 0.02 * span, row, text, va="center", fontsize=8.5, zorder=4)
            number.set_bbox({"facecolor": "white", "linewidth": 0, "pad": 0.8})
        axes.set_yticks(rows, reduced)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(reach[0] < 0)
        axes.set_xlim(reach[0] - (0.04 * span if reach[0] < 0 else 0.0), reach[1] + 0.18 * span)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(label)
        return figure
