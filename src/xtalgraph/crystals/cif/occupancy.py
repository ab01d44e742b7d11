"""What to do about sites that are not fully occupied: here the one decision is made."""

from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import WAYS_OUT, InputError
from xtalgraph.crystals.cif.items import unquoted
from xtalgraph.crystals.cif.sites import Sites

OCCUPANCY_TOLERANCE: Final[float] = 1e-3
"""How far from 1 an occupancy may be and still count as full."""

SHARED_POSITION: Final[float] = 0.5
"""Å; partly occupied sites nearer than this are occupied by one atom or the other."""

_NAMED: Final = 4
_GROUPED: Final = 100
"""Disordered sites that are looked at for a message, of which it names the first few."""


def check_occupancies(cell: Float[np.ndarray, "3 3"], sites: Sites) -> None:
    """Raise where a site is not fully occupied, naming the sites that share a position.

    Args:
        cell: Lattice vectors as rows, Å.
        sites: Sites of the asymmetric unit.

    Raises:
        InputError: A site is partly occupied, or has an occupancy above 1.
    """
    if sites.occupancies is None:
        return
    partial = np.flatnonzero(np.abs(sites.occupancies - 1.0) > OCCUPANCY_TOLERANCE)
    if len(partial) == 0:
        return
    groups = shared_positions(cell, sites, partial[:_GROUPED].tolist())
    named = "; ".join(
        " with ".join(_site(sites, n) for n in group[:_NAMED]) for group in groups[:_NAMED]
    )
    more = f" and {len(groups) - _NAMED} more positions" if len(groups) > _NAMED else ""
    raise InputError(
        f"partial occupancy: {named}{more}; a crystal graph needs one atom on each site, so choose "
        "an ordering first, as pymatgen's OrderDisorderedStructureTransformation does, or: "
        f"{WAYS_OUT}"
    )


def shared_positions(
    cell: Float[np.ndarray, "3 3"], sites: Sites, partial: list[int]
) -> list[list[int]]:
    """Return which partly occupied sites belong to one position.

    Sites within `SHARED_POSITION` of the first of a group join it while the occupancies add up to 1
    at most.

    Args:
        cell: Lattice vectors as rows, Å.
        sites: Sites of the asymmetric unit.
        partial: Indices of the partly occupied ones.

    Returns:
        Indices of the sites of each position.
    """
    groups: list[list[int]] = []
    for n in partial:
        for group in groups:
            step = sites.fractional[n] - sites.fractional[group[0]]
            apart = float(np.linalg.norm((step - np.round(step)) @ cell))
            total = _occupancy(sites, n) + sum(_occupancy(sites, m) for m in group)
            if apart < SHARED_POSITION and total <= 1.0 + 10 * OCCUPANCY_TOLERANCE:
                group.append(n)
                break
        else:
            groups.append([n])
    return groups


def _occupancy(sites: Sites, site: int) -> float:
    return 1.0 if sites.occupancies is None else float(sites.occupancies[site])


def _site(sites: Sites, site: int) -> str:
    symbol = SYMBOLS[sites.numbers[site]]
    return f"{unquoted(sites.labels[site])[:40]} ({symbol} {_occupancy(sites, site):g})"
