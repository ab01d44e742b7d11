"""Rows from crystal files and from folders of them."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.reading import READABLE_SUFFIXES, format_of, read_file
from xtalgraph.data.row import Row, checked_row


def file_id(path: Path) -> str:
    """Return the id of a file's crystal: the stem; for a bare POSCAR the name of its folder."""
    if path.name.upper() in ("POSCAR", "CONTCAR"):
        return path.resolve().parent.name
    return path.name if path.suffix.lower() not in READABLE_SUFFIXES else path.stem


def rows_of_file(path: Path, disorder: str = "refuse") -> Iterator[Row]:
    """Yield the crystals of one file; where it holds several, ids are ``stem:block``."""
    stem = file_id(path)
    for entry in read_file(path, disorder):
        name = f"{stem}:{entry.name}" if entry.name else stem
        yield checked_row(name, str(path), None, partial(_content, entry), entry.values)


def _content(entry: Entry) -> tuple[Crystal, Mapping[str, object]]:
    if entry.crystal is None:
        raise InputError(entry.reason or "it holds no crystal")
    return entry.crystal, {}


def rows_of_folder(folder: Path, disorder: str = "refuse") -> Iterator[Row]:
    """Yield the crystals of every readable file in a folder, in the order of their names.

    Where the folder itself holds none, the folders directly in it are read (``<id>/POSCAR``).
    Files of other kinds are passed over.

    Args:
        folder: The folder.
        disorder: ``refuse`` disordered sites, or give them as they are (``mix``).

    Yields:
        The rows of each file.

    Raises:
        InputError: No file has the name of a crystal file.
    """
    paths = _readable(folder)
    if not paths:
        inner = sorted(path for path in folder.iterdir() if path.is_dir())
        paths = [path for directory in inner for path in _readable_or_itself(directory)]
    if not paths:
        understood = ", ".join(READABLE_SUFFIXES)
        raise InputError(
            f"the folder {folder} holds no crystal file ({understood}, POSCAR, CONTCAR), nor do "
            "the folders in it"
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
    # A link to nothing is no file; it is read, so that it gets a reason.
    return sorted(
        path
        for path in folder.iterdir()
        if format_of(path) and not path.is_dir() and not path.name.startswith(".")
    )
