"""Rows of any source: crystal files, folders of them, tables, objects in memory."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from xtalgraph.conventions.boundary import guarded_items, shortened
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.convert import from_any
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.reading import NAMED_FILES, READABLE_SUFFIXES, format_of, read_file
from xtalgraph.crystals.vasp_output import VASP_OUTPUTS
from xtalgraph.data.row import Row, checked_row
from xtalgraph.data.sources.cgcnn import PROPERTY_FILE, rows_of_cgcnn_folder
from xtalgraph.data.sources.tables import rows_of_csv, rows_of_frame, rows_of_json, rows_of_parquet


def file_id(path: Path) -> str:
    """Return the id of a file's crystal: the stem; for a bare POSCAR the name of its folder.

    So it is for the other files of VASP that bear no name of their own.
    """
    if path.name.upper() in ("POSCAR", "CONTCAR", "OUTCAR", "VASPRUN.XML"):
        return path.resolve().parent.name
    return path.name if path.suffix.lower() not in READABLE_SUFFIXES else path.stem


def rows_of_file(path: Path, disorder: str = "refuse") -> Iterator[Row]:
    """Yield the crystals of one file; where it holds several, ids are ``stem:block``."""
    stem = file_id(path)
    for entry in read_file(path, disorder):
        name = f"{stem}:{entry.name}" if entry.name else stem
        yield checked_row(name, str(path), None, partial(_crystal_of, entry), entry.values)


def _crystal_of(entry: Entry) -> tuple[Crystal, Mapping[str, object]]:
    if entry.crystal is None:
        raise InputError(entry.reason or "it holds no crystal")
    return entry.crystal, {}


def rows_of_folder(folder: Path, disorder: str = "refuse") -> Iterator[Row]:
    """Yield the crystals of every readable file in a folder, in the order of their names.

    Where the folder itself holds none, the folders directly in it are read (``<id>/POSCAR``).
    Files of other kinds are passed over; of tables the log says so.

    Args:
        folder: The folder.
        disorder: ``refuse`` disordered sites, or give them as they are (``mix``).

    Raises:
        InputError: No file has the name of a crystal file.
    """
    paths = _readable(folder)
    if not paths:
        inner = sorted(path for path in folder.iterdir() if path.is_dir())
        paths = [path for directory in inner for path in _readable_or_itself(directory)]
    names = sorted(path.name for path in folder.iterdir() if _table_reader(path) is not None)
    tables = shortened(", ".join(names), 200)
    if not paths:
        understood = ", ".join(READABLE_SUFFIXES)
        advice = f"; give one of its tables by its own path: {tables}" if tables else ""
        raise InputError(
            f"the folder {folder} holds no crystal file ({understood}, {NAMED_FILES}), nor do "
            f"the folders in it{advice}"
        )
    if tables:
        log.warning(
            "the crystal files in %s are read, and its tables are passed over: %s; give a table by "
            "its own path to read it",
            folder,
            tables,
        )
    for path in paths:
        yield from rows_of_file(path, disorder)


def _readable_or_itself(folder: Path) -> list[Path]:
    """Return what can be read in a folder, or the folder, which gets a reason, if it is shut."""
    try:
        return _readable(folder)
    except OSError:
        return [folder]


def _readable(folder: Path) -> list[Path]:
    """Return the crystal files; the trajectories of VASP only where there is nothing else."""
    # A link to nothing is no file; it is read, so that it gets a reason.
    paths = sorted(
        path
        for path in folder.iterdir()
        if format_of(path) and not path.is_dir() and not path.name.startswith(".")
    )
    outputs = [path for path in paths if format_of(path) in VASP_OUTPUTS]
    others = [path for path in paths if path not in outputs]
    if outputs and others:
        log.warning(
            "%s are passed over, as there are crystal files beside them: give them by their own "
            "paths to read their frames",
            shortened(", ".join(map(str, outputs)), 200),
        )
    return others or outputs


TABLE_SUFFIXES: Final[dict[str, Callable[[Path, str], Iterator[Row]]]] = {
    ".csv": rows_of_csv,
    ".csv.gz": rows_of_csv,
    ".parquet": rows_of_parquet,
    ".json": rows_of_json,
    ".json.gz": rows_of_json,
}
"""Suffix of each kind of table, and its reader."""


def rows_of(source: Any, disorder: str = "refuse") -> Iterator[Row]:
    """Yield rows of any source, see `xtalgraph.data.table.read_rows`; else an `InputError`."""
    what = shortened(str(source)) if isinstance(source, str | Path) else "the source"
    yield from guarded_items(_rows(source, disorder), what)


def _rows(source: Any, disorder: str) -> Iterator[Row]:
    if isinstance(source, str | Path):
        yield from _rows_of_path(Path(source), disorder)
    elif isinstance(source, pd.DataFrame):
        yield from rows_of_frame(source, disorder)
    elif isinstance(source, list | tuple):
        for n, item in enumerate(source):
            yield from _rows_of_item(n, item, disorder)
    else:
        yield from _rows_of_item(0, source, disorder)


def _rows_of_path(path: Path, disorder: str) -> Iterator[Row]:
    if path.is_dir():
        cgcnn = (path / PROPERTY_FILE).is_file()
        yield from (rows_of_cgcnn_folder if cgcnn else rows_of_folder)(path, disorder)
        return
    if not path.exists():
        raise InputError(f"no such file or folder: {path}")
    if not path.is_file():
        raise InputError(f"{path} is not a file but a device or a pipe")
    reader = _table_reader(path)
    if reader is not None:
        yield from reader(path, disorder)
    elif format_of(path) is not None:
        yield from rows_of_file(path, disorder)
    else:
        understood = ", ".join([*READABLE_SUFFIXES, NAMED_FILES, *TABLE_SUFFIXES])
        raise InputError(f"unknown kind of file {path.name!r}; understood are {understood}")


def _table_reader(path: Path) -> Callable[[Path, str], Iterator[Row]] | None:
    """Return what reads a table of this name; None where it is no table."""
    name = path.name.lower()
    return next((reader for end, reader in TABLE_SUFFIXES.items() if name.endswith(end)), None)


def _rows_of_item(n: int, item: Any, disorder: str) -> Iterator[Row]:
    """Yield the rows of one item of a list; nothing wrong with one item stops the others."""
    if isinstance(item, str | Path):
        try:
            yield from guarded_items(_rows_of_path(Path(item), disorder), "it")
        except InputError as error:
            yield Row(file_id(Path(item)), str(item), None, None, {}, str(error))
    else:
        yield checked_row(str(n), "", n, lambda: (from_any(item, disorder), {}), {})
