"""Rows of a folder in the layout of the original CGCNN code."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.row import Row, checked_row
from xtalgraph.data.sources.records import csv_records
from xtalgraph.data.sources.structures import Content, crystal_of_path

PROPERTY_FILE: Final[str] = "id_prop.csv"
"""Name of the table in such a folder."""


def rows_of_cgcnn_folder(folder: Path, disorder: str = "refuse") -> Iterator[Row]:
    """Yield the rows of a headerless ``id_prop.csv`` with its ``<id>.cif`` files.

    The columns after the id are called ``target``, ``target_1``, ``target_2``, ...
    ``atom_init.json`` is not needed.

    Args:
        folder: The folder that holds ``id_prop.csv``.
        disorder: ``refuse`` disordered sites, or give them as they are (``mix``).

    Yields:
        One row per line of the table; a missing file, an id that is a path and not a name, and a
        line that is not UTF-8 are rows with a reason.

    Raises:
        InputError: The table is empty.
    """
    row = 0
    for record in csv_records(folder / PROPERTY_FILE):
        if record.reason is not None:
            yield Row(f"row {row}", str(folder / PROPERTY_FILE), row, None, {}, record.reason)
        elif any(cell.strip() for cell in record.cells):
            name = record.cells[0].strip()
            values = {
                "target" if n == 0 else f"target_{n}": _number(cell)
                for n, cell in enumerate(record.cells[1:])
            }
            path = folder / f"{name}.cif" if name else folder / PROPERTY_FILE
            make = partial(_content, folder, name, disorder)
            yield checked_row(name or f"row {row}", str(path), row, make, values)
        else:
            continue
        row += 1
    if row == 0:
        raise InputError(f"{folder / PROPERTY_FILE} is empty; it needs lines of id,target")


def _content(folder: Path, name: str, disorder: str) -> Content:
    if not name:
        raise InputError("the line has no id")
    if set(name) & set("/\\\0"):
        raise InputError(
            f"the id {name!r} must be the name of a file in the folder, without its suffix .cif"
        )
    return crystal_of_path(folder / f"{name}.cif", disorder)


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell.strip()
