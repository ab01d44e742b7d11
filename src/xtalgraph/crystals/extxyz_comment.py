"""The comment line of an extended XYZ frame: keys and typed values.

After the specification (https://github.com/libAtoms/extxyz) and after what ASE and QUIP write:
values in double or single quotes, in braces, in brackets, or bare; ``_JSON`` before JSON.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from xtalgraph.conventions.boundary import shortened
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.limits import MAX_EXTXYZ_COLUMNS

Value = bool | int | float | str | np.ndarray | list[object] | dict[str, object] | None
"""What a key may have."""

_INTEGER: Final = re.compile(r"[+-]?(?:0|[1-9]\d*)", re.ASCII)
_REAL: Final = re.compile(
    r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[dDeE][+-]?\d+)?|[+-]?(?:nan|inf)", re.ASCII
)
_LOGICAL: Final[dict[str, bool]] = {
    **dict.fromkeys(("T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("F", "false", "False", "FALSE"), False),
}
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
            raise InputError(
                f"the key {key!r} has two values in the comment line: {_text(values[key])} and "
                f"{_text(value)}"
            )
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
        value: Value = json.loads(text[6:])
        return value
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
    if all(word in _LOGICAL for word in words):
        return np.array([_LOGICAL[word] for word in words])
    return np.array(words, dtype=object)


def _same(first: Value, second: Value) -> bool:
    return type(first) is type(second) and np.array_equal(np.asarray(first), np.asarray(second))


def _text(value: Value) -> str:
    return shortened(str(value), 40)
