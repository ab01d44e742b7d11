"""Occupancies as ASE keeps them, beside atoms that show one species for each site."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.occupancies import FULL

NAMES: Final[tuple[str, ...]] = ("occupancy", "occupancies")
"""What such an entry is called, in any case."""


def check_ase_occupancy(values: Mapping[str, object]) -> None:
    """Raise where sites hold several species or are empty in part.

    ASE puts the occupancies of a CIF into ``atoms.info["occupancy"]``, by the kind of site, and
    keeps the species of largest occupancy as the atom.

    Args:
        values: Entries and columns of the atoms, by name.

    Raises:
        InputError: If one of them tells of a site that is not filled by one species.
    """
    for name, value in values.items():
        if name.lower() not in NAMES:
            continue
        if isinstance(value, Mapping):
            full = all(_is_full(site) for site in value.values())
        else:
            array = np.asarray(value)
            full = array.dtype.kind not in "iuf" or bool((np.abs(array - 1.0) <= FULL).all())
        if not full:
            raise InputError(
                f"{name!r} tells of several species on a site or of partial occupancy, which is "
                "read from CIF files and pymatgen structures: give one of these, with --disorder"
            )


def _is_full(site: object) -> bool:
    if not isinstance(site, Mapping) or len(site) != 1:
        return False
    (share,) = site.values()
    return isinstance(share, int | float) and abs(share - 1.0) <= FULL
