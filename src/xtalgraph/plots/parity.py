"""Predictions against targets, one colour per split; or before and after a change."""

from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from xtalgraph.plots.style import (
    ACCENT,
    INK,
    MARK,
    MUTED,
    SPLIT_COLORS,
    house_axes,
    house_figure,
    quantity,
    say_nothing_to_show,
)

RASTER_FROM = 2_000
"""With more points than this in a figure, points become pixels; axes and text stay outlines."""
DENSITY_FROM = 500
"""With more test points than this, their shade says how many lie close by."""

_BINS = 80
"""Cells of the grid along each axis."""
DENSITY_MAP = LinearSegmentedColormap.from_list("xtalgraph", ["#8fbfe6", "#0b5fa5", "#06233f"])


def local_density(
    x: Float[np.ndarray, " points"], y: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"]:
    """How many points share the cell of an 80 × 80 grid with each point."""
    column, row = (_bin_of(values) for values in (x, y))
    counts = np.zeros((_BINS, _BINS))
    np.add.at(counts, (column, row), 1.0)
    return counts[column, row]


def parity_plot(
    target: Float[np.ndarray, " points"],
    prediction: Float[np.ndarray, " points"],
    split: Shaped[np.ndarray, " points"],
    *,
    name: str,
    unit: str = "",
) -> Figure:
    """Predictions over targets on equal axes, with the diagonal where both agree.

    Args:
        target: What is true, in the unit.
        prediction: What the model says, in the unit.
        split: ``train``, ``val`` or ``test`` for each point; each has its colour, test on top.
        name: Name of the target, for the axes.
        unit: Unit as declared; nothing is shown for an empty one.
    """
    with house_axes(4.6, 4.4) as (figure, axes):
        finite = np.isfinite(target) & np.isfinite(prediction)
        target, prediction, split = target[finite], prediction[finite], split[finite]
        if len(target) == 0:
            say_nothing_to_show(axes, "no predictions to show")
            return figure
        low, high = _limits(target, prediction)
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        for part, color in SPLIT_COLORS.items():
            chosen = split == part
            if chosen.any():
                _scatter(axes, target[chosen], prediction[chosen], part, color, len(target))
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        axes.locator_params(nbins=6)
        axes.set_xlabel(quantity(f"{name}, target", unit))
        axes.set_ylabel(quantity(f"{name}, predicted", unit))
        legend = axes.legend(
            loc="upper left", handletextpad=0.3, borderaxespad=0.3, labelspacing=0.35
        )
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set_alpha(1.0)
        return figure


def _scatter(
    axes: Axes,
    target: Float[np.ndarray, " points"],
    prediction: Float[np.ndarray, " points"],
    part: str,
    color: str,
    total: int,
) -> None:
    crowd, raster = len(target), total > RASTER_FROM
    if part == "test":
        scatter_test(axes, target, prediction, crowd, zorder=4, rasterized=raster)
    else:
        style: dict[str, Any] = {"s": size_of_points(crowd), "linewidths": 0.0, "zorder": 3}
        alpha = 0.85 if crowd <= DENSITY_FROM else 0.5
        axes.scatter(target, prediction, color=color, alpha=alpha, rasterized=raster, **style)
    axes.scatter([], [], s=16, color=color, label=f"{part} ({crowd:,})")


def size_of_points(crowd: int) -> float:
    """Area of each of so many points, in square points."""
    return float(np.clip(2500.0 / max(crowd, 1), 3.0, 16.0))


def scatter_test(
    axes: Axes,
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    crowd: int,
    **style: Any,
) -> None:
    """Draw points of the test part; of a crowd the shade says how many lie close by."""
    style |= {"s": size_of_points(crowd), "linewidths": 0.0}
    if crowd > DENSITY_FROM:
        density = np.log(local_density(x, y))
        order = np.argsort(density, kind="stable")
        axes.scatter(x[order], y[order], c=density[order], cmap=DENSITY_MAP, **style)
    else:
        axes.scatter(x, y, color=ACCENT, alpha=0.85, **style)


def _limits(
    target: Float[np.ndarray, " points"], prediction: Float[np.ndarray, " points"]
) -> tuple[float, float]:
    low = float(min(target.min(), prediction.min()))
    high = float(max(target.max(), prediction.max()))
    margin = 0.04 * (high - low) or max(abs(low) * 0.05, 1e-3)
    return low - margin, high + margin


def _bin_of(values: Float[np.ndarray, " points"]) -> Shaped[np.ndarray, " points"]:
    span = values.max() - values.min()
    if span == 0.0:
        return np.zeros(len(values), dtype=np.int64)
    return np.minimum(((values - values.min()) / span * _BINS).astype(np.int64), _BINS - 1)


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
