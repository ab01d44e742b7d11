"""How many of each class were taken for which."""

import numpy as np
from jaxtyping import Int
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from xtalgraph.plots.style import INK, house_axes

SHARE_MAP = LinearSegmentedColormap.from_list("share", ["#ffffff", "#8fbfe6"])


def confusion_plot(counts: Int[np.ndarray, "true predicted"], names: list[str]) -> Figure:
    """The confusion matrix: a row for each true class, a column for each predicted one.

    Args:
        counts: How many rows of each true class were taken for each class.
        names: What the classes are called.

    Returns:
        The figure; the shade is the share of the true class.
    """
    with house_axes(4.6, 4.0) as (figure, axes):
        total = counts.sum(axis=1, keepdims=True)
        share = counts / np.maximum(total, 1)
        axes.imshow(share, cmap=SHARE_MAP, vmin=0.0, vmax=1.0, aspect="auto")
        for (row, column), number in np.ndenumerate(counts):
            part = f"\n{share[row, column]:.0%}" if total[row, 0] else ""
            axes.text(
                column, row, f"{number:,}{part}", ha="center", va="center", fontsize=11, color=INK
            )
        places = list(range(len(names)))
        axes.set_xticks(places, names)
        axes.set_yticks(places, names, rotation=90, va="center")
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.set_xlabel("predicted, by a probability of 0.5")
        axes.set_ylabel("true")
        return figure
