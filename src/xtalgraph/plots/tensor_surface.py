"""Surfaces of what a tensor is in each direction, the true one beside the predicted."""

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import numpy as np
from jaxtyping import Float
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xtalgraph.plots.style import house_figure, quantity

_POLAR, _AZIMUTH = 37, 73
_COLORS: Final = "viridis"


def surface_plot(
    names: Sequence[str],
    true: Sequence[Callable[[np.ndarray], np.ndarray]],
    predicted: Sequence[Callable[[np.ndarray], np.ndarray]],
    *,
    name: str,
    unit: str,
) -> Figure:
    """Draw a surface whose distance from the middle is the value in that direction.

    Args:
        names: Of the crystals, a row of the figure each.
        true: Functions of unit vectors, shape (directions, 3), that return the size.
        predicted: The predicted ones.
        name: What the size is.
        unit: Of it.
    """
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, _POLAR), np.linspace(0, 2 * np.pi, _AZIMUTH))
    unit_vectors = np.stack(
        [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=-1
    )
    sizes = [
        [function(unit_vectors.reshape(-1, 3)).reshape(polar.shape) for function in functions]
        for functions in zip(true, predicted, strict=True)
    ]
    with house_figure(5.4, 2.5 * len(names)) as figure:
        grid = figure.subplots(
            len(names), 2, squeeze=False, subplot_kw={"projection": "3d", "proj_type": "ortho"}
        )
        for axes_of_row, of_row, crystal in zip(grid, sizes, names, strict=True):
            scale = Normalize(min(part.min() for part in of_row), max(p.max() for p in of_row))
            for axes, values, title in zip(axes_of_row, of_row, ("true", "predicted"), strict=True):
                _draw(cast(Any, axes), unit_vectors, values, scale)
                axes.set_title(f"{crystal}, {title}", fontsize=8.5)
            drawn = figure.colorbar(
                _mappable(scale), ax=list(axes_of_row), shrink=0.7, label=quantity(name, unit)
            )
            drawn.ax.tick_params(labelsize=7.5)
        return figure


def _draw(
    axes: Any,
    unit_vectors: Float[np.ndarray, "azimuth polar 3"],
    values: Float[np.ndarray, "azimuth polar"],
    scale: Normalize,
) -> None:
    surface = unit_vectors * np.abs(values)[..., None]
    colors = _mappable(scale).to_rgba(values)
    axes.plot_surface(
        *np.moveaxis(surface, -1, 0), facecolors=colors, rstride=1, cstride=1, shade=False
    )
    largest = 1.02 * max(abs(scale.vmin or 0.0), abs(scale.vmax or 0.0), 1e-12)
    axes.set(xlim=(-largest, largest), ylim=(-largest, largest), zlim=(-largest, largest))
    axes.set_box_aspect((1, 1, 1))
    axes.tick_params(labelsize=6.5, pad=-2)
    for which in ("x", "y", "z"):
        getattr(axes, f"set_{which}label")(which, labelpad=-8, fontsize=7.5)
        getattr(axes, f"{which}axis").set_major_locator(MaxNLocator(3))


def _mappable(scale: Normalize) -> ScalarMappable:
    return ScalarMappable(norm=scale, cmap=_COLORS)
