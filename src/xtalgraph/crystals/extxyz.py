"""Extended XYZ: frames of atoms with a lattice, and plain XYZ.

After the specification (https://github.com/libAtoms/extxyz), and after what its writers write.
"""

import re
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.boundary import guarded, shortened
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.limits import MAX_ATOMS, MAX_EXTXYZ_COLUMNS
from xtalgraph.crystals.ase_occupancy import NAMES, sites_of_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.disorder import resolve_disorder
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.extxyz_comment import (
    LOGICAL,
    Value,
    cell_and_periodicity,
    parse_comment,
    unread_lattice,
)
from xtalgraph.crystals.species import number_of_symbol

_COUNT: Final = re.compile(r"\s*\+?(\d+)\s*", re.ASCII)
_VECTOR: Final = re.compile(r"\s*VEC\d")


class _Frame(NamedTuple):
    comment: str
    atoms: list[str]
    vectors: list[str]


class _Lines:
    """The lines of a file, of which some can be put back."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._held: deque[str] = deque()

    def take(self, count: int) -> list[str]:
        """Return the next lines, fewer where the file ends."""
        lines = [self._held.popleft() for _ in range(min(count, len(self._held)))]
        return lines + list(islice(self._file, count - len(lines)))

    def take_vectors(self) -> list[str]:
        """Return the lines that come next and begin with VEC1, VEC2 or VEC3."""
        vectors = []
        while (line := self.take(1)) and _VECTOR.match(line[0]):
            vectors += line
        self.put_back(line)
        return vectors

    def put_back(self, lines: list[str]) -> None:
        self._held.extendleft(reversed(lines))

    def next_text(self) -> str:
        """Return the next line that is not blank without taking it, '' at the end."""
        while line := self.take(1):
            if line[0].strip():
                self.put_back(line)
                return line[0]
        return ""

    def skip_to_count(self) -> None:
        """Leave out what comes before the next line that holds nothing but a number."""
        while line := self.take(1):
            if _COUNT.fullmatch(line[0]):
                self.put_back(line)
                return


def read_extxyz(file: Iterator[str], disorder: str = "refuse") -> Iterator[Entry]:
    """Read the frames of an extended XYZ file one by one, each named by its number from 0.

    A frame that is malformed gives an entry with a reason; the following frames are still read:
    the next one begins at the next line that holds nothing but a number. `disorder` says what to do
    where a key ``occupancy``, as ASE writes it, tells of disordered sites.
    """
    lines = _Lines(file)
    number = 0
    if lines.next_text().startswith("\ufeff"):
        lines.put_back([lines.take(1)[0].removeprefix("\ufeff")])
    while lines.next_text():
        try:
            frame = _next_frame(lines)
        except InputError as error:
            yield Entry(str(number), None, reason=f"frame {number}: {error}")
            lines.skip_to_count()
        else:
            yield _entry(number, frame, disorder)
        number += 1
    if number == 0:
        yield Entry("0", None, reason="the file is empty")


def _entry(number: int, frame: _Frame, disorder: str) -> Entry:
    try:
        crystal, values = guarded(partial(_crystal_of, *frame, disorder), "it")
    except InputError as error:
        return Entry(str(number), None, reason=f"frame {number}: {error}")
    return Entry(str(number), crystal, values)


def _next_frame(lines: _Lines) -> _Frame:
    """Return the lines of the next frame; what cannot belong to it is left."""
    (head,) = lines.take(1)
    match = _COUNT.fullmatch(head)
    if match is None:
        raise InputError(f"expected the number of atoms, got {shortened(head, 40)!r}")
    if len(match[1]) > 18 or int(match[1]) > MAX_ATOMS:
        raise InputError(f"it must have {MAX_ATOMS} atoms at most, got {shortened(match[1], 40)}")
    count = int(match[1])
    comment = lines.take(1)
    atoms = lines.take(count)
    # A line of one number begins another frame: the count is too large.
    ends = (n for n, line in enumerate(atoms) if not line.strip() or _COUNT.fullmatch(line))
    have = next(ends, len(atoms))
    if have < count:
        lines.put_back(atoms[have:])
        raise InputError(f"it breaks off after {have} of {count} atoms")
    vectors = lines.take_vectors()
    after = lines.next_text()
    if atoms and len(after.split()) == len(atoms[-1].split()):
        raise InputError(
            f"after its {count} atoms the next frame must begin with a number of atoms, got "
            f"{shortened(after, 40)!r}"
        )
    return _Frame(comment[0] if comment else "", atoms, vectors)


_SPECIES: Final = ("species", "symbol", "symbols", "element", "elements")
_NUMBERS: Final = ("z", "numbers", "atomic_numbers")
_POSITIONS: Final = ("pos", "position", "positions")
_STRESSES: Final = ("stress", "virial", "virials")
_NAMES_OF_ASE: Final[dict[str, str]] = {"charge": "charges"}
"""Columns that ASE, and therefore a calculator, calls otherwise."""

FROM_VOIGT: Final = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
"""Where the nine components of a matrix stand among xx, yy, zz, yz, xz, xy."""


class _Column(NamedTuple):
    name: str
    kind: str
    first: int
    end: int


_PLAIN: Final = [_Column("species", "S", 0, 1), _Column("pos", "R", 1, 4)]
"""The columns where the comment line does not say them."""


def _crystal_of(
    comment: str, atoms: list[str], vectors: list[str], disorder: str
) -> tuple[Crystal, dict[str, object]]:
    """Return the crystal of a frame, and its values: keys of the comment and other columns.

    Keys are read in any case. Stress and virial are 3x3, whether they are written as 6 numbers
    (xx yy zz yz xz xy) or as 9.
    """
    keys = _keys(comment)
    cell, pbc = cell_and_periodicity(
        _special(keys, "lattice"), _special(keys, "pbc"), vectors, comment, keys
    )
    properties = _special(keys, "properties")
    plain = properties is None
    columns = _PLAIN if plain else _columns(properties)
    table = _table(atoms, columns[-1].end, plain=plain)
    arrays = {column.name: _array(column, table) for column in columns}
    positions = _taken(arrays, _POSITIONS)
    if positions is None or positions.dtype.kind not in "if" or positions.shape[1:] != (3,):
        raise InputError("it has no column pos:R:3 in Properties")
    numbers = _numbers(_taken(arrays, _SPECIES), _taken(arrays, _NUMBERS))
    values: dict[str, object] = {key: _full(key, value) for key, value in keys.items()}
    for column, array in arrays.items():
        name = _NAMES_OF_ASE.get(column, column)
        if name in values:
            raise InputError(f"the key {name!r} of the comment line is a column of atoms as well")
        values[name] = array
    told = not NAMES.isdisjoint(map(str.lower, values))
    sites = sites_of_ase(values, numbers) if told else None
    if sites is None:
        return Crystal(cell, positions, numbers, pbc, charges=_charges(values)), values
    return resolve_disorder(Crystal.from_sites(cell, positions, sites, pbc), disorder), values


def _charges(values: dict[str, object]) -> Float[np.ndarray, " atoms"] | None:
    """Return the column of charges that are given, by the name that ASE has for it."""
    charges = np.asarray(values.get("initial_charges", 0.0))
    if charges.dtype.kind not in "if" or charges.ndim > 1:
        raise InputError("initial_charges must be a column of one number for each atom")
    return charges.astype(np.float64) if charges.ndim else None


def _keys(comment: str) -> dict[str, Value]:
    """Return the keys of the comment line; a line of plain words is one comment."""
    text = comment.strip()
    try:
        keys = parse_comment(text)
    except InputError:
        if unread_lattice(text):
            raise
        return {"comment": text}
    if "=" in text or not text:
        return keys
    named = ("lattice", "pbc", "properties")
    return {"comment": text} | {key: keys[key] for key in keys if key.lower() in named}


def _special(keys: dict[str, Value], name: str) -> Value:
    """Take a key out, in whatever case it is written."""
    spellings = [key for key in keys if key.lower() == name]
    if len(spellings) > 1:
        raise InputError(f"the comment line has {' and '.join(spellings)}: which is right?")
    return keys.pop(spellings[0]) if spellings else None


def _columns(properties: Value) -> list[_Column]:
    parts = properties.split(":") if isinstance(properties, str) else []
    if not parts or len(parts) % 3:
        raise InputError(
            f"Properties must be name:type:columns, as in species:S:1:pos:R:3, got "
            f"{shortened(str(properties), 80)!r}"
        )
    columns: list[_Column] = []
    end = 0
    for name, kind, width in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if kind.upper() not in ("R", "I", "S", "L"):
            raise InputError(f"the column {name!r} must be of type R, I, S or L, got {kind!r}")
        if not re.fullmatch("[0-9]{1,9}", width) or int(width) < 1:
            raise InputError(f"the column {name!r} must be 1 wide or more, got {width[:40]!r}")
        columns.append(_Column(name, kind.upper(), end, end := end + int(width)))
        if end > MAX_EXTXYZ_COLUMNS:
            raise InputError(f"Properties must name {MAX_EXTXYZ_COLUMNS} columns at most")
    names = [column.name.lower() for column in columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"Properties names the column {repeated[0]!r} twice")
    return columns


def _table(atoms: list[str], width: int, *, plain: bool) -> list[list[str]]:
    table = [line.split() for line in atoms]
    for site, row in enumerate(table):
        # Columns behind those of plain XYZ are not described anywhere.
        if len(row) < width or (len(row) > width and not plain):
            raise InputError(
                f"site {site} must have {width} columns, got {len(row)}: "
                f"{shortened(atoms[site], 60)!r}"
            )
    return table


def _array(column: _Column, table: list[list[str]]) -> np.ndarray:
    width = column.end - column.first
    words = [word for row in table for word in row[column.first : column.end]]
    try:
        array = _converted(column.kind, words)
    except (ValueError, KeyError) as error:
        bad = next((n for n, word in enumerate(words) if not _converts(column.kind, word)), 0)
        raise InputError(
            f"site {bad // width} has {words[bad][:40]!r} in the column {column.name!r}, which "
            f"must be of type {column.kind}"
        ) from error
    return array if width == 1 else array.reshape(-1, width)


def _converted(kind: str, words: list[str]) -> np.ndarray:
    if kind == "S":
        return np.array(words, dtype=object)
    if kind == "L":
        return np.array([LOGICAL[word] for word in words], dtype=bool)
    # Python reads 1_0 and digits of other scripts as numbers.
    text = "".join(words)
    if "_" in text or not text.isascii():
        raise ValueError(text[:40])
    if kind == "I":
        return np.array([int(word) for word in words], dtype=np.int64)
    try:
        return np.array([float(word) for word in words], dtype=float)
    except ValueError:  # Fortran's exponents
        return np.array([float(re.sub("[dD]", "e", word)) for word in words], dtype=float)


def _converts(kind: str, word: str) -> bool:
    try:
        _converted(kind, [word])
    except (ValueError, KeyError):
        return False
    return True


def _taken(arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray | None:
    """Take a column out of the others, by any of its names in any case."""
    spellings = [name for name in arrays if name.lower() in names]
    if len(spellings) > 1:
        raise InputError(f"Properties has {' and '.join(spellings)}: which is right?")
    return arrays.pop(spellings[0]) if spellings else None


def _numbers(species: np.ndarray | None, numbers: np.ndarray | None) -> Int[np.ndarray, " atoms"]:
    if (species is None and numbers is None) or any(
        array is not None and array.ndim != 1 for array in (species, numbers)
    ):
        raise InputError("it has no column species:S:1 or Z:I:1 in Properties")
    named, counted = (
        None if column is None else np.array([_number(n, str(w)) for n, w in enumerate(column)])
        for column in (species, numbers)
    )
    if named is None or counted is None:
        return (named if counted is None else counted).astype(np.int64)  # type: ignore[union-attr]
    if (named != counted).any():
        site = int((named != counted).argmax())
        raise InputError(f"site {site} has the species {species[site]} and Z {counted[site]}")  # type: ignore[index]
    return named.astype(np.int64)


def _number(site: int, word: str) -> int:
    """Return the atomic number of a symbol, or of a number."""
    if word.isascii() and word.isdecimal() and len(word) < 4:
        return int(word)
    try:
        return number_of_symbol(word)
    except InputError as error:
        raise InputError(f"site {site}: {error}") from error


def _full(key: str, value: Value) -> Value:
    """Return stress and virial as 3x3, everything else as it is."""
    if key.lower() in _STRESSES and isinstance(value, np.ndarray) and value.dtype.kind in "if":
        if value.shape == (6,):
            return value[FROM_VOIGT]
        if value.shape == (9,):
            return value.reshape(3, 3, order="F")
    return value
