"""Symmetry operations: read from text, checked as a group, and applied to the asymmetric unit."""

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import spglib
from jaxtyping import Bool, Float, Int

from xtalgraph.conventions.errors import InputError

SAME_SITE: Final[float] = 0.05
"""Symmetry images closer than this are one atom, Å. Coordinates rounded to three digits (0.333) put
the images of one atom up to 0.03 Å apart in a cell of 30 Å, and no two atoms come this near."""

MAX_OPERATIONS: Final[int] = 2_000
"""The largest list of operations that is read. A space group has at most 192 in its conventional
cell, a magnetic supercell some hundreds."""

MAX_IMAGES: Final[int] = 1_000_000
"""The most symmetry images, sites times operations, that one crystal may have."""

_CELL_MISFIT: Final[float] = 0.02
"""Largest relative change of the metric under an operation; cells are often rounded."""

_LARGEST_POINT_GROUP: Final = 48
_LARGEST_TRANSLATION: Final[float] = 100.0
"""Lattice vectors; more is no operation that anyone wrote on purpose."""

_LARGEST_DIVISOR: Final = 1000.0
_TERM: Final = re.compile(r"([+-]?)(?:(\d+(?:\.\d*)?|\.\d+)(?:/(\d+))?)?\*?([xyz]?)")
_GRID: Final = 2**12 * 27
"""Steps of a translation in `_codes`: no fraction with a denominator below 8192 is between two."""
_WEIGHTS: Final = np.array([7919 ** (n + 1) % 2**61 for n in range(12)], dtype=np.int64)


class Operations(NamedTuple):
    """Symmetry operations on fractional coordinates: x → R x + t."""

    rotations: Float[np.ndarray, "ops 3 3"]
    """Rotations or rotation-inversions R."""
    translations: Float[np.ndarray, "ops 3"]
    """Translations t in units of the lattice vectors."""


@lru_cache(maxsize=1024)
def parse_operations(triplets: tuple[str, ...]) -> Operations:
    """Read operations such as ``-x+1/2, y, z-x``.

    Translations that are decimals are taken to the nearest 24th when they are within 0.001 of it
    (0.333 is 1/3), or else to the nearest fraction with a denominator up to 48 within 0.0001.
    Operations that are the same up to a lattice vector are kept once.

    Args:
        triplets: All operations of the list.

    Raises:
        InputError: A triplet is malformed or no operation of a lattice, the identity is missing, or
            there are more than `MAX_OPERATIONS`.
    """
    if len(triplets) > MAX_OPERATIONS:
        raise InputError(
            f"{len(triplets)} symmetry operations; more than {MAX_OPERATIONS} are not read"
        )
    parsed = [_parse(triplet) for triplet in triplets]
    operations = Operations(
        np.array([rotation for rotation, _ in parsed], dtype=float).reshape(-1, 3, 3),
        np.array([translation for _, translation in parsed], dtype=float).reshape(-1, 3),
    )
    is_identity = np.all(operations.rotations == np.eye(3), axis=(1, 2))
    is_identity &= np.all(operations.translations == 0, axis=1)
    if not is_identity.any():
        raise InputError("the list of symmetry operations does not hold the identity x,y,z")
    return _distinct(operations)


def _parse(triplet: str) -> tuple[list[list[float]], list[float]]:
    """Return rotation and translation of one operation."""
    shown = f"symmetry operation {triplet[:60]!r}"
    parts = triplet.lower().replace(" ", "").split(",")
    if len(parts) != 3:
        raise InputError(f"{shown} does not have three parts")
    rotation = [[0.0] * 3 for _ in range(3)]
    translation = [0.0] * 3
    for row, part in enumerate(parts):
        at = 0
        while at < len(part):
            match = _TERM.match(part, at)
            if match is None or not (match[2] or match[4]) or (at and not match[1]):
                raise InputError(f"{shown} cannot be understood")
            at = match.end()
            divisor = float(match[3] or 1)
            if not 1.0 <= divisor <= _LARGEST_DIVISOR:
                raise InputError(f"{shown} divides by {divisor:g}")
            value = float(match[2] or 1) / divisor
            value = -value if match[1] == "-" else value
            if match[4]:
                rotation[row]["xyz".index(match[4])] += value
            else:
                translation[row] += value
    # Comparisons that NaN and infinity fail.
    if not all(abs(value) <= _LARGEST_TRANSLATION for value in translation):
        raise InputError(f"{shown} has a translation that is no part of a cell")
    entries = [value for row in rotation for value in row]
    if not all(value in (-3, -2, -1, 0, 1, 2, 3) for value in entries):
        raise InputError(f"{shown} has factors of x, y, z that no lattice has")
    if abs(round(float(np.linalg.det(rotation)))) != 1:
        raise InputError(f"{shown} does not keep the volume of the cell")
    return rotation, [_fraction(value) for value in translation]


