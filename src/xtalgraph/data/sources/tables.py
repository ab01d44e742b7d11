"""Rows of tables: CSV, parquet, JSON of Matbench and of JARVIS, and DataFrames."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.row import Row, checked_row
from xtalgraph.data.sources.structures import crystal_of_cell, is_missing

STRUCTURE_COLUMNS: Final[tuple[str, ...]] = ("structure", "cif", "path", "atoms")
"""Columns that may hold the crystal; the first that exists is read. JARVIS says ``atoms``."""

ID_COLUMNS: Final[tuple[str, ...]] = ("id", "material_id", "jid", "mp_id", "name")
"""Columns that may hold the id; the first that exists is read."""

_CHUNK: Final[int] = 2000
"""Rows of a CSV or parquet file that are in memory at a time."""

_MISSING: Final[list[str]] = ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "None"]
"""What a CSV file writes where a value is missing."""

_MISSING_IN_JARVIS: Final[str] = "na"
"""What a data set of JARVIS writes where a value is missing."""

_INDEX_LEVEL: Final[str] = "__index_level_0__"
"""The column in which pandas keeps an index in parquet."""


def rows_of_csv(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV file, which may be compressed, in constant memory.

    Args:
        path: A file with a header.

    Yields:
        One row per line.

    Raises:
        InputError: It is not a CSV file, or has no column with crystals.
    """
    start = 0
    try:
        names = pd.read_csv(path, nrows=0).columns
        # Ids stay as they are written: 001 is not 1, and NA is not missing.
        with pd.read_csv(
            path,
            chunksize=_CHUNK,
            dtype=dict.fromkeys(ID_COLUMNS, str),
            keep_default_na=False,
            na_values={name: _MISSING for name in names if name not in ID_COLUMNS},
        ) as chunks:
            for chunk in chunks:
                yield from _rows(_lists(chunk), len(chunk), start, str(path), path.parent)
                start += len(chunk)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a CSV table: {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if start == 0:
        raise InputError(f"{path} holds a header but no rows")


def rows_of_parquet(path: Path) -> Iterator[Row]:
    """Yield the rows of a parquet file in constant memory.

    Args:
        path: The file.

    Yields:
        One row per row of the file.

    Raises:
        InputError: It is not a parquet file, or has no column with crystals.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_CHUNK):
                columns = batch.to_pydict()
                index = columns.pop(_INDEX_LEVEL, None)
                rows = batch.num_rows
                yield from _rows(columns, rows, start, str(path), path.parent, index)
                start += rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a parquet table: {error}") from error


def rows_of_json(path: Path) -> Iterator[Row]:
    """Yield the rows of a JSON table in the layout of Matbench or of JARVIS.

    That of Matbench is pandas' ``orient="split"``; files called ``matbench_<name>`` get the
    official ids, ``mb-<name>-0001`` and on. That of JARVIS is a list with one object for each row.

    Args:
        path: A .json or .json.gz file.

    Yields:
        One row per row of the table.

    Raises:
        InputError: It is not such a table, or has no column with crystals.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            table = json.load(file)
        listed = isinstance(table, list) and all(isinstance(record, dict) for record in table)
        if listed:
            table = _split_layout(table)
        index, names, data = table["index"], table["columns"], table["data"]
        if len(index) != len(data) or any(len(record) != len(names) for record in data):
            raise ValueError("rows and columns do not match")
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InputError(f"{path} is not a JSON table: {error}") from error
    except (KeyError, TypeError) as error:
        raise InputError(
            f'{path} is not a table in the layout of Matbench, which has "index", "columns" and '
            '"data", nor a list of objects, the layout of JARVIS'
        ) from error
    match = None if listed else re.fullmatch(r"matbench_(\w+)\.json(\.gz)?", path.name)
    official = match is not None and all(isinstance(i, int) for i in index)
    if match is not None and official:
        task, width = match[1].replace("_", "-"), len(str(len(index)))
        index = [f"mb-{task}-{i + 1:0{width}d}" for i in index]
    columns = {str(name): [record[n] for record in data] for n, name in enumerate(names)}
    yield from _rows(columns, len(data), 0, str(path), path.parent, index, official=official)


def rows_of_frame(frame: pd.DataFrame) -> Iterator[Row]:
    """Yield the rows of a DataFrame; without a column of ids, its index is the id.

    Args:
        frame: A table with a column structure, cif, atoms or path (from the current folder).

    Yields:
        One row per row.

    Raises:
        InputError: It has no column with crystals.
    """
    yield from _rows(_lists(frame), len(frame), 0, "", Path(), frame.index.tolist())


def _split_layout(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(name for record in records for name in record))
    data = [[record.get(name) for name in names] for record in records]
    return {"index": list(range(len(records))), "columns": names, "data": data}


def _lists(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): frame[name].tolist() for name in frame.columns}


def _rows(
    columns: Mapping[str, Sequence[Any]],
    count: int,
    start: int,
    file: str,
    folder: Path,
    index: Sequence[Any] | None = None,
    *,
    official: bool = False,
) -> Iterator[Row]:
    """Yield rows from columns; `official` ids in the index go before any column of ids."""
    column = next((name for name in STRUCTURE_COLUMNS if name in columns), None)
    if column is None:
        raise InputError(_no_structures(file or "the DataFrame", list(columns)))
    if column == "atoms":
        columns = {name: [_known(cell) for cell in cells] for name, cells in columns.items()}
    id_column = None if official else next((name for name in ID_COLUMNS if name in columns), None)
    names = columns[id_column] if id_column else index or range(start, start + count)
    others = {name: cells for name, cells in columns.items() if name not in (column, id_column)}
    for n, (name, cell) in enumerate(zip(names, columns[column], strict=True)):
        values = {other: cells[n] for other, cells in others.items()}
        row = start + n
        if is_missing(name):
            reason = f"the column {id_column!r} is empty" if id_column else "it has no id"
            yield Row(f"row {row}", file, row, None, values, reason)
            continue
        make = partial(crystal_of_cell, cell, column, folder)
        yield checked_row(str(name), file, row, make, values)


def _known(cell: Any) -> Any:
    return None if isinstance(cell, str) and cell == _MISSING_IN_JARVIS else cell


def _no_structures(where: str, columns: list[str]) -> str:
    there = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    if "composition" in columns or columns == ["formula"]:
        return (
            f"{where} holds compositions and no structures (columns: {there}); a crystal graph "
            "needs the positions of the atoms"
        )
    return f"{where} has no column structure, cif, path or atoms; its columns are {there}"
