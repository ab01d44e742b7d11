"""Occupancies as ASE keeps them, beside atoms that show one species for each site."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from jaxtyping import Int

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.occupancies import FULL
from xtalgraph.crystals.species import number_of_symbol

NAMES: Final = frozenset({"occupancy", "occupancies"})
"""What such an entry is called, in any case."""
KINDS: Final = "spacegroup_kinds"
"""The array of ASE that has the kind of each site, by which the occupancies are listed."""


def sites_of_ase(
    values: Mapping[str, object], numbers: Int[np.ndarray, " sites"]
) -> list[dict[int, float]] | None:
    """Return the occupancy of each species on each site; None where each is filled by one.

    ASE puts the occupancies of a CIF into ``atoms.info["occupancy"]``, by the kind of site, and
    keeps the species of largest occupancy as the atom.

    Args:
        values: Entries and columns of the atoms, by name.
        numbers: Atomic number of each.

    Raises:
        InputError: If one of them tells of a site that is not filled by one species, and not of
            which.
    """
    for name, value in values.items():
        if name.lower() not in NAMES:
            continue
        if isinstance(value, Mapping):
            if not all(_is_full(site) for site in value.values()):
                return _by_site(name, value, np.asarray(values.get(KINDS, ())), numbers)
            continue
        array = np.asarray(value)
        if array.dtype.kind in "iuf" and (np.abs(array - 1.0) > FULL).any():
            raise _not_known(name, "it has no list of the species of each kind of site")
    return None


def _by_site(
    name: str,
    occupancy: Mapping[object, object],
    kinds: np.ndarray,
    numbers: Int[np.ndarray, " sites"],
) -> list[dict[int, float]]:
    if kinds.shape != numbers.shape:
        raise _not_known(name, f"there is no array {KINDS!r} with the kind of each site")
    held: dict[str, dict[int, float]] = {}
    for kind, site in occupancy.items():
        if not isinstance(site, Mapping) or not all(map(_is_number, site.values())):
            raise _not_known(name, f"a kind of site has the entry {str(site)[:40]!r}")
        held[str(kind)] = {number_of_symbol(str(z)): float(share) for z, share in site.items()}
    sites = [held.get(str(kind), {}) for kind in kinds.tolist()]
    for index, (site, number) in enumerate(zip(sites, numbers.tolist(), strict=True)):
        if number not in site:
            raise _not_known(name, f"it does not list the species of the atom on site {index}")
    return sites


def _not_known(name: str, why: str) -> InputError:
    return InputError(
        f"{name!r} tells of several species on a site or of partial occupancy, and not of which "
        f"sites: {why}; give a CIF file or a pymatgen structure, with --disorder"
    )


def _is_full(site: object) -> bool:
    shares = list(site.values()) if isinstance(site, Mapping) else []
    return len(shares) == 1 and _is_number(shares[0]) and abs(shares[0] - 1.0) <= FULL


def _is_number(share: object) -> bool:
    return isinstance(share, int | float)
