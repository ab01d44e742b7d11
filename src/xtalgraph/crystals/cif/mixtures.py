"""Sites of a CIF that share a position: one site that holds several species."""

from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.cif.items import unquoted
from xtalgraph.crystals.cif.sites import Sites
from xtalgraph.crystals.occupancies import ROUNDING, mixture_text

SHARED_POSITION: Final = 0.1
"""Å; partly occupied sites nearer than this are one site. Farther apart they are alternative
positions of atoms, which are no mixture."""
_FULL: Final = 1e-3
"""How far from 1 the occupancy of a full site may be."""


class Mixtures(NamedTuple):
    """The positions of the asymmetric unit."""

    fractional: Float[np.ndarray, "positions 3"]
    """Coordinates: of a position that sites share, those of the first of them in the file."""
    held: list[dict[int, float]]
    """The occupancy of each atomic number at each position."""
    position: Int[np.ndarray, " sites"]
    """The position of each site of the file."""


def join_shared_sites(cell: Float[np.ndarray, "3 3"], sites: Sites) -> Mixtures:
    """Join the sites that share a position.

    Args:
        cell: Lattice vectors as rows, Å.
        sites: Sites of the asymmetric unit.

    Raises:
        InputError: If an occupancy is 0 or above 1, those of one position add up to more than 1, or
            sites that are declared alternatives of each other stand at positions of their own.
    """
    kept: list[int] = []
    held: list[dict[int, float]] = []
    position = np.empty(len(sites.labels), dtype=np.int64)
    partly: list[int] = []  # places in `kept`
    for site, number in enumerate(sites.numbers.tolist()):
        share = 1.0 if sites.occupancies is None else float(sites.occupancies[site])
        if not 0 < share <= 1 + ROUNDING:
            raise InputError(
                f"site {_label(sites, site)} has the occupancy {share:g}; a site that is there has "
                "one above 0 and up to 1, so correct it or leave the site out"
            )
        full = abs(share - 1) <= _FULL
        shared = None if full else _near(cell, sites, kept, partly, site)
        if shared is None:
            position[site] = len(kept)
            if not full:
                partly.append(len(kept))
            kept.append(site)
            held.append({number: 1.0 if full else share})
            continue
        position[site] = shared
        held[shared][number] = held[shared].get(number, 0.0) + share
        total = sum(held[shared].values())
        if total > 1 + ROUNDING:
            raise InputError(
                f"the occupancies at the position of site {_label(sites, kept[shared])} add up to "
                f"{total:g}, which is more than 1: {mixture_text(held[shared])}; correct them"
            )
    _check_alternatives(sites, position)
    return Mixtures(sites.fractional[kept], held, position)


def _near(
    cell: Float[np.ndarray, "3 3"], sites: Sites, kept: list[int], partly: list[int], site: int
) -> int | None:
    """Return the place of the partly occupied site whose position a further one shares."""
    if not partly:
        return None
    step = sites.fractional[[kept[position] for position in partly]] - sites.fractional[site]
    apart = np.linalg.norm((step - np.round(step)) @ cell, axis=1)
    nearest = int(apart.argmin())
    return partly[nearest] if apart[nearest] < SHARED_POSITION else None


def _check_alternatives(sites: Sites, position: Int[np.ndarray, " sites"]) -> None:
    """Raise where one of several declared alternatives shares its position with no other."""
    if not sites.alternatives:
        return
    count = np.bincount(position)
    alone = [site for site in sites.alternatives if count[position[site]] == 1]
    if alone:
        named = ", ".join(_label(sites, site) for site in alone[:4])
        raise InputError(
            f"disorder: the sites {named}{', ...' if len(alone) > 4 else ''} are alternatives of "
            "others and stand at positions of their own, which are no mixture; choose one of the "
            "alternatives and leave the others out"
        )


def _label(sites: Sites, site: int) -> str:
    return unquoted(sites.labels[site])[:40]
