"""The ions of the embedded data set: one oxidation state and one radius for each element."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from pymatgen.core import Species

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError

OXIDATION_STATES: Final = MappingProxyType(
    {
        **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs"), 1),
        **dict.fromkeys(("Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Pb"), 2),
        **dict.fromkeys(("Al", "Ga", "In", "Sc", "Y", "La", "Nd"), 3),
        **dict.fromkeys(("Ti", "Zr", "Hf", "Sn"), 4),
        **dict.fromkeys(("Nb", "Ta"), 5),
        "W": 6,
        **dict.fromkeys(("O", "S"), -2),
        **dict.fromkeys(("F", "Cl", "Br", "I"), -1),
    }
)
"""Charge of each element in units of e. One per element, so that a crystal tells its charges."""

_OUTER_ELECTRONS: Final = MappingProxyType({"Li": 2})  # every other ion: a closed shell of 8


@dataclass(frozen=True)
class Ion:
    """A charged, nearly hard sphere."""

    symbol: str
    """Symbol of the element."""
    charge: int
    """Oxidation state, e."""
    radius: float
    """Shannon's crystal-chemical ("effective ionic") radius in sixfold coordination, Å."""
    outer_electrons: int
    """Number n of electrons in the outer shell, for Pauling's factor."""


@cache
def ion_of(number: int) -> Ion:
    """Ion that an element forms in this family of crystals.

    Args:
        number: Atomic number.

    Returns:
        The ion, with the radius of R. D. Shannon, Acta Cryst. A32, 751 (1976), from pymatgen.

    Raises:
        InputError: The family has no ion of that element.
    """
    symbol = SYMBOLS[number]
    if symbol not in OXIDATION_STATES:
        raise InputError(
            f"the rigid-ion model knows {', '.join(OXIDATION_STATES)}; got {symbol}, for which "
            "it has no charge"
        )
    charge = OXIDATION_STATES[symbol]
    radius = float(Species(symbol, charge).get_shannon_radius("VI"))
    return Ion(symbol, charge, radius, _OUTER_ELECTRONS.get(symbol, 8))
