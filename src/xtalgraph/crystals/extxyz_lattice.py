"""Cell and periodicity of an extended XYZ frame, and what may be a cell and is not understood."""

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.conventions.boundary import shortened
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.extxyz_comment import Value

_LATTICE_NAME: Final = re.compile(
    r"_?(lat+i?ce|cell|unit_?cell|sim\w*_?cell|super_?cell|box|h_?mat|abc|cryst)", re.IGNORECASE
)
_CONSTANT_NAME: Final = re.compile(r"_?lat+i?ce_?(const|param|[abc]$|len|vec)|alat$", re.IGNORECASE)
_LATTICE_WORD: Final = re.compile(
    r"lat+i?ce|(\b|_)cell\b|\bbox\b|\bpbc\b|properties\s*=", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"(?<![\w.])[+-]?\d*\.?\d+")
_LETTERS: Final = re.compile("[TF]{3}")


def cell_and_periodicity(
    lattice: Value, pbc: Value, vectors: list[str], comment: str, others: Mapping[str, Value]
) -> tuple[Float[np.ndarray, "3 3"], Bool[np.ndarray, "3"]]:
    """Return lattice vectors as rows, Å, and which of them repeat.

    Without ``pbc`` a frame with a lattice repeats in all directions, one without in none. A
    direction that does not repeat and has no vector gets one of unit length.

    Args:
        lattice: 9 numbers, three vectors after each other; 3x3, vectors as rows; or 3 numbers, the
            diagonal. None where the frame has no such key.
        pbc: One logical or three; None where the frame has no such key.
        vectors: Lines ``VEC1 x y z`` and on, which follow the atoms.
        comment: The comment line.
        others: Its other keys.

    Raises:
        InputError: The lattice or pbc is not understood, a direction repeats and has no vector, or
            there is no lattice, but something that may mean one.
    """
    if vectors and lattice is not None:
        raise InputError("it has a Lattice and lines VEC1 as well: which is right?")
    if vectors:
        cell, repeats = _vec_lines(vectors)
    elif lattice is not None:
        cell, repeats = _matrix(lattice), np.ones(3, dtype=bool)
    else:
        suspect = _suspect(others) or (unread_lattice(comment) and shortened(comment, 60))
        if suspect:
            raise InputError(
                f"it has no key Lattice, and {suspect!r} may mean one; write the three vectors as "
                'Lattice="ax ay az bx by bz cx cy cz"'
            )
        cell, repeats = np.zeros((3, 3)), np.zeros(3, dtype=bool)
    if pbc is not None:
        repeats = _logicals(pbc)
    given = np.asarray(cell.any(axis=1))
    if (repeats & ~given).any():
        direction = "abc"[int((repeats & ~given).argmax())]
        raise InputError(f"direction {direction} repeats but has no lattice vector")
    return _completed(cell, given), repeats


def unread_lattice(comment: str) -> bool:
    """Tell whether a comment line without keys speaks of a lattice, with numbers."""
    return bool(_LATTICE_WORD.search(comment)) and len(_NUMBER.findall(comment)) >= 3


def _matrix(lattice: Value) -> Float[np.ndarray, "3 3"]:
    try:
        array = np.array(lattice, dtype=float) if isinstance(lattice, np.ndarray | list) else None
    except (ValueError, TypeError):
        array = None
    if array is not None and array.shape in ((9,), (3, 3)):
        return array.reshape(3, 3)
    if array is not None and array.shape == (3,):
        return np.diag(array)
    raise InputError(
        f"Lattice must be 9 numbers, three vectors after each other, got "
        f"{shortened(str(lattice), 60)!r}"
    )


def _logicals(pbc: Value) -> Bool[np.ndarray, "3"]:
    text = str(pbc)
    array = np.array(list(text) if _LETTERS.fullmatch(text) else pbc)
    if array.dtype.kind == "U" and array.shape == (3,):
        array = array == "T"
    if array.dtype.kind == "i" and np.isin(array, (0, 1)).all():
        array = array.astype(bool)
    if array.dtype.kind != "b" or array.shape not in ((), (3,)):
        raise InputError(f"pbc must be three of T and F, got {shortened(text, 40)!r}")
    return np.broadcast_to(array, 3).copy()


def _vec_lines(vectors: list[str]) -> tuple[Float[np.ndarray, "3 3"], Bool[np.ndarray, "3"]]:
    cell, repeats = np.zeros((3, 3)), np.zeros(3, dtype=bool)
    for n, line in enumerate(vectors):
        words = line.split()
        if words[0] != f"VEC{n + 1}" or len(words) != 4 or n > 2:
            raise InputError(f"expected VEC{n + 1} and three numbers, got {shortened(line, 40)!r}")
        cell[n] = [float(word) for word in words[1:]]
        repeats[n] = True
    return cell, repeats


def _suspect(others: Mapping[str, Value]) -> str | None:
    """Return the key that may be the lattice under another name."""
    for key, value in others.items():
        size = 1 if isinstance(value, int | float) and not isinstance(value, bool) else 0
        if isinstance(value, np.ndarray) and value.dtype.kind in "if":
            size = value.size
        if (size in (3, 6, 9) and _LATTICE_NAME.match(key)) or (size and _CONSTANT_NAME.match(key)):
            return key
    lengths = [k for k in others if k.lower() in ("a", "b", "c") and others[k] is not True]
    return ", ".join(lengths) if len(lengths) == 3 else None


def _completed(
    cell: Float[np.ndarray, "3 3"], given: Bool[np.ndarray, "3"]
) -> Float[np.ndarray, "3 3"]:
    if given.all():
        return cell
    if not given.any():
        return np.eye(3)
    from ase.geometry import complete_cell

    completed: np.ndarray = complete_cell(cell)
    return completed
