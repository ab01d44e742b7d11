"""What must be true of a crystal before anything is computed from it."""

import math
from typing import Final

import numpy as np
from vesin import NeighborList

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER, SYMBOLS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.occupancies import mixture_text

OVERLAP_LIMIT: Final[float] = 0.5
"""Two atoms nearer than this overlap, Å. The shortest bond there is, H-H, has 0.74 Å."""

ISOLATED_LIMIT: Final[float] = 8.0
"""An atom without a neighbour within this distance is isolated, Å. The widest metal, caesium, has
5.2 Å between neighbours, and no graph that is in use reaches farther than 8 Å."""

MAX_NUMBER_DENSITY: Final[float] = 0.6
"""Atoms per Å³ of a solid at most. Diamond has 0.18, hydrogen at 300 GPa about 0.6."""

MIN_NUMBER_DENSITY: Final[float] = 1e-3
"""Atoms per Å³ of a periodic crystal at least: a tenth of the most open frameworks (0.012)."""

_LARGEST_COORDINATE: Final[float] = 1e6
"""Å; beyond this, coordinates lose the digits that distances need."""

_FLAT: Final[float] = 1e-4
"""Volume of the cell over the product of its edges, below which it counts as flat."""

_MANY: Final[int] = 2000
"""Atoms from which on pairs are not searched before it is known that they are not crowded."""

_FIRST_CUTOFF: Final[float] = 3.2
"""Å; almost every atom has a neighbour this near, so that the long search is seldom needed."""


def find_problem(crystal: Crystal, isolated: float = ISOLATED_LIMIT) -> str | None:
    """Return the first reason why a crystal cannot be used, with sites and values; or None.

    Sites are counted from 0. A single atom without any periodic direction is a free atom and
    passes; a single atom of a periodic crystal has its own images as neighbours.

    Args:
        crystal: Any crystal, slab, wire or molecule.
        isolated: Distance in Å to the nearest neighbour beyond which an atom is isolated;
            infinity switches the check off.
    """
    if len(crystal) == 0:
        return "the crystal holds no atoms"
    numbers = crystal.site_numbers
    wrong = (numbers < 1) | (numbers > MAX_ATOMIC_NUMBER)
    if crystal.occupancies is not None:
        wrong[crystal.occupancies.sites] = False
    if wrong.any():
        site = int(np.argmax(wrong))
        return f"site {site} has the atomic number {numbers[site]}, which is no element"
    return (
        _coordinates_problem(crystal)
        or _cell_problem(crystal)
        or _distance_problem(crystal, isolated)
    )


def _coordinates_problem(crystal: Crystal) -> str | None:
    if not np.isfinite(crystal.cell).all():
        return "the cell holds a number that is not finite"
    # One comparison finds NaN, infinities and absurd values.
    good = np.abs(crystal.positions) < _LARGEST_COORDINATE
    if not good.all():
        site = int(np.argmin(good.all(axis=1)))
        values = ", ".join(f"{x:g}" for x in crystal.positions[site])
        return f"{_name(crystal, site)} has coordinates that are not finite or absurd: {values} Å"
    if crystal.charges is not None and not np.isfinite(crystal.charges).all():
        site = int(np.argmin(np.isfinite(crystal.charges)))
        return f"{_name(crystal, site)} has the charge {crystal.charges[site]:g}, no finite number"
    return None


def _cell_problem(crystal: Crystal) -> str | None:
    vectors = [v for v, p in zip(crystal.cell.tolist(), crystal.pbc.tolist(), strict=True) if p]
    edges = [math.hypot(*vector) for vector in vectors]
    size = _extent(vectors)
    if not size > _FLAT * math.prod(edges):
        return (
            f"the cell has zero volume or nearly: edges {', '.join(f'{e:g}' for e in edges)} Å "
            f"span {size:g} Å^{len(vectors)}"
        )
    if min(edges, default=OVERLAP_LIMIT) < OVERLAP_LIMIT and len(edges) < 3:
        return (
            f"overlapping atoms: the cell repeats after {min(edges):g} Å, less than "
            f"{OVERLAP_LIMIT} Å"
        )
    if len(vectors) < 3:
        return None
    density = len(crystal) / size
    if density > MAX_NUMBER_DENSITY:
        return (
            f"absurd density: {density:.3g} atoms per Å³, more than hydrogen at 300 GPa "
            f"({MAX_NUMBER_DENSITY}); are the lengths in Å?"
        )
    if density < MIN_NUMBER_DENSITY:
        return (
            f"absurd density: {size / len(crystal):.4g} Å³ per atom, ten times emptier than the "
            "most open framework; if this is a molecule or slab in vacuum, say so with pbc"
        )
    return None


