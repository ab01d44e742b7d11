"""What a crystal is made of: its reduced formula and its chemical system."""

import math
from typing import Final, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.formulas import formula_of_amounts, reduced_formula_of
from xtalgraph.crystals.occupancies import VACANCY

VACANCY_NAME: Final = "vacancy"
"""What stands beside the symbols of elements where sites are empty in part."""


def reduced_formula(crystal: Crystal) -> str:
    """Return the formula with the smallest whole numbers, as pymatgen writes it.

    Where sites are disordered it is that of the smallest whole number of sites of each kind:
    ``K0.5Na0.5Cl``.

    >>> from xtalgraph.crystals.transforms import supercell
    >>> sites = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> salt = Crystal.from_fractional(2.82 * (1 - np.eye(3)), sites, np.array([17, 11]))
    >>> supercell(salt, (2, 2, 2)).formula, reduced_formula(supercell(salt, (2, 2, 2)))
    ('Na8Cl8', 'NaCl')
    """
    if crystal.occupancies is not None:
        units = _formula_units(crystal)
        return formula_of_amounts({z: float(crystal.amounts[z]) / units for z in crystal.elements})
    return reduced_formula_of(crystal.numbers.tolist())


def composition_key(crystal: Crystal) -> str:
    """Return what crystals of one composition share, elements in alphabetical order.

    Draws of groups go through sorted keys, so that these are not for people and stay as they are.

    >>> pbc = np.array([True, True, True])
    >>> composition_key(Crystal(np.eye(3), np.zeros((2, 3)), np.array([11, 17]), pbc))
    'ClNa'
    """
    if crystal.occupancies is not None:
        units = _formula_units(crystal)
        return "".join(
            sorted(f"{SYMBOLS[z]}{crystal.amounts[z] / units:.6g}" for z in crystal.elements)
        )
    numbers, counts = np.unique(crystal.numbers, return_counts=True)
    divisor = math.gcd(*counts.tolist())
    parts = zip(numbers.tolist(), (counts // divisor).tolist(), strict=True)
    return "".join(sorted(f"{SYMBOLS[z]}{n if n > 1 else ''}" for z, n in parts))


Elements: TypeAlias = Int[np.ndarray, " _"] | Float[np.ndarray, "119"]
"""Atomic numbers of a crystal; or, of a disordered one, how many atoms of each element it holds."""


def elements_of(crystal: Crystal) -> Elements:
    """Return the atomic numbers of a crystal; of a disordered one the amounts of its elements."""
    return crystal.numbers if crystal.occupancies is None else crystal.amounts


def held_by(crystal: Crystal) -> set[str]:
    """Return the symbols of what a crystal holds, and ``vacancy`` where a site is empty in part."""
    held = {SYMBOLS[z] for z in crystal.elements}
    if crystal.occupancies is not None and bool((crystal.occupancies.species == VACANCY).any()):
        held.add(VACANCY_NAME)
    return held


def chemical_system(crystal: Crystal) -> str:
    """Return the elements of a crystal in alphabetical order, ``Ba-O-Ti``."""
    return "-".join(sorted({SYMBOLS[z] for z in crystal.elements}))


def _formula_units(crystal: Crystal) -> int:
    """Return the largest number that divides how many sites there are of each kind."""
    return math.gcd(*np.unique(crystal.site_kinds, return_counts=True)[1].tolist())
