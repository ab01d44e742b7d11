"""CIF text to blocks, parsed by gemmi, and their items under one name each, whatever the dialect.

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

_HEADER: Final = re.compile(r"^[ \t]*data_", re.MULTILINE | re.IGNORECASE)
_CONTENT: Final = re.compile(r"^[ \t]*(_|loop_|save_|global_|;)", re.MULTILINE | re.IGNORECASE)
"""Lines of a block; above the first header they are of a block that lost its own."""

_MINUS: Final = str.maketrans("\u2010\u2011\u2012\u2013\u2212", "-----")
"""Hyphens, the dash between numbers and the minus sign, as word processors write them."""


def parse_blocks(text: str) -> list[cif.Block]:
    """Return the blocks of a CIF, at least one.

    CIF 1.1 is ASCII outside of quotes and gemmi holds to that; files have names and pages in other
    letters all the same. Such a text is parsed again with each of these letters as its escape,
    which is no delimiter and no number, and with minus signs as ``-``.

    Args:
        text: The whole content of the file.

    Raises:
        InputError: It is empty or no CIF; the message names the line.
    """
    text = text.removeprefix("\ufeff")
    if "\r" in text:  # a comment would swallow all that follows
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InputError("the file is empty")
    try:
        blocks = list(_parse(text))
    except (ValueError, RuntimeError) as error:
        below = _without_sentence(text)
        if below is None:
            raise InputError(_plain(str(error))) from error
        return parse_blocks(below)
    if not blocks:
        raise InputError("not a CIF: it holds no data_ block")
    return blocks


def _parse(text: str) -> cif.Document:
    # Repeated items are judged where they are used, and not where an author is named twice.
    if text.isascii():
        return cif.read_string(text, check_level=0)
    try:
        # Halves of surrogate pairs, which no text should hold, are escaped.
        whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
        return cif.read_string(whole, check_level=0)
    except (ValueError, RuntimeError):
        pass
    plain = text.translate(_MINUS).encode("ascii", "backslashreplace").decode("ascii")
    return cif.read_string(plain, check_level=0)


def _without_sentence(text: str) -> str | None:
    """Return a text from its first block on where nothing but words stands above, or None.

    JARVIS-tools writes a sentence above the block. The lines are counted from the top.
    """
    first = _HEADER.search(text)
    if first is None or not text[: first.start()].strip():
        return None
    if _CONTENT.search(text, 0, first.start()):
        return None
    return "\n" * text.count("\n", 0, first.start()) + text[first.start() :]


def _plain(message: str) -> str:
    """Put an error of the parser into words."""
    match = re.match(r"string:(\d+)\S*\s*(.*)", message, re.DOTALL)
    line, what = (match[1], match[2]) if match else ("?", message)
    if "expected block header" in what and line == "1":
        return "not a CIF: it does not begin with a data_ block"
    return f"the CIF breaks off or is malformed at line {line}: {what.strip()[:200]}"


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
    """Return the one spelling of a name, as _space_group_name_h_m of ``_space_group.name_H-M``."""
    plain = name.lower().replace(".", "_").replace("-", "_")
    return re.sub(r"_+", "_", plain).rstrip("_")


def shown(text: str) -> str:
    """Return text of a file in quotes, cut where it is long, for a message."""
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


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
    """Return the items of a block of gemmi that are read; an `InputError` if one has two values."""
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
