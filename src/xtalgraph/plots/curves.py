"""Curves over one axis, a few panels beside each other where there are several crystals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from xtalgraph.plots.style import ACCENT, BASELINE, INK, MARK, MUTED, house_figure

COLORS = {"model": ACCENT, "other": MARK, "truth": INK, "beside": BASELINE}
"""What a curve may be."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve."""

    x: Float[np.ndarray, " points"]
    """Along the axis."""
    y: Float[np.ndarray, " points"]
    """Upwards; NaN leaves a gap."""
    label: str
    """In the legend; empty for none."""
    role: str = "model"
    """Which of `COLORS`; what is no model is dashed."""
    dots: bool = False
    """Whether its points are marked."""
    line: bool = True
    """Whether they are joined."""


def curves_plot(
    panels: Sequence[Sequence[Curve]],
    *,
    xlabel: str,
    ylabel: str,
    titles: Sequence[str] = (),
    vertical: float | None = None,
    shared: bool = True,
) -> Figure:
    """Draw panels of curves, two in a row.

    Args:
        panels: The curves of each.
        xlabel: Of all horizontal axes, with the unit.
        ylabel: Of the vertical axis, with the unit.
        titles: Above each panel; none at all for a single one.
        vertical: Where a thin vertical line stands; None for no line.
        shared: Whether all panels have one horizontal axis.
    """
    single, lines = len(panels) == 1, -(-len(panels) // 2)
    with house_figure(4.6, 3.2 if single else 0.7 + 1.75 * lines) as figure:
        all_axes = figure.subplots(lines, min(len(panels), 2), squeeze=False, sharex=shared).ravel()
        for axes in all_axes[len(panels) :]:
            axes.set_axis_off()
        for number, (axes, curves) in enumerate(zip(all_axes, panels, strict=False)):
            for curve in curves:
                axes.plot(
                    curve.x,
                    curve.y,
                    color=COLORS[curve.role],
                    linewidth=1.5,
                    linestyle=_line(curve),
                    marker="o" if curve.dots else "",
                    markersize=3.5,
                    label=curve.label,
                )
            if vertical is not None:
                axes.axvline(vertical, color=MUTED, linewidth=0.9, linestyle=":")
            if titles:
                axes.set_title(titles[number], fontsize=8.5)
            if not single:
                axes.tick_params(labelsize=8.0)
                axes.locator_params(axis="x", nbins=3)
        figure.supxlabel(xlabel, fontsize=9)
        figure.supylabel(ylabel, fontsize=9)
        handles, labels = all_axes[0].get_legend_handles_labels()
        if any(labels):
            _add_legend(figure, handles, labels)
        return figure


def _add_legend(figure: Figure, handles: list[Any], labels: list[str]) -> None:
    """Put the legend above the panels, in as many lines as the width of the figure needs."""
    for columns in range(len(labels), 0, -1):
        legend = figure.legend(handles, labels, loc="outside upper center", ncols=columns)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def _line(curve: Curve) -> str | tuple[int, tuple[int, int]]:
    if not curve.line:
        return ""
    return "-" if curve.role in ("model", "other") else (0, (4, 2))
