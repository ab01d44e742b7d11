"""Rows of tables: CSV, parquet, JSON of Matbench and of JARVIS, and DataFrames."""

import csv
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pandas as pd

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.row import Row, checked_row
from xtalgraph.data.sources.columns import check_names, id_column, is_id_column, structure_column
from xtalgraph.data.sources.records import Record, csv_records, open_unpacked
from xtalgraph.data.sources.structures import crystal_of_cell, is_missing

_CHUNK: Final[int] = 2000
"""Rows of a CSV or parquet file that are in memory at a time."""

_MISSING: Final[list[str]] = ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "None"]
"""What a CSV file writes where a value is missing."""

_MISSING_IN_JARVIS: Final[str] = "na"
"""What a data set of JARVIS writes where a value is missing."""

_INDEX_LEVEL: Final[str] = "__index_level_0__"
"""The column in which pandas keeps an index in parquet."""


def rows_of_csv(path: Path, disorder: str = "refuse") -> Iterator[Row]:
    """Yield the rows of a CSV file, which may be compressed, in constant memory.

    A record that has more or fewer cells than the header, or is not UTF-8, is a row with a reason.

    Args:
        path: A file with a header.
        disorder: ``refuse`` disordered sites, or give them as they are (``mix``).

    Raises:
        InputError: It is not a CSV file, or has no column with crystals.
    """
    records = csv_records(path)
    header = next(records, None)
    if header is None or header.reason:
        what = header.reason if header else "it is empty"
        raise InputError(f"{path} is not a CSV table: {what}")
    # As pandas calls a column without a name.
    names = [name or f"Unnamed: {n}" for n, name in enumerate(header.cells)]
    check_names(names, str(path))
    start = 0
    while chunk := list(islice(records, _CHUNK)):
        broken = {n: why for n, record in enumerate(chunk) if (why := _broken(record, len(names)))}
        columns = _parsed(names, chunk, broken, str(path))
        yield from _rows(
            columns, len(chunk), start, str(path), path.parent, broken=broken, disorder=disorder
        )
        start += len(chunk)
    if start == 0:
        raise InputError(f"{path} holds a header but no rows")


def _broken(record: Record, width: int) -> str | None:
    if record.reason or len(record.cells) == width:
        return record.reason
    return f"it has {len(record.cells)} cells and the header {width}"


def _parsed(
    names: list[str], records: list[Record], broken: Mapping[int, str], where: str
) -> dict[str, list[Any]]:
    """Return the columns of records, None in those that are broken; pandas finds the types.

    Ids stay as they are written: 001 is not 1, and NA is not missing.
    """
    crystals, _ = structure_column(names, where)
    ids = id_column(names, where)
    empty = [None] * len(names)
    cells = zip(
        *(empty if n in broken else record.cells for n, record in enumerate(records)), strict=True
    )
    columns: dict[str, list[Any]] = dict(zip(names, map(list, cells), strict=True))
    missing = frozenset(_MISSING)
    columns[crystals] = [None if cell in missing else cell for cell in columns[crystals]]
    others = [n for n in names if n not in (crystals, ids) and not is_id_column(n)]
    if not others:
        return columns
    text = io.StringIO()
    rows = zip(*(columns[name] for name in others), strict=True)
    csv.writer(text).writerows(row for n, row in enumerate(rows) if n not in broken)
    text.seek(0)
    good = len(records) - len(broken)
    parsed = (
        pd.read_csv(
            text,
            header=None,
            names=others,
            keep_default_na=False,
            na_values=_MISSING,
            skip_blank_lines=False,
            low_memory=False,
            nrows=good,
        )
        if good
        else pd.DataFrame(columns=others)
    )
    for name in others:
        values = iter(parsed[name].tolist())
        columns[name] = [None if n in broken else next(values) for n in range(len(records))]
    return columns


