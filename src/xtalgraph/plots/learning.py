"""How the training went: loss and validation error over the epochs."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xtalgraph.plots.style import (
    ACCENT,
    MARK,
    MUTED,
    house_figure,
    make_logarithmic,
    quantity,
    say_nothing_to_show,
)


def learning_curve(
    epoch: Float[np.ndarray, " epochs"],
    train_loss: Float[np.ndarray, " epochs"],
    val_mae: Float[np.ndarray, " epochs"],
    *,
    unit: str = "",
    measure: str = "validation MAE",
    selected: int | None = None,
) -> Figure:
    """Validation error above and training loss below, over the same epochs, on logarithmic axes.

    They have axes of their own: the loss is in scaled units, the error in those of the target.

    Args:
        epoch: Number of each epoch.
        train_loss: Loss on the training set, in scaled units; NaN where none was written.
        val_mae: Error on the validation set, in the unit; NaN where not measured.
        unit: Unit of the target as declared; nothing is shown for an empty one.
        measure: What the error is.
        selected: Place of the selected checkpoint, to be marked; None for none.
    """
    with house_figure(4.6, 4.0) as figure:
        if len(epoch) == 0:
            say_nothing_to_show(figure.add_subplot(), "no epoch was logged")
            return figure
        measured = bool(np.isfinite(val_mae).any())
        grid = figure.add_gridspec(2, 1, height_ratios=[1.5, 1.0]) if measured else None
        lower = figure.add_subplot(grid[1] if grid is not None else 111)
        _curve(lower, epoch, train_loss, MUTED)
        lower.set_ylabel("train loss")
        lower.set_xlabel("epoch")
        lower.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        if grid is not None:
            upper = figure.add_subplot(grid[0], sharex=lower)
            _curve(upper, epoch, val_mae, ACCENT)
            upper.tick_params(labelbottom=False)
            upper.set_ylabel(quantity(measure, unit))
            if selected is not None:
                at = float(epoch[selected])
                for axes in (upper, lower):
                    axes.axvline(at, color=MARK, linewidth=0.9, linestyle=(0, (2, 2)))
                upper.plot(at, val_mae[selected], "o", color=MARK, markersize=5, zorder=5)
                value = f"{val_mae[selected]:.3g} {unit}".rstrip()
                mark = f"selected: {value} after epoch {at:g}"
                upper.set_title(mark, fontsize=9, color=MARK, loc="right")
        return figure


def learning_curves(
    epoch: Float[np.ndarray, " epochs"],
    train_loss: Float[np.ndarray, " epochs"],
    errors: Mapping[str, Float[np.ndarray, " epochs"]],
    *,
    selected: int | None = None,
) -> Figure:
    """Validation errors of several targets, each on axes of its own, and training loss below.

    Args:
        epoch: Number of each epoch.
        train_loss: Loss on the training set, in scaled units; NaN where none was written.
        errors: On the validation set, by what each is, with its unit; NaN where not measured.
        selected: Place of the selected checkpoint, to be marked; None for none.
    """
    panels = {**errors, "train loss": train_loss}
    with house_figure(4.6, 1.0 + 1.5 * len(panels)) as figure:
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for panel, (label, values) in zip(axes, panels.items(), strict=True):
            _curve(panel, epoch, values, MUTED if label == "train loss" else ACCENT)
            panel.set_ylabel(label)
            if selected is not None:
                at = float(epoch[selected])
                panel.axvline(at, color=MARK, linewidth=0.9, linestyle=(0, (2, 2)))
                if label != "train loss":
                    panel.plot(at, values[selected], "o", color=MARK, markersize=5, zorder=5)
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        if selected is not None:
            mark = f"selected: epoch {epoch[selected]:g}"
            axes[0].set_title(mark, fontsize=9, color=MARK, loc="right")
        return figure


def _curve(
    axes: Axes,
    epoch: Float[np.ndarray, " epochs"],
    values: Float[np.ndarray, " epochs"],
    color: str,
) -> None:
    known = np.isfinite(values)
    marker = "o" if known.sum() < 15 else ""
    axes.plot(epoch[known], values[known], color=color, linewidth=1.5, marker=marker, markersize=3)
    if known.any() and values[known].min() > 0.0:
        make_logarithmic(axes, float(values[known].min()), float(values[known].max()))