def _distance_problem(crystal: Crystal, isolated: float) -> str | None:
    if len(crystal) > _MANY and (pair := _crowded(crystal)) is not None:
        apart = float(np.linalg.norm(crystal.positions[pair[0]] - crystal.positions[pair[1]]))
        return _overlap(crystal, *pair, apart)
    centers, distances = _search(crystal, _FIRST_CUTOFF, "id")
    if len(distances) and distances.min() < OVERLAP_LIMIT:
        centers, neighbors, distances = _search(crystal, OVERLAP_LIMIT, "ijd")
        closest = int(distances.argmin())
        pair = int(centers[closest]), int(neighbors[closest])
        return _overlap(crystal, *pair, float(distances[closest]))
    if isolated == np.inf or (len(crystal) == 1 and not crystal.pbc.any()):
        return None
    alone = np.ones(len(crystal), dtype=bool)
    alone[centers] = False
    if alone.any():
        alone[_search(crystal, isolated, "i")[0]] = False
        if alone.any():
            site = int(alone.argmax())
            more = f" ({alone.sum()} such atoms)" if alone.sum() > 1 else ""
            who = _name(crystal, site)
            return f"isolated atom: {who} has no neighbour within {isolated:g} Å{more}"
    return None


def _crowded(crystal: Crystal) -> tuple[int, int] | None:
    """Return two atoms in one cube so small that they overlap, in linear time and memory.

    A search would list the pairs of thousands of atoms on one place before it could say so.
    """
    cubes = np.floor(crystal.positions / (OVERLAP_LIMIT / 2)).astype(np.int64)
    _, first, cube = np.unique(cubes, axis=0, return_index=True, return_inverse=True)
    repeated = np.flatnonzero(first[cube.ravel()] != np.arange(len(cubes)))
    if len(repeated) == 0:
        return None
    return int(first[cube.ravel()[repeated[0]]]), int(repeated[0])


def _overlap(crystal: Crystal, i: int, j: int, distance: float) -> str:
    other = "its own periodic image" if i == j else _name(crystal, j)
    return (
        f"overlapping atoms: {_name(crystal, i)} and {other} are {distance:.3f} Å apart, less than "
        f"{OVERLAP_LIMIT} Å"
    )


def _extent(vectors: list[list[float]]) -> float:
    """Return the volume, area or length that three, two or one vectors span; 1 for none.

    Plain numbers: on 3x3 arrays the calls into numpy cost ten times the arithmetic.
    """
    if len(vectors) == 0:
        return 1.0
    if len(vectors) == 1:
        return math.hypot(*vectors[0])
    (ax, ay, az), (bx, by, bz) = vectors[:2]
    normal = (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    if len(vectors) == 2:
        return math.hypot(*normal)
    return abs(sum(n * c for n, c in zip(normal, vectors[2], strict=True)))


def _search(crystal: Crystal, cutoff: float, quantities: str) -> list[np.ndarray]:
    """Return centres i, neighbours j or distances d of all pairs within the cutoff."""
    periodic = True if crystal.pbc.all() else crystal.pbc.tolist()
    search = NeighborList(cutoff=cutoff, full_list=True)
    return list(search.compute(crystal.positions, crystal.cell, periodic, quantities))


def _name(crystal: Crystal, site: int) -> str:
    number, held = int(crystal.site_numbers[site]), crystal.occupancies
    what = SYMBOLS[number] if number or held is None else mixture_text(held.on_site(site))
    return f"site {site} ({what})"
