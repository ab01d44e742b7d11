"""Intervals and standard deviations beside the errors."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from xtalgraph.plots.style import (
    ACCENT,
    BASELINE,
    INK,
    MARK,
    MUTED,
    house_axes,
    quantity,
    say_nothing_to_show,
)

_RASTER_FROM = 2_000
"""With more points than this they become pixels."""


def interval_plot(
    target: Float[np.ndarray, " points"],
    prediction: Float[np.ndarray, " points"],
    lower: Float[np.ndarray, " points"],
    upper: Float[np.ndarray, " points"],
    *,
    name: str,
    unit: str = "",
) -> Figure:
    """Truth less prediction with the interval of each, in the order of their widths.

    Args:
        target: What is true, in the unit.
        prediction: What the model says.
        lower: Lower end of each interval.
        upper: Upper end.
        name: Name of the target, for the axis.
        unit: Unit as declared; nothing is shown for an empty one.

    Returns:
        The figure; truths outside of their interval are marked.
    """
    with house_axes(4.6, 4.0) as (figure, axes):
        if len(target) == 0:
            say_nothing_to_show(axes, "no test predictions to show")
            return figure
        order = np.argsort(upper - lower, kind="stable")
        target, prediction, lower, upper = (
            column[order] for column in (target, prediction, lower, upper)
        )
        rank = np.arange(len(order))
        away = target - prediction
        axes.fill_between(
            rank, lower - prediction, upper - prediction, color=BASELINE, alpha=0.45, step="mid"
        )
        inside = (lower <= target) & (target <= upper)
        size = float(np.clip(2500.0 / len(order), 3.0, 14.0))
        raster = len(order) > _RASTER_FROM
        for chosen, color, label in ((inside, ACCENT, "inside"), (~inside, MARK, "outside")):
            axes.scatter(
                rank[chosen],
                away[chosen],
                s=size,
                color=color,
                linewidths=0.0,
                zorder=3,
                rasterized=raster,
                label=f"{label} ({int(chosen.sum()):,})",
            )
        axes.axhline(0.0, color=INK, linewidth=0.9)
        reach = 1.1 * max(float(np.quantile(np.abs(away), 0.995)), float((upper - lower).max()) / 2)
        axes.set_ylim(-reach, reach)
        axes.set_xlabel("test crystals, the narrowest interval first")
        axes.set_ylabel(quantity(f"{name}, target − predicted", unit))
        # Above the axes: points are everywhere below.
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, handletextpad=0.3)
        return figure


def error_std_plot(
    std: Float[np.ndarray, " bins"], error: Float[np.ndarray, " bins"], *, unit: str = ""
) -> Figure:
    """Errors over standard deviations, both as roots of mean squares in bins of as many crystals.

    Args:
        std: Of each bin, ascending.
        error: Of each bin.
        unit: Unit as declared; nothing is shown for an empty one.

    Returns:
        The figure; on the diagonal the predicted standard deviation is that of the error.
    """
    with house_axes(4.6, 4.0) as (figure, axes):
        if len(std) == 0:
            say_nothing_to_show(axes, "no test predictions to show")
            return figure
        reach = 1.08 * float(max(error.max(), std.max())) or 1.0
        axes.plot([0, reach], [0, reach], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.plot(std, error, "o-", color=ACCENT, markersize=5, linewidth=1.2)
        axes.set(xlim=(0, 1.08 * float(std.max()) or 1.0), ylim=(0, reach))
        axes.set_xlabel(quantity("standard deviation", unit))
        axes.set_ylabel(quantity("error", unit))
        return figure


def calibration_plot(
    promised: Float[np.ndarray, " steps"], seen: Float[np.ndarray, " steps"], area: float
) -> Figure:
    """Share of targets inside central intervals of the prediction, over the expected share.

    Args:
        promised: What an interval promises, ascending from 0 to 1.
        seen: The share that it holds.
        area: Between the curve and the diagonal.

    Returns:
        The figure; below the diagonal the standard deviation is too small.
    """
    with house_axes(4.6, 4.0) as (figure, axes):
        if len(promised) == 0:
            say_nothing_to_show(axes, "no test predictions to show")
            return figure
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        along, up = np.repeat(promised, 2)[1:], np.repeat(seen, 2)[:-1]  # the corners of the steps
        axes.plot(along, up, color=ACCENT, linewidth=1.4)
        axes.fill_between(along, up, along, color=ACCENT, alpha=0.12)
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axes.set_xlabel("expected share")
        axes.set_ylabel("share inside")
        axes.set_title(f"area {area:.3f}", fontsize=8.5, color=MUTED, loc="right")
        return figure
