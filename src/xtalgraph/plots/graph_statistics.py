"""Distances and degrees of a graph: how far its atoms see, and how many each sees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xtalgraph.plots.style import ACCENT, BASELINE, INK, MARK, house_figure, say_nothing_to_show

FEW_DEGREES = 12
"""With at most so many different degrees, each has its bar and its number."""


def graph_statistics_plot(
    borders: Float[np.ndarray, " borders"],
    g: Float[np.ndarray, " bins"],
    edge_share: Float[np.ndarray, " bins"],
    degrees: Int[np.ndarray, " degrees"],
    *,
    cutoff: float | None = None,
    title: str = "",
) -> Figure:
    """The radial distribution with the graph's edges marked, and the degrees of its atoms below.

    Args:
        borders: Borders of the bins of distances, Å.
        g: Radial distribution in each bin; no bins where the crystal has no density.
        edge_share: Share of the pairs of each bin that are edges of the graph, 0 to 1.
        degrees: Number of atoms with 0, 1, 2, ... edges.
        cutoff: No edge is longer than this, Å; drawn as a line where it is given and in reach.
        title: Written above the picture.
    """
    with house_figure(4.6, 4.4) as figure:
        upper, lower = figure.subplots(2, 1, height_ratios=[1.5, 1.0])
        _radial(upper, borders, g, edge_share, cutoff)
        _degrees(lower, degrees)
        if title:
            figure.suptitle(title, fontsize=10, fontweight="bold", color=INK)
        return figure


def _radial(
    axes: Axes,
    borders: Float[np.ndarray, " borders"],
    g: Float[np.ndarray, " bins"],
    edge_share: Float[np.ndarray, " bins"],
    cutoff: float | None,
) -> None:
    if not len(g):
        say_nothing_to_show(axes, "no g(r): a density needs pbc in all directions")
        return
    starts, widths = borders[:-1], np.diff(borders)
    # a hundredth of a picture wide at least, so that the sharp peaks of a crystal show
    shown = np.maximum(widths, 0.008 * (borders[-1] - borders[0]))
    left = starts + (widths - shown) / 2
    for height, color, label in (
        (g, BASELINE, "pairs that are no edges"),
        (g * edge_share, ACCENT, "edges of the graph"),
    ):
        axes.bar(left, height, shown, align="edge", color=color, label=label, linewidth=0)
    axes.axhline(1.0, color=INK, linewidth=0.7, linestyle=(0, (4, 3)))
    if cutoff is not None and cutoff < borders[-1]:
        axes.axvline(cutoff, color=MARK, linewidth=0.9, linestyle=(0, (2, 2)))
        side = "left" if cutoff < 0.8 * borders[-1] else "right"
        position = (cutoff, 0.99)
        style: dict[str, Any] = {"color": MARK, "fontsize": 8.5, "va": "top", "ha": side}
        axes.text(*position, " cutoff ", transform=axes.get_xaxis_transform(), **style)
    axes.set(xlim=(0.0, float(borders[-1])), xlabel="distance (Å)", ylabel="g(r)")
    axes.set_ylim(0.0, 1.12 * max(float(g.max()), 1.0))
    above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.01, 0.99), "ncols": 2}
    axes.legend(**above, handlelength=1.0, borderaxespad=0.2)


def _degrees(axes: Axes, degrees: Int[np.ndarray, " degrees"]) -> None:
    present = np.flatnonzero(degrees)
    if not len(present):
        say_nothing_to_show(axes, "no atoms")
        return
    axes.bar(present, degrees[present], width=0.8, color=ACCENT)
    middle, half = (present[0] + present[-1]) / 2, max(float(np.ptp(present)) / 2 + 1.0, 4.0)
    low = max(middle - half, -0.9)
    axes.set(xlim=(low, max(middle + half, low + 2 * half)), xlabel="degree", ylabel="atoms")
    axes.set_ylim(0.0, 1.18 * float(degrees.max()))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    if len(present) <= FEW_DEGREES:
        _number(axes, present.tolist(), degrees[present].tolist())


def _number(axes: Axes, places: Sequence[int], counts: Sequence[int]) -> None:
    for degree, count in zip(places, counts, strict=True):
        axes.text(degree, count, f"{count:,}", ha="center", va="bottom", fontsize=8.5)
