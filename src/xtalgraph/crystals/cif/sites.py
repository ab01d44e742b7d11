"""The sites of the asymmetric unit of a CIF block."""

import math
import re
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.cif.formula import elements
from xtalgraph.crystals.cif.items import Items, number, shown, unquoted
from xtalgraph.crystals.species import number_of_label, number_of_symbol

_PREFIX: Final = "_atom_site_"
_COORDINATES: Final = ("fract_x", "fract_y", "fract_z")
_COLUMNS: Final = (
    *_COORDINATES,
    "label",
    "type_symbol",
    "occupancy",
    "calc_flag",
    "disorder_group",
    "disorder_assembly",
    "attached_hydrogens",
    "symmetry_multiplicity",
    "site_symmetry_multiplicity",
)
_ITEMS: Final = {name: _PREFIX + name for name in _COLUMNS}
_X: Final = _ITEMS["fract_x"]
_FARTHEST: Final = 1e4
"""Cells; coordinates beyond are no fractions."""
_FRACTION: Final = re.compile(r"([+-]?\d{1,4})/([1-9]\d{0,3})")
_FULL: Final = frozenset({"1", "1.0", "1.00", "1.000", "1.0000", "?", "."})
"""Occupancies of a site that holds one atom; the default of the dictionary is 1."""


class Sites(NamedTuple):
    """Sites of the asymmetric unit."""

    labels: list[str]
    """Labels, or symbols where there are none."""
    numbers: Int[np.ndarray, " sites"]
    fractional: Float[np.ndarray, "sites 3"]
    """Coordinates in units of the lattice vectors."""
    occupancies: Float[np.ndarray, " sites"] | None
    """Occupancies; None where every site is full."""
    multiplicities: list[str] | None
    """How many atoms of the cell the file declares for each site."""
    alternatives: list[int]
    """Sites that are declared alternatives of each other, of which a place holds one."""


def has_sites(items: Items) -> bool:
    """Tell whether a block has coordinates of atoms."""
    return any(items.texts(name) for name in (_X, "_atom_site_cartn_x"))


def read_sites(items: Items, alternatives: bool = False) -> Sites:
    """Return the sites of a block. Dummy sites (``_atom_site_calc_flag dum``) are left out.

    Between two readings of a label the elements of the declared formula decide.

    Args:
        items: The items of the block.
        alternatives: Whether sites may be alternatives of each other.

    Raises:
        InputError: There are none, or one cannot be understood.
    """
    columns = _columns(items)
    labels = columns.get("label") or columns.get("type_symbol")
    if labels is None:
        raise InputError("the atoms have neither _atom_site_type_symbol nor _atom_site_label")
    _check_hydrogens(columns, labels)
    alternative = _alternatives(columns, labels, alternatives)
    try:
        rows = [list(map(float, columns[name])) for name in _COORDINATES]
    except ValueError:
        if not items.texts(_X):
            raise InputError("the file holds no atoms: all coordinates are unknown") from None
        rows = [
            [_coordinate(value, label) for value, label in zip(columns[name], labels, strict=True)]
            for name in _COORDINATES
        ]
    fractional = np.array(rows).T
    # NaN fails the comparison as well.
    if not np.abs(fractional).max() < _FARTHEST:
        site = int((np.abs(fractional) < _FARTHEST).all(axis=1).argmin())
        values = ", ".join(f"{x:g}" for x in fractional[site])
        raise InputError(f"site {_plain(labels[site])} has absurd coordinates: {values}")
    return Sites(
        labels,
        np.array(_numbers(columns, items.text("_chemical_formula_sum")), dtype=np.int64),
        fractional,
        _occupancies(columns, labels),
        columns.get("symmetry_multiplicity") or columns.get("site_symmetry_multiplicity"),
        alternative,
    )


def _columns(items: Items) -> dict[str, list[str]]:
    """Return the items of the sites, by the names of the items without ``_atom_site_``."""
    values, layout = items.values, items.layout
    if not all(_PREFIX + name in values for name in _COORDINATES):
        if "_atom_site_cartn_x" in items:
            raise InputError(
                "the atoms have Cartesian coordinates, which no CIF standard ties to the cell; "
                "give _atom_site_fract_x, _y, _z"
            )
        raise InputError("the file holds no atoms: no loop over _atom_site_fract_x, _y, _z")
    part, count = layout.parts[_X], len(values[_X])
    if count == 0:
        raise InputError("the file holds no atoms: the loop over _atom_site_fract_x is empty")
    columns = {}
    for name, item in _ITEMS.items():
        if item in values:
            # Single items, for a single atom, stand each in its own part.
            if layout.parts[item] != part and not len(values[item]) == count == 1:
                raise InputError(
                    f"{layout.names[item]} stands in another loop than {layout.names[_X]}; put all "
                    "items of the atoms into one loop"
                )
            columns[name] = values[item]
    flags = columns.get("calc_flag")
    kept = [n for n, flag in enumerate(flags or ()) if unquoted(flag).lower() != "dum"]
    if flags is not None and len(kept) < len(flags):
        columns = {name: [values[n] for n in kept] for name, values in columns.items()}
        if not kept:
            raise InputError("the file holds no atoms: all sites are dummies")
    return columns


