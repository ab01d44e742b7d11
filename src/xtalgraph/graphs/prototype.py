"""The prototype of a crystal: which kinds of orbits are taken in which space group."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.asymmetric_unit import symmetry_dataset

PROTOTYPE_SYMPREC: Final = 0.1
"""How far an operation may miss an atom, Å. Relaxed structures of one prototype are distorted by
less, and pymatgen compares protostructures at the same value."""
_MIRRORED: Final = {
    78: 76, 95: 91, 96: 92, 145: 144, 153: 151, 154: 152, 170: 169, 172: 171, 179: 178,
    181: 180, 213: 212,
}  # fmt: skip
"""Space groups that are the mirror image of another one."""


# A training divides by prototype, and then counts what the parts share: each asks again, and the
# answer for 13,600 crystals takes half a minute. Kept as long as the crystal is.
_FOUND: WeakKeyDictionary[Crystal, "Prototype"] = WeakKeyDictionary()


@dataclass(frozen=True)
class Prototype:
    """Space group and orbits of a crystal, with and without its elements."""

    label: str
    """Without elements, such as ``221: 1(3mm) + 1(3mm) + 3(/4mmm)``: the number of the space group,
    then for each element its orbits, each by its multiplicity in the conventional cell and the
    characters of its site symmetry."""
    with_elements: str
    """The same with the elements that stand on the orbits, ``221: 1(3mm) Ba + ...``."""


def find_prototype(crystal: Crystal) -> Prototype:
    """Find the prototype of a crystal.

    An orbit is known by its multiplicity and site symmetry instead of its Wyckoff letter, because
    the letter depends on the choice of origin and axes: Ba at the corner and Ti in the middle, or
    the reverse, are one crystal. So a group of letters that the space group tells apart by more
    than that counts as one: prototypes are rather too coarse than too fine. Space groups that are
    mirror images of each other count as one.

    Args:
        crystal: Repeats in all three directions.

    Raises:
        GraphError: If a direction does not repeat, or spglib finds no space group.

    Source: Hicks et al., npj Comput. Mater. 7, 30 (2021), doi 10.1038/s41524-020-00483-4, for
    labels of prototypes by space group and Wyckoff positions.

    >>> sites = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> salt = Crystal.from_fractional(2.82 * (1 - np.eye(3)), sites, np.array([11, 17]))
    >>> find_prototype(salt).label
    '225: 4(-3mm) + 4(-3mm)'
    """
    if crystal not in _FOUND:
        _FOUND[crystal] = _find(crystal)
    return _FOUND[crystal]


def _find(crystal: Crystal) -> Prototype:
    symmetry = symmetry_dataset(crystal, PROTOTYPE_SYMPREC)
    conventional = len(symmetry.std_types) / len(crystal)
    _, first, counts = np.unique(
        symmetry.crystallographic_orbits, return_index=True, return_counts=True
    )
    orbits: dict[str, list[str]] = defaultdict(list)
    for atom, count in zip(first.tolist(), counts.tolist(), strict=True):
        # Site symmetries such as 2mm and m2m differ in the choice of axes only.
        symbol = "".join(sorted(symmetry.site_symmetry_symbols[atom].replace(".", "")))
        orbit = f"{round(count * conventional)}({symbol})"
        orbits[crystal.site_labels[atom]].append(orbit)
    number = _MIRRORED.get(int(symmetry.number), int(symmetry.number))
    patterns = {symbol: ",".join(sorted(parts)) for symbol, parts in orbits.items()}
    named = " + ".join(f"{pattern} {symbol}" for symbol, pattern in sorted(patterns.items()))
    return Prototype(f"{number}: {' + '.join(sorted(patterns.values()))}", f"{number}: {named}")
