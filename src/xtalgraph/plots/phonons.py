"""Phonon bands along a path through the Brillouin zone, with the density of states beside them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xtalgraph.plots.style import ACCENT, INK, MARK, MUTED, house_figure

Part = tuple[tuple[str, str], Float[np.ndarray, " _"], Float[np.ndarray, "_ _"]]
"""The labels of the ends of a part of the path, distances along it, and frequencies, THz."""


def phonons_plot(
    parts: Sequence[Part],
    frequency: Float[np.ndarray, " frequencies"],
    density: Float[np.ndarray, " frequencies"],
) -> Figure:
    """Draw bands, and the density of states on the same axis of frequencies.

    Args:
        parts: Of the path, in order.
        frequency: At which the density of states is known, THz; below 0 where modes are imaginary.
        density: Of states, 1/THz for each atom.
    """
    with house_figure(5.4, 3.6) as figure:
        bands, states = figure.subplots(1, 2, sharey=True, width_ratios=(3.6, 1))
        for _, distance, frequencies in parts:
            bands.plot(distance, frequencies, color=ACCENT, linewidth=1.2)
        _label_path(bands, parts)
        states.fill_betweenx(frequency, density, color=ACCENT, alpha=0.25, linewidth=0)
        states.plot(density, frequency, color=ACCENT, linewidth=1.0)
        states.set_xlim(left=0.0)
        states.set_xlabel("states/THz/atom", fontsize=8.0)
        states.locator_params(axis="x", nbins=3)
        bands.set_ylabel("frequency, THz")
        lowest = min(0.0, float(frequency.min()))
        for axes in (bands, states):
            axes.axhline(0.0, color=MUTED, linewidth=0.9)
            if lowest < -0.1:
                axes.axhspan(1.05 * lowest, 0.0, color=MARK, alpha=0.08, linewidth=0)
        bands.set_ylim(bottom=1.05 * lowest)
        return figure


def _label_path(axes: Axes, parts: Sequence[Part]) -> None:
    """Name the ends of the parts: ``U|K`` where the path jumps."""
    places = [float(parts[0][1][0]), *(float(distance[-1]) for _, distance, _ in parts)]
    names = [parts[0][0][0]]
    for (before, *_), (after, *_) in pairwise(parts):
        same = before[1] == after[0]
        names.append(before[1] if same else f"{before[1]}|{after[0]}")
    names.append(parts[-1][0][1])
    axes.set_xticks(places, [name.replace("_", "") for name in names])
    axes.grid(visible=False, axis="x")
    for at in places:
        axes.axvline(at, color=INK, linewidth=0.5)
    axes.set_xlim(places[0], places[-1])
