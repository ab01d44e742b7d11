"""How many of one class are found at the price of how many of the other."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from xtalgraph.plots.style import ACCENT, MUTED, house_axes, say_nothing_to_show


def roc_plot(
    wrong: Float[np.ndarray, " points"], right: Float[np.ndarray, " points"], *, positive: str
) -> Figure:
    """The receiver operating characteristic, with the diagonal of blind choice.

    Args:
        wrong: Share of class 0 that reaches each threshold; none where it is not defined.
        right: Share of class 1 that reaches it.
        positive: What class 1 is called.
    """
    with house_axes(4.6, 4.4) as (figure, axes):
        if len(wrong) == 0:
            say_nothing_to_show(axes, "the test set holds one class only")
            return figure
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.plot(wrong, right, color=ACCENT, linewidth=1.8, zorder=3)
        axes.fill_between(wrong, right, color=ACCENT, alpha=0.08, linewidth=0.0)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.set_xlabel(f"share of the others taken for {positive}")
        axes.set_ylabel(f"share of {positive} found")
        return figure
