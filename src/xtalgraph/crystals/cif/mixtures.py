"""Sites of a CIF that one species does not fill: refused by their names, or joined by position."""

from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import WAYS_OUT, InputError
from xtalgraph.crystals.cif.items import unquoted
from xtalgraph.crystals.cif.sites import Sites
from xtalgraph.crystals.occupancies import ROUNDING, mixture_text

OCCUPANCY_TOLERANCE: Final[float] = 1e-3
"""How far from 1 an occupancy may be and still count as full."""

_NAMED_TOGETHER: Final[float] = 0.5
"""Å; partly occupied sites nearer than this are named together: they hold one atom or the other."""

_NAMED: Final = 4
_GROUPED: Final = 100
"""Disordered sites that are looked at for a message, of which it names the first few."""


def check_occupancies(cell: Float[np.ndarray, "3 3"], sites: Sites) -> None:
    """Raise an `InputError` where a site is not fully occupied, naming what shares its position."""
    if sites.occupancies is None:
        return
    partial = np.flatnonzero(np.abs(sites.occupancies - 1.0) > OCCUPANCY_TOLERANCE)
    if len(partial) == 0:
        return
    groups = _groups(cell, sites, partial[:_GROUPED].tolist())
    named = "; ".join(
        " with ".join(_site(sites, n) for n in group[:_NAMED]) for group in groups[:_NAMED]
    )
    more = f" and {len(groups) - _NAMED} more positions" if len(groups) > _NAMED else ""
    raise InputError(
        f"partial occupancy: {named}{more}; a crystal graph needs one atom on each site, so choose "
        "an ordering first, as pymatgen's OrderDisorderedStructureTransformation does, or: "
        f"{WAYS_OUT}"
    )


def _groups(cell: Float[np.ndarray, "3 3"], sites: Sites, partial: list[int]) -> list[list[int]]:
    """Return which partly occupied sites belong to one position.

    A site joins the first of a group that is near while the occupancies add up to 1 at most.
    """
    groups: list[list[int]] = []
    for n in partial:
        for group in groups:
            step = sites.fractional[n] - sites.fractional[group[0]]
            apart = float(np.linalg.norm((step - np.round(step)) @ cell))
            total = _occupancy(sites, n) + sum(_occupancy(sites, m) for m in group)
            if apart < _NAMED_TOGETHER and total <= 1.0 + 10 * OCCUPANCY_TOLERANCE:
                group.append(n)
                break
        else:
            groups.append([n])
    return groups


def _occupancy(sites: Sites, site: int) -> float:
    return 1.0 if sites.occupancies is None else float(sites.occupancies[site])


def _site(sites: Sites, site: int) -> str:
    return f"{_label(sites, site)} ({SYMBOLS[sites.numbers[site]]} {_occupancy(sites, site):g})"


_SHARED: Final = 0.1
"""Å; partly occupied sites nearer than this are one site. Farther apart they are alternative
positions of atoms, which are no mixture."""


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
        share = _occupancy(sites, site)
        if not 0 < share <= 1 + ROUNDING:
            raise InputError(
                f"site {_label(sites, site)} has the occupancy {share:g}; a site that is there has "
                "one above 0 and up to 1, so correct it or leave the site out"
            )
        full = abs(share - 1) <= OCCUPANCY_TOLERANCE
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
    return partly[nearest] if apart[nearest] < _SHARED else None


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
