"""What a crystal is made of: its reduced formula and its chemical system."""

import math

import numpy as np

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.crystal import Crystal


def reduced_formula(crystal: Crystal) -> str:
    """Return the formula with the smallest whole numbers, elements in alphabetical order.

    Args:
        crystal: Any.

    Example:
        >>> from xtalgraph.crystals.transforms import supercell
        >>> sites = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
        >>> salt = Crystal.from_fractional(2.82 * (1 - np.eye(3)), sites, np.array([11, 17]))
        >>> supercell(salt, (2, 2, 2)).formula, reduced_formula(supercell(salt, (2, 2, 2)))
        ('Na8Cl8', 'ClNa')
    """
    numbers, counts = np.unique(crystal.numbers, return_counts=True)
    divisor = math.gcd(*counts.tolist())
    parts = zip(numbers.tolist(), (counts // divisor).tolist(), strict=True)
    return "".join(sorted(f"{SYMBOLS[z]}{n if n > 1 else ''}" for z, n in parts))


def chemical_system(crystal: Crystal) -> str:
    """Return the elements of a crystal in alphabetical order, ``Ba-O-Ti``.

    Args:
        crystal: Any.
    """
    return "-".join(sorted({SYMBOLS[z] for z in crystal.numbers.tolist()}))
