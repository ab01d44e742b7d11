"""Points in two dimensions, coloured by a value."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from xtalgraph.plots.style import RULE, house_axes, quantity

_RASTER_FROM = 2_000
"""With more points than this they become pixels."""


def embedding_plot(
    position: Float[np.ndarray, "points 2"],
    value: Float[np.ndarray, " points"],
    *,
    axes_names: tuple[str, str],
    name: str,
    unit: str = "",
) -> Figure:
    """Draw points in their colours, with a bar that says what these mean.

    Args:
        position: Of each point.
        value: By which it is coloured, in the unit; NaN is grey.
        axes_names: What the two directions are called.
        name: What the value is.
        unit: Of the value, as declared; nothing is shown for an empty one.
    """
    with house_axes(5.4, 4.4) as (figure, axes):
        size = float(np.clip(4000.0 / max(len(position), 1), 3.0, 24.0))
        known = np.isfinite(value)
        raster = len(position) > _RASTER_FROM
        common: dict[str, Any] = {"s": size, "linewidths": 0.0, "rasterized": raster}
        axes.scatter(position[~known, 0], position[~known, 1], color=RULE, **common)
        order = np.argsort(value[known], kind="stable")
        x, y = position[known][order].T
        points = axes.scatter(x, y, c=value[known][order], cmap="viridis", **common)
        if known.any():
            figure.colorbar(points, ax=axes, label=quantity(name, unit))
        axes.set_xlabel(axes_names[0])
        axes.set_ylabel(axes_names[1])
        axes.tick_params(labelbottom=False, labelleft=False)
        return figure
