"""Symbols of the elements and their atomic numbers."""

from typing import Final

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
