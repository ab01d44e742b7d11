"""JSON documents: read where they may be damaged or made to do harm, and written; tables as CSV."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from xtalgraph.conventions.errors import RunError, XtalgraphError
from xtalgraph.conventions.files import file_errors, write_atomically

LARGEST: Final = 64 * 2**20
"""Bytes of a document; Python takes about ten times as much while it reads one."""
_DEEPEST: Final = 5_000
"""Nested brackets that are parsed at most; tens of thousands run over the end of the stack."""
_LONGEST: Final = 200
"""Letters of an error of Python that a message holds."""
DAMAGE: Final = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    csv.Error,
)
"""What Python raises where a document holds something else than what is looked for."""


@contextmanager
def reading(path: Path | str, advice: str = "put the file back") -> Iterator[None]:
    """Call what goes wrong in a block the damage of the file that it reads: a `RunError`."""
    try:
        yield
    except RunError:
        raise  # it names its file
    except (XtalgraphError, *DAMAGE) as error:
        what = f"{type(error).__name__}: {str(error)[:_LONGEST]}"
        raise RunError(
            f"{path} is damaged: it holds something else than xtalgraph writes ({what}); {advice}"
        ) from error


@contextmanager
def _limited_recursion() -> Iterator[None]:
    """Keep the parser within the stack, where a library has raised Python's own limit."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(min(limit, _DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def read_document(
    path: Path, *, largest: int = LARGEST, error: type[XtalgraphError] = RunError
) -> dict[str, Any]:
    """Read a JSON object of at most `largest` bytes; `error` if it is none, or a `FileError`."""
    with file_errors(path):
        size = path.stat().st_size
        if size > largest:
            raise error(f"{path} has {size:,} bytes, more than the {largest:,} it may have")
        content = path.read_bytes()
    try:
        with _limited_recursion():
            document = json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise error(f"{path} is damaged: it is not JSON, {problem}") from problem
    if not isinstance(document, dict):
        raise error(f"{path} is damaged: it holds a {type(document).__name__}, not a JSON object")
    return document


def write_json(path: Path, document: Any) -> None:
    """Write plain values, without NaN, as JSON, whole or not at all, or raise a `FileError`."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text + "\n")


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Return rows as CSV, numbers with all digits; what is None or absent is an empty cell."""
    text = io.StringIO()
    names = columns or list(dict.fromkeys(name for row in rows for name in row))
    if names:
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
