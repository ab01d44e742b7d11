"""The one place where what a parser raises becomes an error of xtalgraph, in plain words."""

import json
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from xtalgraph.conventions.errors import InputError, XtalgraphError

T = TypeVar("T")

_LONGEST: Final = 300
"""Characters of another library's message that are passed on."""


def guarded(make: Callable[[], T], what: str) -> T:
    """Run a parser; whatever it raises leaves as an `InputError` that says what went wrong.

    It stands around each crystal of a source, so that a bad one costs itself and no other.
    Warnings of the libraries below are silenced: what they warn of is checked here.

    Args:
        make: The parser.
        what: What is parsed, the beginning of the message: ``the POSCAR``.

    Raises:
        InputError: The parser raised anything that is not an error of xtalgraph.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make()
    except XtalgraphError:
        raise
    except Exception as error:
        raise InputError(f"{what} {_complaint(error)}") from error


def guarded_items(items: Iterator[T], what: str) -> Iterator[T]:
    """Yield what an iterator yields, each step of it `guarded`; it ends after its first error."""
    done = object()
    while True:
        item = guarded(lambda: next(items, done), what)
        if item is done:
            return
        yield item  # type: ignore[misc]


def shortened(text: str, length: int = _LONGEST) -> str:
    """Return a text on one line, with its middle left out where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 20]} ... {line[-15:]}"


def name_of_source(source: object) -> str:
    """Return what messages call a source: its paths, or that it is in memory.

    >>> name_of_source(["a.cif", "b"]), name_of_source(42)
    ('a.cif, b', 'crystals in memory')
    """
    parts = source if isinstance(source, list | tuple) else [source]
    if parts and all(isinstance(part, str | Path) for part in parts):
        return shortened(", ".join(map(str, parts)))
    return "crystals in memory"


def _complaint(error: Exception) -> str:
    """Say what an error means, to follow the name of what was read."""
    text = shortened(str(error))
    match error:
        case MemoryError():
            return "needs more memory than there is: a size in it is absurd"
        case RecursionError():
            return "is nested too deeply to be read"
        case json.JSONDecodeError():
            return f"is not valid JSON: {text}"
        case UnicodeDecodeError():
            byte = error.object[error.start]
            return (
                f"is not {error.encoding} text: byte 0x{byte:02x} at position {error.start}; save "
                "it as UTF-8"
            )
        case KeyError():
            return f"is incomplete: {text} is missing"
        case ZeroDivisionError():
            return "cannot be read: a division by zero"
        case OverflowError():
            return "holds a number too large to be one"
        case sqlite3.Error():
            return f"is not an ASE database, or damaged: {text}"
        case OSError():
            return f"cannot be read: {shortened(error.strerror or text)}"
        case AttributeError() | TypeError():  # their messages name types of Python
            return "is malformed: a value in it is of the wrong kind, such as a list for a number"
        case IndexError():
            return "is malformed: a list in it is too short"
        case _:
            return f"is malformed: {text}" if text else "is malformed"
