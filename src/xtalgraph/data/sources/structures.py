"""The crystal in one cell of a table."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from xtalgraph.conventions.boundary import shortened
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.convert import from_any
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.poscar import read_poscar
from xtalgraph.crystals.reading import format_of, read_file

Content = tuple[Crystal, Mapping[str, object]]
"""A crystal, and what its file says about it."""


_CIF_MARKS: Final = ("_cell_length_a", "_cell.length_a", "_atom_site")
"""What shows that a text is a CIF."""

_PRINTED: Final[dict[str, str]] = {
    "Full Formula": "a pymatgen Structure",
    "Structure Summary": "a pymatgen Structure",
    "Atoms(": "ASE Atoms",
}
"""How texts begin that were printed and not written."""


def is_missing(value: Any) -> bool:
    """Tell whether a cell of a table is empty: None, NaN, or text without characters."""
    if isinstance(value, str):
        return not value.strip()
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def crystal_of_path(path: Path, disorder: str = "refuse") -> Content:
    """Return the only crystal of a file; an `InputError` if it cannot be read, or holds several."""
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    return _only(list(read_file(path, disorder)))


def crystal_of_cell(
    value: object, column: str, kind: str, folder: Path, disorder: str = "refuse"
) -> Content:
    """Return the crystal in a cell of a table.

    Args:
        value: CIF or POSCAR text, a dictionary of pymatgen or JARVIS or its JSON, an object of
            pymatgen, ASE or JARVIS, or, in the column ``path``, the path of a crystal file.
        column: Name of the column, for messages.
        kind: What it holds: structure, cif, path or atoms.
        folder: Where relative paths start.
        disorder: ``refuse`` disordered sites, or give them as they are (``mix``).

    Raises:
        InputError: The cell is empty or cannot be understood.
    """
    if is_missing(value):
        raise InputError(f"the column {column!r} is empty")
    if kind == "path":
        return crystal_of_path(folder / str(value), disorder)
    if not isinstance(value, str):
        return from_any(value, disorder), {}
    text = value.strip()
    lower = text.lower()
    is_cif = kind == "cif" or lower.startswith("data_") or any(m in lower for m in _CIF_MARKS)
    if not is_cif and text.startswith("{"):
        return from_any(_parsed(text, column), disorder), {}
    if "\n" not in text and not lower.startswith("data_"):
        raise InputError(_no_structure(text, column, kind))
    if is_cif:
        return _only(read_cif(value, disorder))
    printed = next((what for mark, what in _PRINTED.items() if text.startswith(mark)), None)
    if printed is not None:
        raise InputError(
            f"the column {column!r} holds {printed} as Python prints it, without all digits; write "
            "structure.to(fmt='cif') or json.dumps(structure.as_dict()) instead"
        )
    entry = read_poscar(value)
    if entry.reason is not None:
        raise InputError(
            f"the column {column!r} holds neither CIF nor JSON; read as a POSCAR: {entry.reason}"
        )
    return _only([entry])


def _parsed(text: str, column: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        hint = ""
        if text.startswith("{'"):
            hint = "; it is a dictionary as Python prints it, write json.dumps(structure.as_dict())"
        raise InputError(f"the column {column!r} is not valid JSON: {error}{hint}") from error


def _no_structure(text: str, column: str, kind: str) -> str:
    """Say what a cell of one line holds that cannot be a crystal."""
    shown = f"the column {column!r} holds {shortened(text, 60)!r}"
    if format_of(text[-255:]) is not None or "/" in text or "\\" in text:
        return f"{shown}, a path; paths belong in a column 'path'"
    what = "no CIF text" if kind == "cif" else "neither CIF, JSON nor a POSCAR"
    return f"{shown}, which is {what}; paths belong in a column 'path'"


def _only(entries: list[Entry]) -> Content:
    if len(entries) != 1:
        raise InputError(f"it holds {len(entries)} crystals, and a row needs one")
    (entry,) = entries
    if entry.crystal is None:
        raise InputError(entry.reason or "it holds no crystal")
    return entry.crystal, entry.values
