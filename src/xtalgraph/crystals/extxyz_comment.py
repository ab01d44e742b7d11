"""The comment line of an extended XYZ frame: keys, typed values, and the lattice that they tell.

After the specification (https://github.com/libAtoms/extxyz) and after what ASE and QUIP write:
values in double or single quotes, in braces, in brackets, or bare; ``_JSON`` before JSON.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.conventions.boundary import shortened
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.limits import MAX_EXTXYZ_COLUMNS

Value = bool | int | float | str | np.ndarray | list[object] | dict[str, object] | None
"""What a key may have."""

_INTEGER: Final = re.compile(r"[+-]?(?:0|[1-9]\d*)", re.ASCII)
_REAL: Final = re.compile(
    r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[dDeE][+-]?\d+)?|[+-]?(?:nan|inf)", re.ASCII
)
LOGICAL: Final[dict[str, bool]] = {
    **dict.fromkeys(("T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("F", "false", "False", "FALSE"), False),
}
"""How a logical is written."""
_QUOTED: Final = r"""\s*(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'"""
_KEY: Final = re.compile(
    _QUOTED + r"""|(?P<bare>(?:[^\s="'{}\[\]\\]|\\.)(?:[^\s={}\[\]\\]|\\.)*))""", re.DOTALL
)
_VALUE: Final = re.compile(
    _QUOTED
    + r"""|\{(?P<brace>[^{}]*)\}|(?P<bare>(?:[^\s"'{}\[\]\\]|\\.)(?:[^\s{}\[\]\\]|\\.)*))""",
    re.DOTALL,
)
_EQUALS: Final = re.compile(r"\s*=")
_NEXT_KEY: Final = re.compile(r"""\s+[^\s="'{}\[\]\\]+\s*=""")
_BRACKET: Final = re.compile(r"\s*\[")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_SEPARATED: Final = re.compile(r"[^\s,]+")


def parse_comment(line: str) -> dict[str, Value]:
    """Return the keys of a comment line with their typed values; a key without value is true.

    A value is an integer, else a real number, else a logical, else text, and so are the members
    of an array. A number does not begin with a needless zero: ``001`` is text.

    Args:
        line: The line.

    Returns:
        Key to value, in the order of the line. Nine numbers stay a vector.

    Raises:
        InputError: It is not a list of keys and values, or a key has two values.

    >>> parse_comment('name=001 pbc="T T F" energy=-1.5 tested')
    {'name': '001', 'pbc': array([ True,  True, False]), 'energy': -1.5, 'tested': True}
    """
    values: dict[str, Value] = {}
    for key, value in _pairs(line):
        if key in values and not _same(values[key], value):
            both = " and ".join(shortened(str(given), 40) for given in (values[key], value))
            raise InputError(f"the key {key!r} has two values in the comment line: {both}")
        values[key] = value
        if len(values) > MAX_EXTXYZ_COLUMNS:
            raise InputError(f"the comment line must have {MAX_EXTXYZ_COLUMNS} keys at most")
    return values


def _pairs(line: str) -> Iterator[tuple[str, Value]]:
    at, line = 0, line.rstrip()
    while at < len(line):
        match = _KEY.match(line, at)
        if match is None:
            raise _unreadable(line, at)
        key = _plain(match)
        at = match.end()
        equals = _EQUALS.match(line, at)
        if equals is None:
            yield key, True
            continue
        at = equals.end()
        # ASE writes an empty text as nothing, so that the next key follows.
        if at == len(line) or _NEXT_KEY.match(line, at):
            yield key, ""
        elif (opening := _BRACKET.match(line, at)) is not None:
            value, at = _bracket(line, opening.end() - 1)
            yield key, value
        else:
            match = _VALUE.match(line, at)
            if match is None:
                raise _unreadable(line, at)
            at = match.end()
            yield key, _value(key, match)


def _value(key: str, match: re.Match[str]) -> Value:
    text = _plain(match)
    if text.startswith("_JSON "):
        return json.loads(text[6:])
    if key.lower() == "uid":
        return text
    return _typed(text, words=match.lastgroup == "brace")


def _plain(match: re.Match[str]) -> str:
    """Return the text of an item without its quotes and backslashes."""
    kind = match.lastgroup or ""
    text = match[kind]
    if kind == "brace" or "\\" not in text:
        return text
    return _ESCAPED.sub(lambda m: "\n" if m[1] == "n" and kind != "bare" else m[1], text)


def _unreadable(line: str, at: int) -> InputError:
    return InputError(
        f"the comment line cannot be read as keys and values from column {at + 1} on: "
        f"{shortened(line[at:], 60)!r}"
    )


def _bracket(line: str, start: int) -> tuple[Value, int]:
    """Return the array that begins with a bracket: [1, 2], or [[1, 2], [3, 4]], or [1 2]."""
    depth, end = 0, start
    for end in range(start, len(line)):
        depth += {"[": 1, "]": -1}.get(line[end], 0)
        if depth == 0:
            break
    inner = line[start + 1 : end]
    if depth or "[" in re.sub(r"\[[^\[\]]*\]", "", inner):
        raise InputError(
            f"a bracket in the comment line is not closed, or too deep: "
            f"{shortened(line[start:], 60)!r}"
        )
    rows = re.findall(r"\[([^\[\]]*)\]", inner) if "[" in inner else [inner]
    members = [[word.strip("\"'") for word in _SEPARATED.findall(row)] for row in rows]
    if len({len(row) for row in members}) > 1:
        raise InputError(f"the rows of {shortened(line[start : end + 1], 60)!r} differ in length")
    array = _array([word for row in members for word in row])
    return (array.reshape(len(rows), -1) if "[" in inner else array), end + 1


def _typed(text: str, *, words: bool) -> Value:
    """Return the value that a text stands for; `words` in braces make an array as well."""
    parts = _SEPARATED.findall(text)
    if not parts:
        return text
    array = _array(parts)
    if array.dtype.kind == "O":
        return array if words and len(parts) > 1 else text
    value: Value = array.tolist()[0]
    return value if len(parts) == 1 else array


def _array(words: list[str]) -> np.ndarray:
    """Return words as integers, else as reals, else as logicals, else as they are."""
    if all(_INTEGER.fullmatch(word) for word in words):
        numbers = [int(word) for word in words]
        small = all(abs(number) < 2**63 for number in numbers)
        return np.array(numbers, dtype=np.int64 if small else object)
    if all(_REAL.fullmatch(word) for word in words):
        return np.array([float(re.sub("[dD]", "e", word)) for word in words])
    if all(word in LOGICAL for word in words):
        return np.array([LOGICAL[word] for word in words])
    return np.array(words, dtype=object)


def _same(first: Value, second: Value) -> bool:
    return type(first) is type(second) and np.array_equal(np.asarray(first), np.asarray(second))


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

    return complete_cell(cell)
