"""How the errors of the test set are distributed, and whether they depend on the target."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from xtalgraph.plots.parity import RASTER_FROM, scatter_test
from xtalgraph.plots.style import ACCENT, INK, MARK, house_figure, quantity, say_nothing_to_show


def residual_plot(
    target: Float[np.ndarray, " points"],
    prediction: Float[np.ndarray, " points"],
    *,
    name: str,
    unit: str = "",
) -> Figure:
    """Prediction minus target over the target, and its histogram on the same vertical axis.

    The vertical axis reaches to the 99.5th percentile of the sizes of the errors (to the largest
    one below 50 points); errors beyond it are triangles at the rim, and their number is written.

    Args:
        target: What is true, in the unit.
        prediction: What the model says, in the unit.
        name: Name of the target, for the axes.
        unit: Unit as declared; nothing is shown for an empty one.
    """
    with house_figure(4.6, 4.4) as figure:
        finite = np.isfinite(target) & np.isfinite(prediction)
        target, residual = target[finite], (prediction - target)[finite]
        if len(target) == 0:
            say_nothing_to_show(figure.add_subplot(), "no test predictions to show")
            return figure
        reach = _reach(residual)
        grid = figure.add_gridspec(1, 2, width_ratios=[3.2, 1.0], wspace=0.03)
        points = figure.add_subplot(grid[0])
        counts = figure.add_subplot(grid[1], sharey=points)

        crowd = len(target)
        inside = np.abs(residual) <= reach
        raster = crowd > RASTER_FROM
        scatter_test(points, target[inside], residual[inside], crowd, zorder=3, rasterized=raster)
        for sign, marker in ((1.0, "^"), (-1.0, "v")):
            beyond = residual * sign > reach
            rim = np.full(int(beyond.sum()), sign * reach * 1.03)
            points.scatter(target[beyond], rim, s=16, marker=marker, color=MARK, zorder=4)
        points.axhline(0.0, color=INK, linewidth=0.9)
        points.set_ylim(-1.09 * reach, 1.09 * reach)
        points.set_xlabel(quantity(f"{name}, target", unit))
        points.set_ylabel(quantity("predicted − target", unit))
        outside = int((~inside).sum())
        if outside:
            note = f"{outside:,} beyond the axis"
            points.set_title(note, fontsize=8.5, color=MARK, loc="right")

        edges = np.linspace(-reach, reach, int(np.clip(2.0 * np.sqrt(crowd), 15, 60)) | 1)
        counts.hist(
            residual[inside], bins=edges.tolist(), orientation="horizontal", color=ACCENT, alpha=0.9
        )
        counts.axhline(0.0, color=INK, linewidth=0.9)
        counts.tick_params(labelleft=False)
        counts.set_xlabel("count")
        counts.locator_params(axis="x", nbins=2)
        return figure


def _reach(residual: Float[np.ndarray, " points"]) -> float:
    sizes = np.abs(residual)
    reach = sizes.max() if len(sizes) < 50 else np.quantile(sizes, 0.995)
    return float(reach) if reach > 0.0 else 1.0
