"""Colour and name of each symmetry class in a picture.

Colours: M. Okabe and K. Ito, Color Universal Design (2008, https://jfly.uni-koeln.de/color/), which
people of any colour vision tell apart; without its black, which has no shading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Int

from xtalgraph.conventions.elements import SYMBOLS

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
    """The colour of a class as ``#rrggbb``.

    Args:
        number: Of the class, counted from 0.
    """
    return PALETTE[number % len(PALETTE)]


def class_marks(
    classes: Int[np.ndarray, " atoms"], numbers: Int[np.ndarray, " atoms"]
) -> list[ClassMark]:
    """List the classes of some atoms.

    Args:
        classes: Class of each atom, counted from 0.
        numbers: Atomic numbers; one class has one element.

    Returns:
        One for each class, in their order.
    """
    found, first, counts = np.unique(classes, return_index=True, return_counts=True)
    elements = numbers[first]
    rows = zip(found.tolist(), elements.tolist(), counts.tolist(), strict=True)
    return [ClassMark(number, element, count) for number, element, count in rows]


def needs_numbers(marks: Sequence[ClassMark]) -> bool:
    """Whether there are more classes than colours, so that the atoms need their numbers too.

    Args:
        marks: Of all classes of a picture.
    """
    return len(marks) > len(PALETTE)
