"""The items of a CIF block under one name each, whatever the dialect.

Core dictionary (``_cell_length_a``), DDLm and mmCIF (``_cell.length_a``), the old core and its
misspellings (``_symmetry_equiv_pos_as_xyz_``) differ in case, dots and underscores. All are
compared in lower case with ``_`` for ``.`` and ``-``, without doubled and closing underscores.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gemmi import cif

from xtalgraph.conventions.errors import InputError

_READ: Final = (
    "_cell_",
    "_atom_site_",
    "_chemical_formula_",
    "_exptl_crystal_density_diffrn",
    "_atom_type_symbol",
    "_atom_type_number_in_cell",
)
"""Beginnings of the names that are read, beside those that speak of symmetry."""

_OF_SYMMETRY: Final = re.compile(
    r"sym+etr|space_?group|symop|superspace|_ssg|equiv_pos|_magn_"
    r"|modulation|wave_vector|_subsystem|_fourier_|_special_func"
)
"""Words of symmetry, in three dimensions and in more."""

_ELSEWHERE: Final = re.compile(
    r"_(atom_site|atom_sites|geom|diffrn|refln|reflns|refine|struct|exptl|model_site|restr|valence"
    r"|audit|publ|chemical|twin|database|iucr)_(?!.*(wave_vector|_fourier_|_special_func))"
)
"""Categories in which words of symmetry are about bonds, reflections or single sites."""

_MISSING: Final = ("?", ".")


@dataclass(frozen=True, eq=False)
class Layout:
    """Which items a block has and where. Files of one writer share it."""

    names: Mapping[str, str]
    """The names as the file writes them, by their one spelling."""
    parts: Mapping[str, int]
    """Part of the block where each item stands; items of one loop share it."""
    places: tuple[tuple[str, int, int], ...]
    """Spelling, part and column of every item, repeated ones included."""
    of_symmetry: tuple[str, ...]
    """The spellings that speak of symmetry."""
    moment: str
    """An item with magnetic moments as the file writes it; '' for none."""


@dataclass(frozen=True)
class Items:
    """The items of a block that are read, by their names in one spelling."""

    layout: Layout
    """Names and places."""
    values: Mapping[str, list[str]]
    """Values as the file writes them, one where there is no loop."""

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        """Return the first value of an item without quotes; '' where none is given."""
        values = self.values.get(name)
        return unquoted(values[0]) if values else ""

    def texts(self, name: str) -> list[str]:
        """Return the values of an item without quotes, those that are given."""
        return [text for value in self.values.get(name, ()) if (text := unquoted(value))]


@lru_cache(maxsize=4096)
def spelling(name: str) -> str:
    """Return the one spelling of a name, as _space_group_name_h_m of ``_space_group.name_H-M``.

    Args:
        name: A name as a file writes it.
    """
    plain = name.lower().replace(".", "_").replace("-", "_")
    return re.sub(r"_+", "_", plain).rstrip("_")


def shown(text: str, length: int = 60) -> str:
    """Return text of a file in quotes, cut where it is long, for a message."""
    return repr(text if len(text) <= length else f"{text[:length]}...")


def unquoted(value: str) -> str:
    """Return a value without quotes and blanks around it; '' for ``?`` and ``.``, quoted or not."""
    text = cif.as_string(value).strip()
    return "" if text in _MISSING else text


def number(value: str) -> float:
    """Return a CIF number, quoted or not, without its standard uncertainty; NaN for other text."""
    try:
        return float(value)
    except ValueError:
        return cif.as_number(cif.as_string(value).strip())


def collect(block: cif.Block) -> Items:
    """Return the items of a block that are read.

    Args:
        block: A block as gemmi parsed it, repeated items included.

    Raises:
        InputError: One of them is given twice, with two values.
    """
    tags: list[str | tuple[str, ...]] = []
    contents: list[str | cif.Loop] = []
    for content in block:
        pair = content.pair
        if isinstance(pair, tuple):
            tags.append(pair[0])
            contents.append(pair[1])
        elif (loop := content.loop) is not None:
            tags.append(tuple(loop.tags))
            contents.append(loop)
    layout: Layout = _layout(tuple(tags))
    values: dict[str, list[str]] = {}
    at, columns = -1, [""]
    for name, part, column in layout.places:
        part_values = contents[part]
        if isinstance(part_values, str):
            given = [part_values]
        else:
            if part != at:
                at, columns = part, part_values.values
            given = columns[column :: len(tags[part])]
        if name in values:
            given = _one_of_two(layout.names[name], values[name], given)
        values[name] = given
    return Items(layout, values)


@lru_cache(maxsize=256)
def _layout(tags: tuple[str | tuple[str, ...], ...]) -> Layout:
    names: dict[str, str] = {}
    parts: dict[str, int] = {}
    places = []
    for part, tag in enumerate(tags):
        for column, written in enumerate((tag,) if isinstance(tag, str) else tag):
            name = spelling(written)
            if name.startswith(_READ) or _speaks_of_symmetry(name):
                names.setdefault(name, written)
                parts.setdefault(name, part)
                places.append((name, part, column))
    of_symmetry = tuple(name for name in names if _speaks_of_symmetry(name))
    moment = next((names[name] for name in names if name.startswith("_atom_site_moment")), "")
    return Layout(names, parts, tuple(places), of_symmetry, moment)


def _speaks_of_symmetry(name: str) -> bool:
    return bool(_OF_SYMMETRY.search(name)) and not _ELSEWHERE.match(name)


def _one_of_two(name: str, known: list[str], other: list[str]) -> list[str]:
    """Return the values of an item that is given twice; raise where they differ."""
    if all(value in _MISSING for value in known):
        return other
    if not all(value in _MISSING for value in other) and not _agree(known, other):
        first, second = (shown(", ".join(values[:3])) for values in (known, other))
        raise InputError(f"the item {name} is given twice, as {first} and as {second}; keep one")
    return known


def _agree(first: list[str], second: list[str]) -> bool:
    if len(first) != len(second):
        return False
    for a, b in zip(first, second, strict=True):
        # NaN, of text, differs from everything.
        if a != b and unquoted(a) != unquoted(b) and number(a) - number(b) != 0.0:
            return False
    return True
