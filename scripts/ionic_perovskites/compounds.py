"""The compounds of the embedded data set: which ions share the sites of a perovskite."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from typing import Final

import numpy as np

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.data.ionic.rigid_ion import Ion, ion_of

# Which elements are tried on which site; size and charge decide below.
_A_SITE: Final = "Na K Rb Cs Ca Sr Ba Cd Pb Y La Nd"
_B_SITE: Final = "Li Na Mg Ca Zn Cd Sr Pb Al Ga In Sc Y Ti Zr Hf Sn Nb Ta W"
_X_SITE: Final = "O S F Cl Br I"

_TOLERANCE: Final = (0.76, 1.02)  # Goldschmidt's factor, all radii for sixfold coordination
_OCTAHEDRON: Final = (0.27, 0.85)  # radius of B over radius of X
_CATION_RATIO: Final = 1.5  # larger over smaller radius of two cations on one site
_ANION_RATIO: Final = 1.2  # the same for two anions
_CHARGE_GAP: Final = 2  # largest difference in charge of two ions on one site


@dataclass(frozen=True)
class Compound:
    """A, B and X of ABX3; at most one of the three sites is shared by two elements."""

    a_site: tuple[Ion, ...]
    """One ion, or two that occupy half of the A sites each."""
    b_site: tuple[Ion, ...]
    """One ion, or two that occupy half of the B sites each."""
    x_site: tuple[Ion, ...]
    """One ion, or two of which the first occupies two thirds and the second one third."""

    @property
    def sites(self) -> tuple[tuple[Ion, ...], tuple[Ion, ...], tuple[Ion, ...]]:
        """The three sites in the order A, B, X."""
        return self.a_site, self.b_site, self.x_site

    @property
    def mixed(self) -> str:
        """Which site is shared: ``A``, ``B``, ``X``, or nothing."""
        return "".join(name for name, site in zip("ABX", self.sites, strict=True) if len(site) > 1)

    @property
    def name(self) -> str:
        """Formula of the pure compound or of the mixture, e.g. ``SrTiO3``, ``(NaLa)TiO3``."""
        a, b, x = ("".join(ion.symbol for ion in site) for site in self.sites)
        a, b = (f"({s})" if self.mixed == m else s for m, s in (("A", a), ("B", b)))
        if self.mixed == "X":
            return f"{a}{b}{self.x_site[0].symbol}2{self.x_site[1].symbol}"
        return f"{a}{b}{x}3"

    def mean(self, site: int, quantity: str) -> float:
        """Average of an ion's property over one site (0, 1, 2 for A, B, X)."""
        weights = {1: (1.0,), 2: (2 / 3, 1 / 3) if site == 2 else (0.5, 0.5)}
        ions = self.sites[site]
        shares = zip(weights[len(ions)], ions, strict=True)
        return float(sum(w * getattr(ion, quantity) for w, ion in shares))

    @property
    def balanced(self) -> bool:
        """Whether the charges of the formula unit add up to zero."""
        a, b, x = (self.mean(site, "charge") for site in range(3))
        return abs(a + b + 3 * x) < 1e-9

    @property
    def fits(self) -> bool:
        """Whether shared sites hold similar ions and the mean radii make a perovskite."""
        for ions, ratio in zip(
            self.sites, (_CATION_RATIO, _CATION_RATIO, _ANION_RATIO), strict=True
        ):
            radii = [ion.radius for ion in ions]
            charges = [ion.charge for ion in ions]
            if max(radii) > ratio * min(radii) or max(charges) - min(charges) > _CHARGE_GAP:
                return False
        a, b, x = (self.mean(site, "radius") for site in range(3))
        tolerance = (a + x) / (np.sqrt(2) * (b + x))
        octahedron = b / x
        return bool(
            _TOLERANCE[0] <= tolerance <= _TOLERANCE[1]
            and _OCTAHEDRON[0] <= octahedron <= _OCTAHEDRON[1]
        )


@cache
def all_compounds() -> dict[str, tuple[Compound, ...]]:
    """Every compound that balances and fits, by the site that is mixed (``""`` for none)."""
    by_site: dict[str, list[Compound]] = {"": [], "A": [], "B": [], "X": []}
    for compound in _candidates():
        distinct = len({ion.symbol for site in compound.sites for ion in site})
        if distinct == sum(map(len, compound.sites)) and compound.balanced and compound.fits:
            by_site[compound.mixed].append(compound)
    return {mixed: tuple(compounds) for mixed, compounds in by_site.items()}


def _candidates() -> Iterator[Compound]:
    a_site, b_site, x_site = (
        [(ion_of(ATOMIC_NUMBERS[symbol]),) for symbol in symbols.split()]
        for symbols in (_A_SITE, _B_SITE, _X_SITE)
    )
    for a, b, x in product(a_site, b_site, x_site):
        yield Compound(a, b, x)
    for (a, other), b, x in product(combinations(a_site, 2), b_site, x_site):
        yield Compound(a + other, b, x)
    for a, (b, other), x in product(a_site, combinations(b_site, 2), x_site):
        yield Compound(a, b + other, x)
    for a, b, x, other in product(a_site, b_site, x_site, x_site):
        yield Compound(a, b, x + other)
