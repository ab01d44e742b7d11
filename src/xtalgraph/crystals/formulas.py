"""Chemical formulas as chemists write them: elements from the least to the most electronegative."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from xtalgraph.conventions.elements import ATOMIC_NUMBERS, SYMBOLS

_ELECTRONEGATIVITIES: Final = """
Fr 0.7 Cs 0.79 K 0.82 Rb 0.82 Ba 0.89 Ra 0.9 Na 0.93 Sr 0.95 Li 0.98 Ca 1 Ac 1.1 La 1.1 Tb 1.1
Yb 1.1 Ce 1.12 Pm 1.13 Pr 1.13 Nd 1.14 Sm 1.17 Eu 1.2 Gd 1.2 Dy 1.22 Y 1.22 Ho 1.23 Er 1.24 Tm
1.25 Lu 1.27 Pu 1.28 Am 1.3 Bk 1.3 Cf 1.3 Cm 1.3 Es 1.3 Fm 1.3 Hf 1.3 Lr 1.3 Md 1.3 No 1.3 Th
1.3 Mg 1.31 Zr 1.33 Np 1.36 Sc 1.36 U 1.38 Pa 1.5 Ta 1.5 Ti 1.54 Mn 1.55 Be 1.57 Nb 1.6 Al 1.61
Tl 1.62 V 1.63 Zn 1.65 Cr 1.66 Cd 1.69 In 1.78 Ga 1.81 Fe 1.83 Co 1.88 Cu 1.9 Re 1.9 Si 1.9 Tc
1.9 Ni 1.91 Ag 1.93 Sn 1.96 Hg 2 Po 2 Ge 2.01 Bi 2.02 B 2.04 Sb 2.05 Te 2.1 Mo 2.16 As 2.18 P
2.19 At 2.2 H 2.2 Ir 2.2 Os 2.2 Pd 2.2 Rn 2.2 Ru 2.2 Pt 2.28 Rh 2.28 Pb 2.33 W 2.36 Au 2.54 C
2.55 Se 2.55 S 2.58 Xe 2.6 I 2.66 Br 2.96 Kr 3 N 3.04 Cl 3.16 O 3.44 F 3.98
"""
_FIELDS: Final = _ELECTRONEGATIVITIES.split()
ELECTRONEGATIVITY: Final[Mapping[int, float]] = {
    ATOMIC_NUMBERS[symbol]: float(value)
    for symbol, value in zip(_FIELDS[::2], _FIELDS[1::2], strict=True)
}
"""Pauling's electronegativity as pymatgen has it, by atomic number. It orders formulas and nothing
else; elements that have none come last. What models read is in ``elements.csv``."""
_WHOLE: Final = {
    **{f"{metal}O": f"{metal}2O2" for metal in ("H", "Li", "Na", "K", "Rb", "Cs")},
    **{gas: f"{gas}2" for gas in ("H", "N", "O", "F", "Cl")},
}
"""Peroxides and molecules of two atoms, whose formula is not reduced to the end."""
_APART: Final = 1.65
"""Two last elements that differ by less are an anion, which gets brackets: ``Ca3(PO4)2``."""


def formula_parts(numbers: Iterable[int]) -> list[tuple[str, int]]:
    """Return the elements and how many atoms there are of each, in the order of a formula.

    >>> formula_parts([8, 8, 8, 22, 38])
    [('Sr', 1), ('Ti', 1), ('O', 3)]
    """
    counts = Counter(numbers)
    return [(SYMBOLS[z], counts[z]) for z in sorted(counts, key=_place)]


def formula_of(numbers: Iterable[int]) -> str:
    """Return the formula of all atoms, not reduced: ``Na4Cl4``."""
    return _joined(formula_parts(numbers))


def formula_of_amounts(amounts: Mapping[int, float]) -> str:
    """Return a formula of amounts that need not be whole, to four digits: ``K0.5Na0.5Cl``."""
    parts = ((SYMBOLS[z], f"{amounts[z]:.4g}") for z in sorted(amounts, key=_place))
    return "".join(f"{symbol}{amount if amount != '1' else ''}" for symbol, amount in parts)


def reduced_formula_of(numbers: Iterable[int]) -> str:
    """Return the formula in the smallest whole numbers, as pymatgen writes it.

    >>> reduced_formula_of([17, 17, 11, 11])
    'NaCl'
    >>> reduced_formula_of([20] * 3 + [15, 8, 8, 8, 8] * 2)
    'Ca3(PO4)2'
    """
    parts = _reduced(formula_parts(numbers))
    if len(parts) > 2 and _difference(parts) < _APART:
        anion = parts[-2:]
        times = math.gcd(*(count for _, count in anion))
        if times > 1:
            return f"{_joined(parts[:-2])}({_joined(_reduced(anion))}){times}"
    text = _joined(parts)
    return _WHOLE.get(text, text)


def _reduced(parts: list[tuple[str, int]]) -> list[tuple[str, int]]:
    divisor = math.gcd(*(count for _, count in parts))
    return [(symbol, count // divisor) for symbol, count in parts]


def _joined(parts: list[tuple[str, int]]) -> str:
    return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in parts)


def _place(number: int) -> tuple[float, str]:
    return ELECTRONEGATIVITY.get(number, math.inf), SYMBOLS[number]


def _difference(parts: list[tuple[str, int]]) -> float:
    """By how much the last element is more electronegative than the one before it."""
    first, second = (
        ELECTRONEGATIVITY.get(ATOMIC_NUMBERS[symbol], math.nan) for symbol, _ in parts[-2:]
    )
    return second - first