def rows_of_parquet(path: Path, disorder: str = "refuse") -> Iterator[Row]:
    """Yield the rows of a parquet file in constant memory; an `InputError` without crystals."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = 0
    try:
        with pq.ParquetFile(path) as file:
            check_names(file.schema_arrow.names, str(path))
            for batch in file.iter_batches(batch_size=_CHUNK):
                columns = batch.to_pydict()
                index = columns.pop(_INDEX_LEVEL, None)
                rows = batch.num_rows
                yield from _rows(
                    columns, rows, start, str(path), path.parent, index, disorder=disorder
                )
                start += rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a parquet table: {error}") from error


def rows_of_json(path: Path, disorder: str = "refuse") -> Iterator[Row]:
    """Yield the rows of a JSON table in the layout of Matbench or of JARVIS.

    That of Matbench is pandas' ``orient="split"``; files called ``matbench_<name>`` get the
    official ids, ``mb-<name>-0001`` and on. That of JARVIS is a list with one object for each row.

    Args:
        path: A .json or .json.gz file.
        disorder: ``refuse`` disordered sites, or give them as they are (``mix``).

    Raises:
        InputError: It is not such a table, or has no column with crystals.
    """
    try:
        with open_unpacked(path) as file:
            table = json.load(file)
        listed = isinstance(table, list) and any(isinstance(record, dict) for record in table)
        if listed:
            table = _split_layout(table)
        index, data = list(table["index"]), list(table["data"])
        names = [str(name) for name in table["columns"]]
        if len(index) != len(data):
            raise ValueError("rows and index do not match")
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply to be read") from error
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
    check_names(names, str(path))
    broken = {n: why for n, record in enumerate(data) if (why := _misfit(record, len(names)))}
    empty = [None] * len(names)
    cells = [empty if n in broken else record for n, record in enumerate(data)]
    columns = {name: [record[n] for record in cells] for n, name in enumerate(names)}
    yield from _rows(
        columns,
        len(data),
        0,
        str(path),
        path.parent,
        index,
        official=official,
        broken=broken,
        disorder=disorder,
    )


def rows_of_frame(frame: pd.DataFrame, disorder: str = "refuse") -> Iterator[Row]:
    """Yield rows of a DataFrame, by index if there are no ids; an `InputError` without crystals."""
    names = [str(name) for name in frame.columns]
    check_names(names, "the DataFrame")
    columns = {name: frame.iloc[:, n].tolist() for n, name in enumerate(names)}
    index = frame.index.tolist()
    yield from _rows(columns, len(frame), 0, "", Path(), index, disorder=disorder)


def _split_layout(records: Sequence[Any]) -> dict[str, list[Any]]:
    known = [record for record in records if isinstance(record, dict)]
    names = list(dict.fromkeys(name for record in known for name in record))
    data = [
        [record.get(name) for name in names] if isinstance(record, dict) else record
        for record in records
    ]
    return {"index": list(range(len(records))), "columns": names, "data": data}


def _misfit(record: object, width: int) -> str | None:
    """Return why a record of a JSON table is none, or None."""
    if not isinstance(record, list):
        return f"it is a {type(record).__name__} and not a row of the table"
    return None if len(record) == width else f"it has {len(record)} cells for {width} columns"


def _rows(
    columns: Mapping[str, Sequence[Any]],
    count: int,
    start: int,
    file: str,
    folder: Path,
    index: Sequence[Any] | None = None,
    *,
    official: bool = False,
    broken: Mapping[int, str] | None = None,
    disorder: str,
) -> Iterator[Row]:
    """Yield rows from columns; `official` ids in the index go before any column of ids."""
    where = file or "the DataFrame"
    column, kind = structure_column(list(columns), where)
    if kind == "atoms":
        columns = {
            name: [None if str(cell) == _MISSING_IN_JARVIS else cell for cell in cells]
            for name, cells in columns.items()
        }
    ids = None if official else id_column(list(columns), where)
    names = columns[ids] if ids else index or range(start, start + count)
    others = {name: cells for name, cells in columns.items() if name not in (column, ids)}
    for n, (name, cell) in enumerate(zip(names, columns[column], strict=True)):
        values = {other: cells[n] for other, cells in others.items()}
        row = start + n
        reason = (broken or {}).get(n)
        if reason is None and is_missing(name):
            reason = f"the column {ids!r} is empty" if ids else "it has no id"
        if reason is not None:
            yield Row(f"row {row}", file, row, None, values, reason)
            continue
        make = partial(crystal_of_cell, cell, column, kind, folder, disorder)
        yield checked_row(str(name), file, row, make, values)
