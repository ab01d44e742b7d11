"""The symmetry that a CIF block declares, in every dialect, or the reason why it is not clear."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.cif.items import Items, Layout, number, shown
from xtalgraph.crystals.cif.space_groups import by_hall, by_name, by_number
from xtalgraph.crystals.symmetry import (
    Operations,
    check_group,
    combine,
    parse_operations,
    space_group_number,
)

_OPERATIONS: Final = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_MAGNETIC: Final = "_space_group_symop_magn_operation_xyz"
_CENTRINGS: Final = "_space_group_symop_magn_centering_xyz"
_HALL: Final = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NAMES: Final = (
    "_space_group_name_h_m_alt",
    "_symmetry_space_group_name_h_m",
    "_space_group_name_h_m",
    "_symmetry_space_group_name_h_m_alt",
    "_symetry_space_group_name_h_m",
    "_space_group_name_h_m_full",
    "_symmetry_space_group_name_h_m_full",
    "_symmetry_pdbx_full_space_group_name_h_m",
    "_space_group_name_h_m_ref",
)
_NUMBERS: Final = (
    "_space_group_it_number",
    "_symmetry_int_tables_number",
    "_symmetry_intl_tables_number",
    "_symmetry_intl_tables_no",
)
_SETTING: Final = "_space_group_it_coordinate_system_code"
_USED: Final = frozenset(
    {*_OPERATIONS, _MAGNETIC, _CENTRINGS, *_HALL, *_NAMES, *_NUMBERS, _SETTING}
)

_GROUP_IDS: Final = ("_space_group_id", "_space_group_symop_sg_id")
"""One value where one group is described."""

_SILENT: Final = re.compile(
    r"_(symmetry|space_group)(_symop|_equiv|_equiv_pos)?(_magn)?(_operation|_cent(er|r)ing)?"
    r"_((site_|sg_|entry_)?id|details|description|operation_description)"
)
"""Items that count or comment."""

_ATTRIBUTES: Final = re.compile(
    r"_symmetry_cell_setting|_space_group_(crystal_system|bravais_type|laue_class|centring_type"
    r"|multiplicity|reference_setting|name_schoenflies|point_group_h_m|patterson_name_h_m"
    r"|transform_(pp_abc|qq_xyz)|symop_(generator_xyz|r|rt|t|seitz_matrix)|wyckoff_\w+)"
    r"|_symmetry_(point_group\w*|space_group_name_schoenflies)"
)
"""What follows from the operations, and does not stand for them."""

_OF_MAGNETISM: Final = re.compile(
    r"_(parent|magnetic|child)_space_group_\w+|_space_group_magn_\w+"
    r"|_space_group_symop_magn_\w*(mxmymz|timereversal)|_magnetic_atom_site_moment_\w+"
)
"""Names and moments of a magnetic group, beside its operations."""

_STANDARD: Final = re.compile(r"_(sym+etry|space_?group|symop|superspace|magnetic_space_group)")
"""Categories that may hold nothing that is not understood; the words of a program may, beside
symmetry that is."""

_REVERSAL: Final = re.compile(r",\s*[+-]?1\s*$")
"""The fourth part of a magnetic operation, after the three of position."""

_MODULATED: Final = re.compile(
    r"_ssg|superspace|modulation|wave_vector|_subsystem|_fourier_|_special_func"
)


class Symmetry(NamedTuple):
    """What a block declares."""

    operations: Operations | None
    """All operations; None for P 1."""
    doubt: str
    """Why it may not be P 1, if the atoms are not otherwise known to be all; '' for no doubt."""


class _Source(NamedTuple):
    """What one item says."""

    what: str
    number: int | None
    operations: Operations | None
    """None where the item names the group but neither setting nor origin."""


def declares_symmetry(items: Items) -> bool:
    """Tell whether a block gives operations, a name or a number of a group."""
    return any(items.texts(name) for name in items.layout.of_symmetry if name in _USED)


def read_symmetry(items: Items, angles: tuple[float, float, float]) -> Symmetry:
    """Return the symmetry operations that a block declares.

    Listed operations come first, then the Hall symbol, the Hermann-Mauguin name and the number of
    the space group. All that is given must be of one space group, in whatever setting. The identity
    alone beside the name of another group is left in doubt: JARVIS-tools and others write it for a
    cell of which all atoms are given.

    Args:
        items: The items of the block.
        angles: α, β, γ of the cell in degrees; they tell rhombohedral from hexagonal axes.

    Returns:
        The operations, none for P 1 and where the block does not speak of symmetry.

    Raises:
        InputError: An item that speaks of symmetry is not understood, or two of them contradict.
    """
    # Most files of a table say the same.
    values = tuple([tuple(items.values[name]) for name in items.layout.of_symmetry])
    return _resolve(items.layout, values, abs(angles[0] - angles[2]) < 1.0)


@lru_cache(maxsize=1024)
def _resolve(layout: Layout, values: tuple[tuple[str, ...], ...], rhombohedral: bool) -> Symmetry:
    """Return the operations that all sources agree on."""
    names = layout.of_symmetry
    items = Items(layout, {n: list(v) for n, v in zip(names, values, strict=True)})
    for name in (*_HALL, *_NAMES, *_NUMBERS, _SETTING, *_GROUP_IDS):
        if len(given := sorted(set(items.texts(name)))) > 1:
            raise InputError(
                f"{layout.names[name]} gives several space groups, {shown(', '.join(given))}; keep "
                "that of the atoms"
            )
    sources = [
        _listed(layout.names[name], parse_operations(tuple(triplets)))
        for name in _OPERATIONS
        if (triplets := items.texts(name))
    ]
    magnetic = items.texts(_MAGNETIC)
    known = bool(sources or magnetic or any(items.text(n) for n in (*_HALL, *_NAMES, *_NUMBERS)))
    _refuse_unknown(items, known, bool(magnetic))
    if magnetic:
        # The names beside them are those of the parent, often in another cell.
        operations = _magnetic(magnetic, items.texts(_CENTRINGS))
        sources.append(_listed(layout.names[_MAGNETIC], operations))
    elif known:
        sources += _named(items, rhombohedral, listed=bool(sources))
    if not sources:
        return Symmetry(None, "")
    chosen = next((source for source in sources if source.operations is not None), None)
    if chosen is None or chosen.operations is None:
        raise InputError(
            f"{sources[0].what} has two choices of origin or several settings, and the file does "
            "not say which; list the operations in _space_group_symop_operation_xyz"
        )
    contradictions = [words for source in sources if (words := _contradiction(chosen, source))]
    if len(chosen.operations.rotations) == 1:
        return Symmetry(None, "".join(contradictions[:1]))
    if contradictions:
        raise InputError(contradictions[0])
    return Symmetry(chosen.operations, "")


def _refuse_unknown(items: Items, known: bool, magnetic: bool) -> None:
    """Raise where an item speaks of symmetry that is not used."""
    for name in items.layout.of_symmetry:
        # A modulation of dimension 0 is none.
        if _MODULATED.search(name) and any(text != "0" for text in items.texts(name)):
            raise InputError(
                f"a modulated structure: {items.layout.names[name]} speaks of more than three "
                "dimensions, and its atoms are an average; give a commensurate supercell"
            )
    for name in items.layout.of_symmetry:
        if not items.texts(name) or name in _USED or _SILENT.fullmatch(name):
            continue
        if magnetic and _OF_MAGNETISM.fullmatch(name):
            continue
        if known and (_ATTRIBUTES.fullmatch(name) or not _STANDARD.match(name)):
            continue
        raise InputError(
            f"the file speaks of symmetry in {items.layout.names[name]}, which is not understood"
            f"{'' if known else ' without the operations'}; list them in "
            "_space_group_symop_operation_xyz"
        )
    for name in () if known else items.layout.of_symmetry:
        if name in _USED and "?" in items.values[name]:
            raise InputError(
                f"the file says that its symmetry is unknown ({items.layout.names[name]} is '?'); "
                "list the operations in _space_group_symop_operation_xyz, x,y,z for all atoms given"
            )


def _listed(name: str, operations: Operations) -> _Source:
    count = len(operations.rotations)
    if count == 1:
        return _Source(f"{name} (x,y,z alone)", 1, operations)
    check_group(operations)
    return _Source(f"{name} ({count} operations)", space_group_number(operations), operations)


def _magnetic(operations: list[str], centrings: list[str]) -> Operations:
    """Return the operations on positions of a magnetic group, time reversal left out."""
    positions, translations = (
        parse_operations(tuple(_REVERSAL.sub("", text) for text in texts))
        for texts in (operations, centrings or ["x,y,z"])
    )
    return combine(positions, translations)


def _named(items: Items, rhombohedral: bool, listed: bool) -> list[_Source]:
    """Return what Hall symbol, names and numbers say; raise for what nothing else makes up for."""
    sources = []
    unknown = []
    choice = items.text(_SETTING).lower()
    for symbol in filter(None, map(items.text, _HALL)):
        what = f"the Hall symbol {shown(symbol)}"
        operations = by_hall(symbol)
        if operations is None:
            unknown.append(what)
        else:
            sources.append(_Source(what, space_group_number(operations), operations))
    for name in filter(None, map(items.text, _NAMES)):
        what = f"the space group {shown(name)}"
        group = by_name(name, choice, rhombohedral)
        if group is None:
            unknown.append(what)
        else:
            sources.append(_Source(what, *group))
    for text in filter(None, map(items.text, _NUMBERS)):
        value = number(text)
        whole = int(value) if 1 <= value <= 230 and value == int(value) else 0
        group = by_number(whole, choice, rhombohedral)
        if group is None:
            raise InputError(f"{shown(text)} is not the number of a space group, 1 to 230")
        # Where a name is unknown, it may be that of another setting than the standard one.
        operations = None if unknown and not sources else group.operations
        sources.append(_Source(f"the space group number {whole}", group.number, operations))
    if unknown and not listed and all(source.operations is None for source in sources):
        raise InputError(
            f"{unknown[-1]} is not known; list the operations in _space_group_symop_operation_xyz"
        )
    return sources


def _contradiction(first: _Source, second: _Source) -> str:
    """Return the words for two sources of different groups, '' for the same."""
    if first.number is None or second.number is None or first.number == second.number:
        return ""
    return (
        f"{first.what} and {second.what} contradict: space groups {first.number} and "
        f"{second.number}; correct one of them"
    )
