"""The periodic table, each element in the colour of the error of the crystals that hold it."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.plots.style import INK, house_axes

_DARK = 0.75
"""Size of the logarithm from which on the shade asks for white letters."""
_NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)


def element_errors_plot(
    ratio: Float[np.ndarray, "119"], count: Int[np.ndarray, "119"], *, fewest: int
) -> Figure:
    """Draw the table; an element with too few crystals is pale.

    Args:
        ratio: Mean error of the crystals with each element over that of all, by atomic number;
            NaN where there are none.
        count: How many there are.
        fewest: An element with fewer is drawn without colour.
    """
    with house_axes(4.8, 4.2) as (figure, axes):
        axes.set_axis_off()
        axes.set(xlim=(0.4, 18.6), ylim=(9.6, 0.3))
        norm, shades = LogNorm(1 / 3, 3), colormaps["RdYlBu_r"]
        for number in range(1, len(SYMBOLS)):
            row, column = place_of(number)
            known, assessed = count[number] > 0, count[number] >= fewest
            face = shades(norm(float(np.clip(ratio[number], 1 / 3, 3)))) if assessed else "#f3f5f7"
            box = Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, facecolor=face, linewidth=0)
            axes.add_patch(box)
            symbol: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8.0}
            dark = assessed and abs(np.log(np.clip(ratio[number], 1 / 3, 3))) > _DARK
            ink = "#ffffff" if dark else INK if known else "#b3bfcb"
            axes.text(column, row - 0.17 if known else row, SYMBOLS[number], color=ink, **symbol)
            if known:
                small = symbol | {"fontsize": 6.5}
                axes.text(column, row + 0.26, _short(int(count[number])), color=ink, **small)
        bar = figure.colorbar(
            ScalarMappable(norm, shades), ax=axes, orientation="horizontal", shrink=0.7, pad=0.01
        )
        bar.set_ticks([1 / 3, 0.5, 1.0, 2.0, 3.0], labels=["≤ 1/3", "1/2", "1", "2", "≥ 3"])
        bar.minorticks_off()
        bar.set_label("mean error of its crystals over that of all", fontsize=8.5)
        bar.outline.set_visible(False)
        return figure


def _short(count: int) -> str:
    """A count in four characters at most: ``987``, ``1.2k``, ``19k``."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 9950 else f"{count / 1000:.0f}k"


def place_of(number: int) -> tuple[int, int]:
    """Row and column in the form with 18 columns; lanthanides and actinides in rows 8 and 9.

    >>> place_of(8), place_of(26), place_of(57)
    ((2, 16), (4, 8), (8, 4))
    """
    for first, row in ((57, 8), (89, 9)):
        if first <= number <= first + 14:
            return row, number - first + 4
    row = next(period for period in range(1, 8) if number <= _NOBLE[period])
    from_left = number - _NOBLE[row - 1]
    alkali = 1 if row == 1 else 2
    return row, from_left if from_left <= alkali else 18 - (_NOBLE[row] - number)