def _plain(label: str) -> str:
    """Return a label for a message."""
    return unquoted(label)[:40]


def _coordinate(value: str, label: str) -> float:
    coordinate = number(value)
    fraction = _FRACTION.fullmatch(unquoted(value))
    if fraction:
        coordinate = int(fraction[1]) / int(fraction[2])
    if not math.isfinite(coordinate):
        raise InputError(f"site {_plain(label)} has the coordinate {shown(value)}, not a number")
    return coordinate


@lru_cache(maxsize=4096)
def _number_of_type(value: str) -> int:
    return number_of_symbol(unquoted(value))


def _numbers(columns: dict[str, list[str]], formula: str | None) -> list[int]:
    """Return atomic numbers, from the type where it is given, or else from the label."""
    symbols, labels = columns.get("type_symbol"), columns.get("label")
    if symbols is None:
        counted = elements(formula) if formula else None
        return [number_of_label(unquoted(label), counted) for label in labels or ()]
    numbers = []
    for n, symbol in enumerate(symbols):
        if symbol not in ("?", "."):
            try:
                numbers.append(_number_of_type(symbol))
            except InputError as error:
                label = labels[n] if labels else symbol
                raise InputError(f"site {_plain(label)}: {error}") from error
        elif labels is not None:
            counted = elements(formula) if formula else None
            numbers.append(number_of_label(unquoted(labels[n]), counted))
        else:
            raise InputError(f"site {n + 1} has neither type nor label")
    return numbers


def _occupancies(
    columns: dict[str, list[str]], labels: list[str]
) -> Float[np.ndarray, " sites"] | None:
    values = columns.get("occupancy")
    if values is None or _FULL.issuperset(values):
        return None
    occupancies = []
    for value, label in zip(values, labels, strict=True):
        text = unquoted(value)
        occupancy = number(value) if text else 1.0
        if not 0.0 <= occupancy < math.inf:
            raise InputError(
                f"site {_plain(label)} has the occupancy {shown(value)}, not a number from 0 to 1"
            )
        occupancies.append(occupancy)
    return np.array(occupancies)


def _check_hydrogens(columns: dict[str, list[str]], labels: list[str]) -> None:
    """Raise where hydrogens are declared that have no coordinates."""
    values = columns.get("attached_hydrogens", [])
    bearers = [n for n, value in enumerate(values) if unquoted(value) and number(value) != 0.0]
    if bearers:
        named = ", ".join(f"{_plain(labels[n])} ({_plain(values[n])})" for n in bearers[:4])
        more = f" and {len(bearers) - 4} more" if len(bearers) > 4 else ""
        raise InputError(
            f"_atom_site_attached_hydrogens declares hydrogens without coordinates: {named}{more}; "
            "give each hydrogen a site"
        )


def _alternatives(columns: dict[str, list[str]], labels: list[str], allowed: bool) -> list[int]:
    """Return the sites that are alternatives of each other, or raise where there are some."""
    groups = columns.get("disorder_group")
    if groups is None:
        return []
    assemblies = columns.get("disorder_assembly") or ["."] * len(groups)
    members: dict[str, dict[str, list[int]]] = {}
    for site, (assembly, group) in enumerate(zip(assemblies, groups, strict=True)):
        name = unquoted(group)
        if name not in ("", "0"):
            members.setdefault(unquoted(assembly), {}).setdefault(name, []).append(site)
    listed: list[int] = []
    for alternatives in members.values():
        # A negative group is an alternative of its own symmetry images.
        if len(alternatives) > 1 or any(name.startswith("-") for name in alternatives):
            listed += [site for sites in alternatives.values() for site in sites]
            if not allowed:
                raise InputError(_about_alternatives(alternatives, labels))
    return listed


def _about_alternatives(alternatives: dict[str, list[int]], labels: list[str]) -> str:
    named = "; ".join(
        f"group {name}: {', '.join(_plain(labels[n]) for n in sites[:4])}"
        f"{', ...' if len(sites) > 4 else ''}"
        for name, sites in alternatives.items()
    )
    return (
        f"disorder: the sites are alternatives ({named[:300]}); a crystal graph needs one of them, "
        "so choose one and leave the others out"
    )
