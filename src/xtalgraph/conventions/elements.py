"""Symbols of the elements and their atomic numbers."""

from collections.abc import Iterable, Sequence
from typing import Final

from xtalgraph.conventions.errors import ConfigError

_BY_PERIOD: Final[str] = """
X
H He
Li Be B C N O F Ne
Na Mg Al Si P S Cl Ar
K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe
Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn
Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""

SYMBOLS: Final[tuple[str, ...]] = tuple(_BY_PERIOD.split())
"""Symbol of each atomic number; index 0 is the placeholder X, which no crystal may hold."""

ATOMIC_NUMBERS: Final[dict[str, int]] = {s: z for z, s in enumerate(SYMBOLS) if z > 0}
"""Atomic number of each symbol. Deuterium and tritium are hydrogen."""
ATOMIC_NUMBERS.update({"D": 1, "T": 1})

MAX_ATOMIC_NUMBER: Final[int] = len(SYMBOLS) - 1
"""The largest atomic number known here, 118."""


def numbers_of(elements: Sequence[str] | None) -> tuple[int, ...]:
    """Return the atomic numbers of the elements that a model has weights of, ascending.

    Args:
        elements: Symbols; None for every number from 0.

    Raises:
        ConfigError: If there are none, or one is no symbol or there twice.

    >>> numbers_of(["Cl", "Na"])
    (11, 17)
    """
    if elements is None:
        return tuple(range(MAX_ATOMIC_NUMBER + 1))
    numbers = sorted({ATOMIC_NUMBERS.get(symbol, 0) for symbol in elements})
    if not numbers or numbers[0] == 0 or len(numbers) < len(elements):
        raise ConfigError(
            "model.elements must be symbols of elements, each once, or null for those of the "
            f"data, got {list(elements)}"
        )
    return tuple(numbers)


def why_not_known(numbers: Iterable[int], known: Sequence[int]) -> str:
    """Return why a model that knows some elements cannot read others; empty where it can."""
    unknown = sorted(set(numbers) - set(known))
    if not unknown:
        return ""
    listed = ", ".join(SYMBOLS[number] for number in unknown)
    return (
        f"it holds {listed}, of which the model has no weights: it knows "
        f"{', '.join(SYMBOLS[number] for number in known)}"
    )
