"""Space groups by Hall symbol, Hermann-Mauguin name and number, as gemmi and spglib know them."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

import gemmi
import spglib

from xtalgraph.crystals.symmetry import Operations, parse_operations, quiet_spglib

_DECORATION: Final = re.compile(
    r"[_~$]|</?su[bp]>|\s*\(?\bno\.?\s*\d+\)?\s*$"
    r"|\s*\(?#\d+\)?\s*$|\s*\(\d\d+\)\s*$",
    re.IGNORECASE,
)
_SCREW: Final = re.compile(r"\((\d)\)")
_ORIGIN: Final = re.compile(
    r"^(.*?)(?:\s*:\s*([12])|\s*\(?\s*origin(?:\s+choice)?\s*([12])\s*\)?|\s*o([12])|\s*([SZ]))$",
    re.IGNORECASE,
)
_AXES: Final = re.compile(r"^(.*?)\s*(?::\s*|\s+|(?<=[a-z\d]))([RHrh])$")


class SpaceGroup(NamedTuple):
    """A space group, in one setting where the name tells it."""

    number: int
    """Number in International Tables A."""
    operations: Operations | None
    """All operations; None where there are two origins and the name does not say which."""


@lru_cache(maxsize=256)
def by_hall(symbol: str) -> Operations | None:
    """Return the operations of a Hall symbol, or None for what is no Hall symbol."""
    try:
        return _operations(gemmi.symops_from_hall(symbol))
    except (ValueError, RuntimeError):
        return None


@lru_cache(maxsize=1024)
def by_name(name: str, choice: str = "", rhombohedral: bool = False) -> SpaceGroup | None:
    """Return the group of a Hermann-Mauguin name, short, extended or full; None if unknown.

    Args:
        name: As files write it: ``P 42/m n m``, ``P4_2/mnm``, ``P 4(2)/mnm``, ``F d -3 m :2``,
            ``Fd-3mZ``, ``R -3 c H``, ``P 42/m 21/n 2/m``.
        choice: Code of the setting where it is given beside the name: 1, 2, h, r.
        rhombohedral: Whether the cell has rhombohedral axes.
    """
    if len(name) > 80:
        return None
    plain = _SCREW.sub(r"\1", _DECORATION.sub("", name)).strip()
    axes = _AXES.match(plain) if plain[:1].upper() == "R" else None
    origin = None if axes else _ORIGIN.match(plain)
    if axes:
        plain, choice = axes[1], axes[2].lower()
    elif origin:
        plain = origin[1]
        letter = origin[5] or ""
        choice = {"S": "1", "Z": "2"}.get(letter.upper()) or origin[2] or origin[3] or origin[4]
    if choice in ("h", "r"):
        rhombohedral = choice == "r"
    angles = (60.0, 60.0) if rhombohedral else (90.0, 120.0)
    group = gemmi.find_spacegroup_by_name(plain, *angles)
    if group is None:
        short = _short_names().get(plain.replace(" ", "").lower())
        group = gemmi.find_spacegroup_by_name(short, *angles) if short else None
    if group is None:
        return None
    if group.ext in ("1", "2"):
        if choice not in ("1", "2"):
            return SpaceGroup(group.number, None)
        group = gemmi.find_spacegroup_by_name(f"{group.hm}:{choice}") or group
    return SpaceGroup(group.number, _operations(group.operations()))


@lru_cache(maxsize=512)
def by_number(number: int, choice: str = "", rhombohedral: bool = False) -> SpaceGroup | None:
    """Return the standard setting of a space group, or another whose code is given.

    Args:
        number: 1 to 230.
        choice: Code of the setting in lower case: 1, 2, h, r, b2, cab, 1cab.
        rhombohedral: Whether the cell has rhombohedral axes.

    Returns:
        The group, without operations for a code that is not known; None for what is no number.
    """
    if not 1 <= number <= 230:
        return None
    standard = gemmi.find_spacegroup_by_number(number)
    if choice in ("", "1", "2", "h", "r", "abc"):
        return by_name(standard.hm, choice, rhombohedral)
    origin, axes = (choice[0], choice[1:]) if choice[0] in "12" else ("", choice)
    for group in gemmi.spacegroup_table():
        if (group.number, group.qualifier) == (number, "" if axes == "abc" else axes):
            return by_name(group.hm, origin)
    return SpaceGroup(number, None)


@lru_cache(maxsize=1)
def _short_names() -> dict[str, str]:
    """Return the short name of every full one that spglib lists, ``p42/m21/n2/m``."""
    with quiet_spglib():
        types = [spglib.get_spacegroup_type(hall) for hall in range(1, 531)]
    return {
        _DECORATION.sub("", t.international_full).replace(" ", "").lower(): _DECORATION.sub(
            "", t.international_short
        )
        for t in types
        if t is not None
    }


def _operations(group: gemmi.GroupOps) -> Operations:
    return parse_operations(tuple(op.triplet() for op in group))
