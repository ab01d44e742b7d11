"""Rows of a folder in the layout of the original CGCNN code."""

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.row import Row, checked_row
from xtalgraph.data.sources.structures import crystal_of_path

PROPERTY_FILE: Final[str] = "id_prop.csv"
"""Name of the table in such a folder."""


def rows_of_cgcnn_folder(folder: Path) -> Iterator[Row]:
    """Yield the rows of a headerless ``id_prop.csv`` with its ``<id>.cif`` files.

    The columns after the id are called ``target``, ``target_1``, ``target_2``, ...
    ``atom_init.json`` is not needed.

    Args:
        folder: The folder that holds ``id_prop.csv``.

    Yields:
        One row per line of the table; a missing file is a row with a reason.

    Raises:
        InputError: The table is empty.
    """
    row = 0
    with (folder / PROPERTY_FILE).open(newline="", encoding="utf-8-sig") as lines:
        for cells in csv.reader(lines):
            if not any(cell.strip() for cell in cells):
                continue
            name = cells[0].strip()
            values = {
                "target" if n == 0 else f"target_{n}": _number(cell)
                for n, cell in enumerate(cells[1:])
            }
            path = folder / f"{name}.cif"
            yield checked_row(name, str(path), row, partial(crystal_of_path, path), values)
            row += 1
    if row == 0:
        raise InputError(f"{folder / PROPERTY_FILE} is empty; it needs lines of id,target")


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell.strip()