def _fraction(value: float) -> float:
    nearest = round(value * 24) / 24
    if abs(value - nearest) < 1e-3:
        return nearest
    near = float(Fraction(value).limit_denominator(48))
    return near if abs(value - near) < 1e-4 else value


def _codes(
    rotations: Float[np.ndarray, "ops 3 3"], translations: Float[np.ndarray, "ops 3"]
) -> Int[np.ndarray, " ops"]:
    """Return one number for each operation, the same for operations that differ by the lattice."""
    steps = np.round((translations % 1.0) * _GRID).astype(np.int64) % _GRID
    entries = np.round(rotations).astype(np.int64).reshape(-1, 9)
    return entries @ _WEIGHTS[:9] + steps @ _WEIGHTS[9:]


def _distinct(operations: Operations) -> Operations:
    _, first = np.unique(_codes(*operations), return_index=True)
    kept = np.sort(first)
    return Operations(operations.rotations[kept], operations.translations[kept])


def combine(operations: Operations, centrings: Operations) -> Operations:
    """Return each operation followed by each centring, a pure translation, zero included."""
    rotations = np.tile(operations.rotations, (len(centrings.translations), 1, 1))
    translations = (centrings.translations[:, None] + operations.translations[None]).reshape(-1, 3)
    return _distinct(Operations(rotations, translations))


def check_group(operations: Operations) -> None:
    """Raise an `InputError` where two operations make one that is not listed: it is no group."""
    rotations, translations = operations
    listed = _codes(rotations, translations)
    for n, (rotation, translation) in enumerate(zip(rotations, translations, strict=True)):
        made = _codes(rotations @ rotation, rotations @ translation + translations)
        inside = np.isin(made, listed)
        if not inside.all():
            raise InputError(
                f"the symmetry operations are no group: operations {n + 1} and "
                f"{int(inside.argmin()) + 1} of {len(listed)} make one that is not listed, so "
                "some are missing or wrong"
            )


