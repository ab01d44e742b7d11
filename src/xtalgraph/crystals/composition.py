"""What a crystal is made of: its reduced formula and its chemical system."""

import math

import numpy as np

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.formulas import reduced_formula_of


def reduced_formula(crystal: Crystal) -> str:
    """Return the formula with the smallest whole numbers, as pymatgen writes it.

    Args:
        crystal: Any.

    Example:
        >>> from xtalgraph.crystals.transforms import supercell
        >>> sites = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
        >>> salt = Crystal.from_fractional(2.82 * (1 - np.eye(3)), sites, np.array([17, 11]))
        >>> supercell(salt, (2, 2, 2)).formula, reduced_formula(supercell(salt, (2, 2, 2)))
        ('Na8Cl8', 'NaCl')
    """
    return reduced_formula_of(crystal.numbers.tolist())


def composition_key(crystal: Crystal) -> str:
    """Return what crystals of one composition share, elements in alphabetical order.

    Draws of groups go through sorted keys, so that these are not for people and stay as they are.

    Args:
        crystal: Any.

    Example:
        >>> pbc = np.array([True, True, True])
        >>> composition_key(Crystal(np.eye(3), np.zeros((2, 3)), np.array([11, 17]), pbc))
        'ClNa'
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
