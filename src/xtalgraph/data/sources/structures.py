"""The crystal in one cell of a table."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.convert import from_any
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.poscar import read_poscar
from xtalgraph.crystals.reading import read_file

Content = tuple[Crystal, Mapping[str, object]]
"""A crystal, and what its file says about it."""


def is_missing(value: Any) -> bool:
    """Tell whether a cell of a table is empty: None, NaN, or text without characters."""
    if isinstance(value, str):
        return not value.strip()
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def crystal_of_path(path: Path) -> Content:
    """Return the only crystal of a file.

    Args:
        path: A crystal file.

    Returns:
        The crystal and what the file says about it.

    Raises:
        InputError: It cannot be read, or holds several crystals.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    return _only(list(read_file(path)))


def crystal_of_cell(value: object, column: str, folder: Path) -> Content:
    """Return the crystal in a cell of a table.

    Args:
        value: CIF or POSCAR text, a dictionary of pymatgen or JARVIS or its JSON, an object of
            pymatgen, ASE or JARVIS, or, in the column ``path``, the path of a crystal file.
        column: Name of the column: structure, cif, path or atoms.
        folder: Where relative paths start.

    Returns:
        The crystal and what its file says about it.

    Raises:
        InputError: The cell is empty or cannot be understood.
    """
    if is_missing(value):
        raise InputError(f"the column {column!r} is empty")
    if column == "path":
        return crystal_of_path(folder / str(value))
    if not isinstance(value, str):
        return from_any(value), {}
    if column == "cif" or "_cell_length_a" in value or value.lstrip().startswith("data_"):
        if "\n" not in value.strip() and not value.lstrip().startswith("data_"):
            raise InputError(
                f"the column {column!r} holds {value[:60]!r}, which is no CIF text; paths belong "
                "in a column 'path'"
            )
        return _only(read_cif(value))
    if value.lstrip().startswith("{"):
        try:
            return from_any(json.loads(value)), {}
        except json.JSONDecodeError as error:
            raise InputError(f"the column {column!r} is not valid JSON: {error}") from error
    return _only([read_poscar(value)])


def _only(entries: list[Entry]) -> Content:
    if len(entries) != 1:
        raise InputError(f"it holds {len(entries)} crystals, and a row needs one")
    (entry,) = entries
    if entry.crystal is None:
        raise InputError(entry.reason or "it holds no crystal")
    return entry.crystal, entry.values
