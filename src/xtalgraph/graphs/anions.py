"""Which elements of a crystal are its anions: what makes it an oxide, a nitride, an oxyfluoride."""

from typing import Final

import numpy as np

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within

ANIONS: Final[tuple[str, ...]] = (
    "H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Ge", "As", "Se", "Br", "Sb", "Te", "I",
)  # fmt: skip
"""Elements that can be anions."""
FAMILIES: Final[dict[str, str]] = {
    "hydride": "H", "boride": "B", "carbide": "C", "nitride": "N", "oxide": "O", "fluoride": "F",
    "silicide": "Si", "phosphide": "P", "sulfide": "S", "chloride": "Cl", "germanide": "Ge",
    "arsenide": "As", "selenide": "Se", "bromide": "Br", "antimonide": "Sb", "telluride": "Te",
    "iodide": "I", "oxyfluoride": "F-O", "oxynitride": "N-O", "oxysulfide": "O-S",
    "oxychloride": "Cl-O", "none": "none",
}  # fmt: skip
"""Names of families and their anions, as `anion_family` writes them."""
_FARTHEST: Final = 4.0
"""Up to where an atom has neighbours, Å."""
_SHELL: Final = 1.2
"""The neighbours of an atom are at most this many times as far as its nearest."""


def anion_family(crystal: Crystal) -> str:
    """Return the anions of a crystal in alphabetical order, ``O``, ``F-O``; ``none`` if none.

    An element of `ANIONS` is an anion of the crystal where it is more electronegative (Pauling)
    than its neighbours are on average, for at least one of its atoms. The neighbours are the atoms
    up to 1.2 times the nearest distance, at most 4 Å. So the carbon of a carbonate, whose
    neighbours are oxygen, is none, and neither is the phosphorus of a phosphate.

    >>> sites = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> salt = Crystal.from_fractional(2.82 * (1 - np.eye(3)), sites, np.array([11, 17]))
    >>> anion_family(salt)
    'Cl'
    """
    pull = property_of("electronegativity")[crystal.numbers]
    edges = neighbors_within(crystal, _FARTHEST)
    nearest_distance = np.full(len(crystal), np.inf)
    np.minimum.at(nearest_distance, edges.center, edges.distance)
    shell = edges.distance <= _SHELL * nearest_distance[edges.center]
    # Noble gases have no value; nothing is said by them.
    known = shell & np.isfinite(pull[edges.neighbor])
    center, neighbor = edges.center[known], edges.neighbor[known]
    total = np.bincount(center, pull[neighbor], minlength=len(crystal))
    count = np.bincount(center, minlength=len(crystal))
    stronger = (count > 0) & (pull > total / np.maximum(count, 1) + 1e-9)
    anions = {SYMBOLS[z] for z in crystal.numbers[stronger].tolist()} & set(ANIONS)
    return "-".join(sorted(anions)) or "none"


def family_named(name: str) -> str:
    """Return the anions of a family in `FAMILIES`, or as given, ``O-F``; else a `ConfigError`."""
    if name in FAMILIES:
        return FAMILIES[name]
    symbols = name.split("-")
    if not set(symbols) <= set(ANIONS):
        raise ConfigError(
            f"there is no family {name!r}{nearest(name, FAMILIES)}; or name the anions, as in O-F"
        )
    return "-".join(sorted(set(symbols)))