@contextmanager
def quiet_spglib() -> Iterator[None]:
    """Leave out a warning: until spglib 3 every call tells that a failure will be an exception."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*OLD_ERROR_HANDLING", DeprecationWarning)
        yield


def space_group_number(operations: Operations) -> int | None:
    """Return the number of the space group that operations form, in any setting of any cell.

    The number is found by spglib.

    Args:
        operations: Operations that are a group, see `check_group`.

    Returns:
        The number in International Tables A; None if spglib finds none.
    """
    rotations = np.round(operations.rotations).astype(np.intc)
    # Any lattice that the operations keep serves; the mean of R^T R is the metric of one.
    metric = np.einsum("nji,njk->ik", rotations, rotations) / len(rotations)
    with quiet_spglib():
        try:
            space_group = spglib.get_spacegroup_type_from_symmetry(
                rotations, operations.translations % 1.0, lattice=np.linalg.cholesky(metric)
            )
        except spglib.SpglibError:
            return None
    return None if space_group is None else int(space_group.number)


def check_fit(cell: Float[np.ndarray, "3 3"], operations: Operations) -> None:
    """Raise an `InputError` where an operation does not map the lattice, rows in Å, onto itself."""
    metric = cell @ cell.T
    mapped = operations.rotations.transpose(0, 2, 1) @ metric @ operations.rotations
    scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    misfit = np.abs(mapped - metric) / scale
    if misfit.max() > _CELL_MISFIT:
        worst = int(misfit.max(axis=(1, 2)).argmax())
        raise InputError(
            f"symmetry operation {worst + 1} of {len(mapped)} does not map the cell onto itself "
            f"({_changed(metric, mapped[worst], misfit[worst])}); cell and symmetry contradict"
        )


def _changed(
    metric: Float[np.ndarray, "3 3"],
    mapped: Float[np.ndarray, "3 3"],
    misfit: Float[np.ndarray, "3 3"],
) -> str:
    """Say which length or angle of the cell changes most: ``a of 3 Å becomes 48 Å``."""
    diagonal = np.diag(misfit)
    if diagonal.max() > _CELL_MISFIT:
        which = int(diagonal.argmax())
        before, after = (math.sqrt(m[which, which]) for m in (metric, mapped))
        return f"{'abc'[which]} of {before:.4g} Å becomes {after:.4g} Å"
    row, column = (int(index) for index in np.unravel_index(misfit.argmax(), misfit.shape))
    degrees = [
        math.degrees(math.acos(m[row, column] / math.sqrt(m[row, row] * m[column, column])))
        for m in (metric, mapped)
    ]
    name = ("alpha", "beta", "gamma")[3 - row - column]
    return f"{name} of {degrees[0]:.4g}° becomes {degrees[1]:.4g}°"


def expand(
    cell: Float[np.ndarray, "3 3"], fractional: Float[np.ndarray, "unit 3"], operations: Operations
) -> tuple[Float[np.ndarray, "atoms 3"], np.ndarray]:
    """Apply the operations and merge the images of an atom that coincide.

    An atom within `SAME_SITE` of a special position is moved onto it. Images coincide where the
    operations between them leave the site in place, so that the cost grows with sites times
    operations.

    Args:
        cell: Lattice vectors as rows, Å.
        fractional: Coordinates of the asymmetric unit.
        operations: All operations, identity and centring included.

    Returns:
        Fractional coordinates of all atoms, and for each the index of the site that it comes from.

    Raises:
        InputError: There would be more than `MAX_IMAGES` images, or more operations leave a site
            in place than a point group has.
    """
    rotations, translations = operations
    count = len(fractional) * len(rotations)
    if count > MAX_IMAGES:
        raise InputError(
            f"{len(fractional)} sites and {len(rotations)} symmetry operations make {count} "
            f"images; more than {MAX_IMAGES} are not read"
        )
    listed = _codes(rotations, translations)
    order = np.argsort(listed)
    positions, origins = [], []
    for index, site in enumerate(fractional):
        images = rotations @ site + translations
        step = images - site
        step -= np.round(step)
        near = np.linalg.norm(step @ cell, axis=1) < SAME_SITE
        if near.sum() > 1:
            special = site + step[near].mean(axis=0)
            images = rotations @ special + translations
            step = images - special
            fixing = np.linalg.norm((step - np.round(step)) @ cell, axis=1) < SAME_SITE
            if fixing.sum() > _LARGEST_POINT_GROUP:
                raise InputError(
                    f"{fixing.sum()} symmetry operations leave site {index + 1} within "
                    f"{SAME_SITE} Å, and a point group has {_LARGEST_POINT_GROUP} at most; is the "
                    "cell in Å?"
                )
            images = images[_first_of_cosets(operations, fixing, listed, order)]
        positions.append(images - np.floor(images))
        origins.append(np.full(len(images), index))
    return np.concatenate(positions), np.concatenate(origins)


def _first_of_cosets(
    operations: Operations,
    fixing: Bool[np.ndarray, " ops"],
    listed: Int[np.ndarray, " ops"],
    order: Int[np.ndarray, " ops"],
) -> Bool[np.ndarray, " ops"]:
    """Tell which operations are the first to take a site to its place.

    Operations g and h take it to one place where h is g after one that fixes the site.
    """
    rotations, translations = operations
    # All operations after each one that fixes the site.
    made_rotations = rotations[None] @ rotations[fixing][:, None]
    made_translations = translations[fixing] @ rotations.transpose(0, 2, 1) + translations[:, None]
    made = _codes(
        made_rotations.reshape(-1, 3, 3), made_translations.transpose(1, 0, 2).reshape(-1, 3)
    ).reshape(-1, len(listed))
    at = order[np.searchsorted(listed, made, sorter=order).clip(max=len(listed) - 1)]
    return ((listed[at] != made) | (at >= np.arange(len(listed)))).all(axis=0)
