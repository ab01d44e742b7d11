"""From the atoms of the asymmetric unit to all atoms of the cell."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import InputError

SAME_SITE: Final[float] = 0.05
"""Symmetry images closer than this are one atom, Å. Coordinates rounded to three digits (0.333) put
the images of one atom up to 0.03 Å apart in a cell of 30 Å, and no two atoms come this near."""

_CELL_MISFIT: Final[float] = 0.02
"""Largest relative change of the metric under an operation; cells are often rounded."""

_TERM: Final = re.compile(r"([+-]?)(?:(\d+(?:\.\d*)?|\.\d+)(?:/(\d+))?)?\*?([xyz]?)")


class Operations(NamedTuple):
    """Symmetry operations on fractional coordinates: x → R x + t."""

    rotations: Float[np.ndarray, "ops 3 3"]
    """Rotations or rotation-inversions R."""
    translations: Float[np.ndarray, "ops 3"]
    """Translations t in units of the lattice vectors."""


@lru_cache(maxsize=1024)
def parse_operations(triplets: tuple[str, ...]) -> Operations:
    """Read operations such as ``-x+1/2, y, z-x``.

    Translations that are decimals are taken to the nearest 24th when they are within 0.001 of it:
    0.333 is 1/3.

    Args:
        triplets: All operations of the list.

    Returns:
        The operations as matrices.

    Raises:
        InputError: A triplet is malformed, or the identity is missing.
    """
    rotations = np.zeros((len(triplets), 3, 3))
    translations = np.zeros((len(triplets), 3))
    for n, triplet in enumerate(triplets):
        parts = triplet.lower().replace(" ", "").split(",")
        if len(parts) != 3:
            raise InputError(f"symmetry operation {triplet!r} does not have three parts")
        for row, part in enumerate(parts):
            at = 0
            while at < len(part):
                match = _TERM.match(part, at)
                if match is None or not (match[2] or match[4]):
                    raise InputError(f"symmetry operation {triplet!r} cannot be understood")
                at = match.end()
                value = float(match[2] or 1) / float(match[3] or 1)
                value = -value if match[1] == "-" else value
                if match[4]:
                    rotations[n, row, "xyz".index(match[4])] += value
                else:
                    translations[n, row] += value
    nearest = np.round(translations * 24) / 24
    translations = np.where(np.abs(translations - nearest) < 1e-3, nearest, translations)
    is_identity = np.all(rotations == np.eye(3), axis=(1, 2)) & np.all(translations == 0, axis=1)
    if not is_identity.any():
        raise InputError("the list of symmetry operations does not hold the identity x,y,z")
    return Operations(rotations, translations)


def check_fit(cell: Float[np.ndarray, "3 3"], operations: Operations) -> None:
    """Raise where an operation does not map the lattice onto itself.

    Args:
        cell: Lattice vectors as rows, Å.
        operations: The operations.

    Raises:
        InputError: Lengths or angles of the cell break the symmetry that the file declares.
    """
    metric = cell @ cell.T
    mapped = operations.rotations.transpose(0, 2, 1) @ metric @ operations.rotations
    scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    misfit = np.abs(mapped - metric) / scale
    if misfit.max() > _CELL_MISFIT:
        worst = int(misfit.max(axis=(1, 2)).argmax())
        raise InputError(
            f"symmetry operation {worst + 1} of {len(mapped)} does not map the cell onto itself "
            f"(lengths or angles change by {misfit.max():.0%}); cell and symmetry contradict"
        )


def expand(
    cell: Float[np.ndarray, "3 3"], fractional: Float[np.ndarray, "unit 3"], operations: Operations
) -> tuple[Float[np.ndarray, "atoms 3"], np.ndarray]:
    """Apply the operations and merge the images of an atom that coincide.

    An atom within `SAME_SITE` of a special position is moved onto it.

    Args:
        cell: Lattice vectors as rows, Å.
        fractional: Coordinates of the asymmetric unit.
        operations: All operations, identity and centring included.

    Returns:
        Fractional coordinates of all atoms, and for each the index of the site that it comes from.
    """
    positions, origins = [], []
    for index, site in enumerate(fractional):
        images = operations.rotations @ site + operations.translations
        step = images - site
        step -= np.round(step)
        near = np.linalg.norm(step @ cell, axis=1) < SAME_SITE
        special = site + step[near].mean(axis=0)
        images = operations.rotations @ special + operations.translations
        images -= np.floor(images)
        apart = images[:, None] - images[None, :]
        apart -= np.round(apart)
        same = np.linalg.norm(apart @ cell, axis=2) < SAME_SITE
        first = ~np.tril(same, -1).any(axis=1)
        positions.append(images[first])
        origins.append(np.full(int(first.sum()), index))
    return np.concatenate(positions), np.concatenate(origins)
