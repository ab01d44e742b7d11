"""Reading JSON documents that may be damaged, or made to do harm."""

import json
from pathlib import Path
from typing import Any, Final

from xtalgraph.conventions.errors import RunError, XtalgraphError
from xtalgraph.conventions.files import file_errors

LARGEST: Final = 64 * 2**20
"""Bytes of a document; Python takes about ten times as much while it reads one."""
DAMAGE: Final = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What Python raises where a document holds something else than what is looked for."""


def read_document(
    path: Path, *, largest: int = LARGEST, error: type[XtalgraphError] = RunError
) -> dict[str, Any]:
    """Read a JSON object from a file.

    Args:
        path: The file.
        largest: Bytes that are read at most.
        error: What is raised.

    Raises:
        XtalgraphError: Of the given type, if the file is too large or holds no JSON object.
        FileError: If the file cannot be read.
    """
    with file_errors(path):
        size = path.stat().st_size
        if size > largest:
            raise error(f"{path} has {size:,} bytes, more than the {largest:,} it may have")
        content = path.read_bytes()
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise error(f"{path} is damaged: it is not JSON, {problem}") from problem
    if not isinstance(document, dict):
        raise error(f"{path} is damaged: it holds a {type(document).__name__}, not a JSON object")
    return document
