"""The one look that all figures share: colours, sizes of text, lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

INK: Final = "#1f2933"
"""Text and axes."""
MUTED: Final = "#6b7785"
"""Secondary text, reference lines."""
RULE: Final = "#d5dbe1"
"""Grid lines and separators."""
ACCENT: Final = "#0b5fa5"
"""The model, and its test set."""
MARK: Final = "#c8501e"
"""What the eye should find: the epoch that is kept, a warning."""
BASELINE: Final = "#9aa5b1"
"""Bars of the baselines."""

SPLIT_COLORS: Final[dict[str, str]] = {
    "train": "#b3bfcb",
    "val": "#e3a008",
    "calibration": "#8c6bb1",
    "test": ACCENT,
}
"""Colour of each split; told apart also without colour vision, by lightness."""

SETTINGS: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",  # travels with matplotlib: the same picture everywhere
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # names and units come from users; a $ in one is a dollar
    "axes.edgecolor": "#8a96a3",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "grid.color": "#e8ecf0",
    "grid.linewidth": 0.7,
    "xtick.color": "#8a96a3",
    "ytick.color": "#8a96a3",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
}
"""Settings in force while a figure is being made; matplotlib's own are back afterwards."""


@contextmanager
def house_figure(width: float = 4.6, height: float = 4.0) -> Iterator[Figure]:
    """An empty figure, of no window and no list of figures; the settings are in force meanwhile."""
    with matplotlib.rc_context(SETTINGS):
        yield Figure(figsize=(width, height), layout="constrained", facecolor="white")


@contextmanager
def house_axes(width: float = 4.6, height: float = 4.0) -> Iterator[tuple[Figure, Axes]]:
    """The same, and the only axes in it."""
    with house_figure(width, height) as figure:
        yield figure, figure.add_subplot()


def quantity(name: str, unit: str) -> str:
    """The label of an axis: ``e_form (eV/cell)``, and the name alone where no unit is declared."""
    return f"{name} ({unit})" if unit else name


def make_logarithmic(axes: Axes, low: float, high: float, which: Literal["x", "y"] = "y") -> None:
    """Make an axis logarithmic, with plain numbers at some of its ticks.

    The powers of ten of matplotlib are formulas, which are switched off.
    """
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    narrow = MaxNLocator(4) if high < 1.5 * low else None
    every = LogLocator(subs=(1, 2, 5)) if high < 100 * low else LogLocator(numticks=5)
    axis.set_major_locator(narrow or every)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def say_nothing_to_show(axes: Axes, text: str) -> None:
    """Fill axes that have no points with a sentence instead of an empty frame."""
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED, wrap=True
    )
