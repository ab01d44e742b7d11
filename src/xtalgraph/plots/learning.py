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


def learning_curves(
    epoch: Float[np.ndarray, " epochs"],
    train_loss: Float[np.ndarray, " epochs"],
    errors: Mapping[tuple[str, str], Float[np.ndarray, " epochs"]],
    *,
    selected: int | None = None,
) -> Figure:
    """Validation errors above and training loss below, over the same epochs, on logarithmic axes.

    Each has axes of its own: the loss is in scaled units, errors in those of their targets. An
    error that was not measured has none.

    Args:
        epoch: Number of each epoch.
        train_loss: Loss on the training set, in scaled units; NaN where none was written.
        errors: On the validation set, by name and unit; NaN where not measured.
        selected: Place of the selected checkpoint, to be marked; None for none.
    """
    shown = {key: values for key, values in errors.items() if np.isfinite(values).any()}
    with house_figure(4.6, 1.0 + 1.5 * (1 + len(shown))) as figure:
        if len(epoch) == 0:
            say_nothing_to_show(figure.add_subplot(), "no epoch was logged")
            return figure
        ratios = [1.5] * len(shown) + [1.0]
        grid = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)
        *upper, lower = grid[:, 0]
        _curve(lower, epoch, train_loss, MUTED)
        lower.set(xlabel="epoch", ylabel="train loss")
        lower.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        for axes, (of, values) in zip(upper, shown.items(), strict=True):
            _curve(axes, epoch, values, ACCENT)
            axes.set_ylabel(quantity(*of))
            if selected is not None:
                axes.plot(
                    epoch[selected], values[selected], "o", color=MARK, markersize=5, zorder=5
                )
        if selected is not None and shown:
            at = float(epoch[selected])
            for axes in (*upper, lower):
                axes.axvline(at, color=MARK, linewidth=0.9, linestyle=(0, (2, 2)))
            mark = f"selected: epoch {at:g}"
            if len(shown) == 1:
                ((_, unit), values), *_ = shown.items()
                value = f"{values[selected]:.3g} {unit}".rstrip()
                mark = f"selected: {value} after epoch {at:g}"
            upper[0].set_title(mark, fontsize=9, color=MARK, loc="right")
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
