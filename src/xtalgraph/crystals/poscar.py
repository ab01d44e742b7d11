"""POSCAR and CONTCAR text to a crystal, after VASP's own description of the file.

Source: https://www.vasp.at/wiki/index.php/POSCAR. Numbers are read as Fortran reads them.
"""

import re
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.boundary import guarded, shortened
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.limits import MAX_ATOMS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.species import number_of_symbol

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?", re.ASCII)
_COMMENT: Final = re.compile(r"[!#].*")
_SPECIES: Final = re.compile(r"([A-Za-z]{1,2})(?:\d*[+-]?|[_/.].*)", re.ASCII)
"""An element, alone, as a label (Na1), or as the name of a potential (Na_pv, Na/3f9a)."""
_FLAGS: Final = frozenset({"T", "F", ".TRUE.", ".FALSE.", ".T.", ".F.", "TRUE", "FALSE"})


def read_poscar(text: str) -> Entry:
    """Read the text of a POSCAR or CONTCAR; bad content is a reason instead of a crystal.

    Species and counts may be wrapped over several lines; numbers may have Fortran's exponents
    (``1.0d0``); velocities and what else follows the coordinates are left behind.
    """
    try:
        return Entry("", guarded(lambda: _crystal(text), "the POSCAR"))
    except InputError as error:
        return Entry("", None, reason=str(error))


def _crystal(text: str) -> Crystal:
    lines = text.removeprefix("\ufeff").splitlines()
    if not text.strip():
        raise InputError("the file is empty")
    if len(lines) < 7:
        raise InputError(f"not a POSCAR: it has only {len(lines)} lines")
    cell, factors = _cell(lines)
    numbers, at = _numbers(lines)
    selective = _first_word(lines, at)[:1] in ("S", "s")
    at += selective
    mode = _first_word(lines, at)[:1].lower()
    if mode not in ("c", "k", "d", "f"):
        raise InputError(
            f"line {at + 1} of the POSCAR must be Direct or Cartesian, got {_shown(lines, at)}"
        )
    at += 1
    sites = [_site(lines, at + n, n, number, selective) for n, number in enumerate(numbers)]
    positions = np.array(sites).reshape(-1, 3)
    after = _words(lines, at + len(numbers))
    if after and _NUMBER.fullmatch(after[0]):
        raise InputError(
            f"the counts of the POSCAR make {len(numbers)} atoms, and line "
            f"{at + len(numbers) + 1} holds the coordinates of one more"
        )
    if mode in ("c", "k"):
        return Crystal(cell, positions * factors, np.array(numbers), np.ones(3, dtype=bool))
    return Crystal.from_fractional(cell, positions, np.array(numbers))


def _cell(lines: list[str]) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " axes"]]:
    """Return the cell in Å and the factors by which x, y and z are scaled."""
    words = _words(lines, 1)
    factors = []
    for word in words:
        if not _NUMBER.fullmatch(word):
            break
        factors.append(_float(word))
    scale = np.array(factors)
    if len(factors) not in (1, 3) or not scale.all() or (len(factors) == 3 and scale.min() < 0):
        raise InputError(
            "line 2 of the POSCAR must be a scaling factor, a negative volume, or three positive "
            f"factors, got {_shown(lines, 1)}"
        )
    vectors = np.array([_vector(lines, line, f"lattice vector {line - 1}") for line in (2, 3, 4)])
    for line in (2, 3, 4):
        extra = _words(lines, line)[3:4]
        if extra and _NUMBER.fullmatch(extra[0]):
            raise InputError(
                f"line {line + 1} of the POSCAR must be a lattice vector of three numbers, got "
                f"{_shown(lines, line)}"
            )
    if scale[0] < 0:
        volume = abs(np.linalg.det(vectors))
        if not volume > 0:
            raise InputError("the lattice vectors of the POSCAR span no volume")
        scale = np.cbrt(-scale / volume)
    return vectors * scale, scale


def _numbers(lines: list[str]) -> tuple[list[int], int]:
    """Return the atomic number of each atom, and the line after the counts."""
    at = 5
    species: list[str] = []
    while (words := _words(lines, at)) and words[0][0].isalpha():
        species += words
        at += 1
    if not species:
        raise InputError(
            "the POSCAR names no elements (VASP 4); write their symbols above the counts"
        )
    counts: list[int] = []
    while len(counts) < len(species):
        words = _words(lines, at)
        if not words or not all(word.isdecimal() and word.isascii() for word in words):
            raise InputError(
                f"the POSCAR names {len(species)} species ({shortened(' '.join(species), 60)}), "
                f"and has {len(counts)} counts before line {at + 1}: {_shown(lines, at)}"
            )
        counts += [int(word) for word in words]
        at += 1
    if len(counts) > len(species):
        raise InputError(f"the POSCAR has {len(counts)} counts for {len(species)} species")
    if sum(counts) > MAX_ATOMS:
        raise InputError(f"the POSCAR must have {MAX_ATOMS} atoms at most, got {sum(counts):g}")
    elements = [_element(name) for name in species]
    return [z for z, count in zip(elements, counts, strict=True) for _ in range(count)], at


def _element(name: str) -> int:
    match = _SPECIES.fullmatch(name)
    if match is None:
        raise InputError(f"the POSCAR has the species {name[:40]!r}, which is not an element")
    return number_of_symbol(match[1])


def _site(lines: list[str], at: int, site: int, number: int, selective: bool) -> list[float]:
    """Return the three numbers of a site, whose label must not contradict the species."""
    vector = _vector(lines, at, f"site {site}")
    rest = _words(lines, at)[3:]
    flags = len(rest) >= 3 and all(word.upper() in _FLAGS for word in rest[:3])
    if selective and not flags:
        raise InputError(
            f"site {site} (line {at + 1}) must have three flags T or F for selective dynamics, "
            f"got {_shown(lines, at)}"
        )
    label = (rest[3:] if flags else rest)[:1]
    named = ATOMIC_NUMBERS.get(label[0]) if label else None
    if named is not None and named != number:
        raise InputError(
            f"site {site} (line {at + 1}) is called {label[0]}, and the counts make it another "
            "element"
        )
    return vector


def _vector(lines: list[str], at: int, what: str) -> list[float]:
    words = _words(lines, at)
    if len(words) < 3:
        raise InputError(
            f"the POSCAR breaks off or is malformed: {what} (line {at + 1}) must be three numbers, "
            f"got {_shown(lines, at)}"
        )
    return [_float(word, what, at) for word in words[:3]]


def _float(word: str, what: str = "the scaling factor", at: int = 1) -> float:
    if not _NUMBER.fullmatch(word):
        raise InputError(
            f"the POSCAR breaks off or is malformed: {what} (line {at + 1}) holds "
            f"{word[:40]!r}, which is not a number"
        )
    return float(word.replace("d", "e").replace("D", "e"))


def _words(lines: list[str], at: int) -> list[str]:
    """Return the words of a line without its comment and without a backslash that continues it."""
    if at >= len(lines):
        return []
    return _COMMENT.sub("", lines[at]).replace("\\", " ").split()


def _first_word(lines: list[str], at: int) -> str:
    return next(iter(_words(lines, at)), "")


def _shown(lines: list[str], at: int) -> str:
    return repr(shortened(lines[at], 60)) if at < len(lines) else "the end of the file"
