"""Something measured, against a setting that was swept; one line for each value of another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xtalgraph.plots.style import MUTED, house_figure, make_logarithmic, say_nothing_to_show

_MARKERS: Final = "osD^vPX*"
"""Lines are told apart without colours too."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a panel."""

    label: str
    """What it stands for; empty for a single line."""
    value: Float[np.ndarray, " values"]
    """Where it goes, NaN where there is nothing."""
    std: Float[np.ndarray, " values"]
    """Standard deviation over repetitions, NaN where there is one run."""


def sweep_plot(
    values: Sequence[str],
    panels: Mapping[str, Sequence[Curve]],
    *,
    setting: str,
    lines: str = "",
    stacked: bool = False,
) -> Figure:
    """Panels beside each other, each with its lines over the values of one setting.

    The values stand at equal distances, in the order in which they were swept. Panels whose names
    end alike, as ``validation MAE`` and ``test MAE`` do, have one axis, so that they can be
    compared.

    Args:
        values: The values, as they are to be written.
        panels: What is measured, by its name with its unit.
        setting: What was swept.
        lines: What the lines differ in; empty for a single line.
        stacked: Whether the panels are below each other, for narrow screens.
    """
    count = max(len(panels), 1)
    grid, size = ((count, 1), (4.0, 2.9 * count)) if stacked else ((1, count), (3.2 * count, 3.2))
    with house_figure(*size) as figure:
        places = np.arange(len(values), dtype=float)
        axes_by_kind: dict[str, Axes] = {}
        for column, (name, curves) in enumerate(panels.items(), start=1):
            kind = name.partition(" ")[2]
            axes = figure.add_subplot(*grid, column, sharey=axes_by_kind.get(kind))
            axes_by_kind.setdefault(kind, axes)
            axes.set_title(name, fontsize=9.5, loc="left")
            if not any(np.isfinite(curve.value).any() for curve in curves):
                say_nothing_to_show(axes, "nothing was measured")
                continue
            for curve, color, marker in zip(
                curves, line_colors(len(curves)), _markers(len(curves)), strict=True
            ):
                axes.errorbar(
                    places,
                    curve.value,
                    yerr=np.nan_to_num(curve.std) if np.isfinite(curve.std).any() else None,
                    color=color,
                    marker=marker,
                    markersize=4.5,
                    linewidth=1.5,
                    capsize=2.0,
                    label=curve.label,
                )
            axes.set_xticks(places, values)
            axes.set_xlim(-0.4, len(values) - 0.6)
            axes.set_xlabel(setting)
            axes.grid(visible=False, axis="x")
            if column == 1 and lines:
                axes.legend(title=lines, title_fontsize=8.5)
        return figure


def smoothing_plot(
    rows: Mapping[str, Mapping[str, Mapping[str, Float[np.ndarray, " _"]]]],
    *,
    lines: str,
    stacked: bool = False,
) -> Figure:
    """How alike the atoms are, layer by layer: a row of panels for each group, one measure each.

    Args:
        rows: Group to name of the measure to line to its values, from before the first layer on.
        lines: What the lines of a panel differ in.
        stacked: Whether all panels are below each other, for narrow screens.
    """
    measures = list(dict.fromkeys(name for row in rows.values() for name in row))
    columns = max(len(measures), 1)
    height = 2.4 * max(len(rows), 1)
    grid = (columns * len(rows), 1) if stacked else (len(rows), columns)
    size = (4.0, 0.5 + columns * height) if stacked else (3.2 * columns, 0.5 + height)
    with house_figure(*size) as figure:
        if not measures:
            say_nothing_to_show(figure.add_subplot(), "no layer was measured")
            return figure
        for number, (group, row) in enumerate(rows.items()):
            for column, measure in enumerate(measures):
                axes = figure.add_subplot(*grid, number * columns + column + 1)
                curves = row[measure]
                for (label, layers), color, marker in zip(
                    curves.items(), line_colors(len(curves)), _markers(len(curves)), strict=True
                ):
                    axes.plot(
                        np.arange(len(layers)),
                        layers,
                        color=color,
                        marker=marker,
                        markersize=3.5,
                        linewidth=1.4,
                        label=label,
                    )
                if measure == "dirichlet energy":
                    _logarithmic(axes, list(curves.values()))
                elif measure == "mean average distance":
                    axes.set_ylim(bottom=0.0)
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))
                if number == 0 or stacked:
                    axes.set_title(
                        measure.replace("dirichlet", "Dirichlet"), fontsize=9.5, loc="left"
                    )
                if group and (column == 0 or stacked):
                    axes.set_ylabel(group, color=MUTED)
                if number == len(rows) - 1 or stacked:
                    axes.set_xlabel("layer, 0: before the first")
                if number == 0 and column == 0 and lines:
                    axes.legend(title=lines, title_fontsize=8.5)
        return figure


def line_colors(count: int) -> list[tuple[float, float, float, float]]:
    """Colours from dark to light, in the order of the values."""
    colors = matplotlib.colormaps["viridis"](np.linspace(0.05, 0.82, max(count, 1)))
    return [(float(r), float(g), float(b), float(a)) for r, g, b, a in colors[:count]]


def _markers(count: int) -> list[str]:
    return [_MARKERS[n % len(_MARKERS)] for n in range(count)]


def _logarithmic(axes: Axes, curves: Sequence[Float[np.ndarray, " _"]]) -> None:
    known = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    if len(known) and known.min() > 0:
        make_logarithmic(axes, float(known.min()), float(known.max()))
