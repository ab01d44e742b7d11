"""What ways to predict forces break, beside their errors, and where the total energy goes."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from xtalgraph.plots.style import ACCENT, BASELINE, MARK, house_figure, make_logarithmic

_COLORS: Final = (ACCENT, BASELINE, MARK)
_ROUNDING: Final = 1e-16
"""Where a logarithmic axis begins: what is smaller is drawn there."""


def force_heads_plot(
    names: Sequence[str],
    errors: Float[np.ndarray, " heads"],
    violations: Mapping[str, Float[np.ndarray, " heads"]],
    tracks: Sequence[tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]],
) -> Figure:
    """Draw the errors, the violations and the change of the total energy on logarithmic axes.

    Args:
        names: Of at most three ways; the right one first.
        errors: MAE of forces, eV/Å.
        violations: Numbers that are 0 of a potential, by the title of their panel.
        tracks: Time in ps and total energy from the start on in meV/atom, of each way.
    """
    with house_figure(8.6, 4.6) as figure:
        grid = figure.add_gridspec(2, 1 + len(violations), height_ratios=(1.0, 1.25))
        panels = {"force MAE, eV/Å": errors, **violations}
        rows = np.arange(len(names))
        for column, (title, values) in enumerate(panels.items()):
            axes = figure.add_subplot(grid[0, column])
            is_violation = column > 0
            axes.set_title(title, fontsize=8.5)
            axes.set_yticks(rows, names if column == 0 else [""] * len(names))
            axes.tick_params(axis="y", length=0)
            axes.grid(visible=False, axis="y")
            axes.invert_yaxis()
            if is_violation:
                axes.set_xscale("log")
                axes.set_xlim(_ROUNDING, 1e6)
                axes.set_xticks([1e-12, 1e-6, 1.0], ["1e−12", "1e−6", "1"])
                axes.minorticks_off()
            else:
                axes.set_xlim(0.0, 1.35 * float(np.max(values)))
                axes.locator_params(axis="x", nbins=3)
            drawn = np.maximum(values, _ROUNDING)
            axes.barh(rows, drawn, height=0.6, color=_COLORS[: len(names)])
            for row, value, end in zip(rows.tolist(), values.tolist(), drawn, strict=True):
                text = f" {value:.0e}" if is_violation else f" {value:.3f}"
                axes.text(float(end), row, text.replace("-", "−"), va="center", fontsize=8.0)
        axes = figure.add_subplot(grid[1, :])
        largest: list[float] = []
        for (time, energy), color in zip(tracks, _COLORS, strict=False):
            change = np.abs(energy[1:])
            axes.plot(time[1:], change, color=color, linewidth=1.3)
            largest.append(change.max(initial=_ROUNDING))
        make_logarithmic(axes, 1e-3 * min(largest), max(largest))
        axes.set_xlabel("time, ps")
        axes.set_ylabel("change of the total\nenergy, meV/atom")
        return figure
