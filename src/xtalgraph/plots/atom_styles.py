"""Colour, size and name of atoms in a picture: by element, or by symmetry class.

Colours of elements: Jmol's table (https://jmol.sourceforge.net/jscolors), which extends the CPK
colours of Corey, Pauling and Koltun. Radii: covalent, B. Cordero et al., Dalton Trans. 2008, 2832,
doi 10.1039/b801115j. Both as ASE publishes them. Colours of classes: M. Okabe and K. Ito, Color
Universal Design (2008, https://jfly.uni-koeln.de/color/), which people of any colour vision tell
apart; without its black, which has no shading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from ase.data import covalent_radii
from ase.data.colors import jmol_colors
from jaxtyping import Float, Int
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.plots.crystal_drawing import BondedCrystal

PALETTE: Final[tuple[str, ...]] = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#f0e442",
)
"""Colours of the first classes; then they begin again, and the atoms are numbered."""
MOST_LISTED = 15
"""Classes that the legend names; of more it says how many."""


@cache
def element_color(number: int) -> str:
    """The colour of an element as ``#rrggbb``; beyond meitnerium, that of meitnerium."""
    return str(to_hex(jmol_colors[min(number, len(jmol_colors) - 1)]))


@cache
def covalent_radius(number: int) -> float:
    """The covalent radius of an element, Å; 2.0 Å as in ASE where none is published."""
    return float(covalent_radii[number])


def mixed(
    color: Float[np.ndarray, "*any 3"], other: str, share: float
) -> Float[np.ndarray, "*any 3"]:
    """A colour, or several, with a share of another one in it.

    Args:
        color: Red, green and blue in [0, 1].
        other: The colour that is mixed in, as ``#rrggbb``.
        share: 0 keeps the colour, 1 gives the other one.

    Returns:
        Red, green and blue in [0, 1].
    """
    return (1.0 - share) * color + share * np.array(to_rgb(other))


@dataclass(frozen=True)
class ClassMark:
    """What stands for one class in a legend."""

    number: int
    """Counted from 0."""
    element: int
    """Atomic number of its atoms."""
    multiplicity: int
    """How many atoms of the cell."""

    @property
    def words(self) -> str:
        """Number, element and multiplicity: ``2: O × 3``."""
        return f"{self.number}: {SYMBOLS[self.element]} × {self.multiplicity:,}"


def class_color(number: int) -> str:
    """The colour of a class as ``#rrggbb``."""
    return PALETTE[number % len(PALETTE)]


def class_marks(
    classes: Int[np.ndarray, " atoms"], numbers: Int[np.ndarray, " atoms"]
) -> list[ClassMark]:
    """List the classes of some atoms."""
    kinds, first, counts = np.unique(classes, return_index=True, return_counts=True)
    elements = numbers[first]
    rows = zip(kinds.tolist(), elements.tolist(), counts.tolist(), strict=True)
    return [ClassMark(number, element, count) for number, element, count in rows]


def needs_numbers(marks: Sequence[ClassMark]) -> bool:
    """Whether there are more classes than colours, so that the atoms need their numbers too."""
    return len(marks) > len(PALETTE)


@dataclass(frozen=True, eq=False)
class AtomStyle:
    """How the atoms are told apart."""

    colors: Float[np.ndarray, "atoms 3"]
    """One for each atom of the cell."""
    names: list[str]
    """What is written on each atom of the cell; none at all where nothing is."""
    handles: list[Line2D]
    columns: int
    """Entries of the legend in a line."""


def element_style(crystal: BondedCrystal) -> AtomStyle:
    """Tell atoms apart by their elements."""
    colors = [to_rgb(element_color(number)) for number in crystal.numbers.tolist()]
    present = sorted(set(crystal.numbers.tolist()))
    handles = [_legend_dot(element_color(z), covalent_radius(z), SYMBOLS[z]) for z in present]
    return AtomStyle(np.array(colors).reshape(-1, 3), [], handles, 7)


def class_style(crystal: BondedCrystal) -> AtomStyle:
    """Tell atoms apart by their symmetry classes; an `InputError` if the crystal has none."""
    if crystal.classes is None:
        raise InputError("atoms can be coloured by class only where their classes are given")
    classes = crystal.classes.tolist()
    marks = class_marks(crystal.classes, crystal.numbers)
    colors = [to_rgb(class_color(number)) for number in classes]
    names = [str(number) for number in classes] if needs_numbers(marks) else []
    handles = [
        _legend_dot(class_color(mark.number), covalent_radius(mark.element), mark.words)
        for mark in marks[:MOST_LISTED]
    ]
    if len(marks) > MOST_LISTED:
        more = f"and {len(marks) - MOST_LISTED:,} more"
        handles.append(Line2D([], [], linestyle="none", label=more))
    return AtomStyle(np.array(colors).reshape(-1, 3), names, handles, 5)


def value_style(values: Float[np.ndarray, " atoms"], name: str) -> AtomStyle:
    """Tell atoms apart by a `name` (unit), not negative: pale for 0, red for the largest."""
    largest = float(values.max(initial=0.0)) or 1.0
    pale, strong = np.array(to_rgb("#e3e6e9")), to_rgb("#c8501e")
    colors = pale + (values / largest)[:, None] * (np.array(strong) - pale)
    handles = [
        _legend_dot(
            to_hex(tuple(pale + share * (np.array(strong) - pale))), 1.2, f"{share * largest:.2g}"
        )
        for share in (0.0, 0.5, 1.0)
    ]
    handles.append(Line2D([], [], linestyle="none", label=name))
    return AtomStyle(colors.reshape(-1, 3), [], handles, 4)


def _legend_dot(color: str, radius: float, label: str) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="none",
        marker="o",
        markersize=4.0 + 3.0 * radius,
        markerfacecolor=color,
        markeredgecolor=to_hex(tuple(mixed(np.array(to_rgb(color)), "#000000", 0.5))),
        markeredgewidth=0.6,
        label=label,
    )
