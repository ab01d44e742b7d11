"""The error of the model beside those of the baselines."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from xtalgraph.plots.style import (
    ACCENT,
    BASELINE,
    INK,
    house_axes,
    quantity,
    say_nothing_to_show,
)


def comparison_plot(
    names: list[str],
    value: Float[np.ndarray, " models"],
    low: Float[np.ndarray, " models"],
    high: Float[np.ndarray, " models"],
    *,
    model: str,
    measure: str = "test MAE",
    unit: str = "",
) -> Figure:
    """One horizontal bar per model with the interval of its error; shorter is better.

    Args:
        names: Names of the models, drawn from top to bottom.
        value: Error of each, in the unit; NaN where it is not defined.
        low: Lower end of each interval; NaN where there is none.
        high: Upper end of each interval; NaN where there is none.
        model: Which of the names is the model; the others are drawn as baselines.
        measure: What the bars show.
        unit: Unit as declared; nothing is shown for an empty one.
    """
    with house_axes(4.6, 0.9 + 0.42 * max(len(names), 1)) as (figure, axes):
        if not np.isfinite(value).any():
            say_nothing_to_show(axes, "no errors to compare")
            return figure
        rows = np.arange(len(names))
        colors = [ACCENT if name == model else BASELINE for name in names]
        axes.barh(rows, np.nan_to_num(value), height=0.62, color=colors, zorder=2)
        tips = np.where(np.isfinite(high), high, value)
        end = float(np.nanmax(tips))
        for row, (v, lo, hi, tip) in enumerate(zip(value, low, high, tips, strict=True)):
            if np.isfinite(lo) and np.isfinite(hi):
                axes.plot([lo, hi], [row, row], color=INK, linewidth=1.4, zorder=3)
                axes.plot([lo, hi], [row, row], "|", color=INK, markersize=6, zorder=3)
            text = f"{v:.3g}" if np.isfinite(v) else "n/a"
            start = tip if np.isfinite(tip) else 0.0
            axes.text(start + 0.02 * end, row, text, va="center", fontsize=8.5)
        axes.set_yticks(rows, names)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0.0, 1.16 * end)
        axes.set_xlabel(quantity(measure, unit))
        return figure
