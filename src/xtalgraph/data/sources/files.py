"""Rows from crystal files and from folders of them."""

from collections.abc import Iterator
from pathlib import Path

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.reading import READABLE_SUFFIXES, format_of, read_file
from xtalgraph.data.row import Row


def file_id(path: Path) -> str:
    """Return the id of a file's crystal: the stem; for a bare POSCAR the name of its folder."""
    if path.name in ("POSCAR", "CONTCAR"):
        return path.resolve().parent.name
    return path.name if path.suffix.lower() not in READABLE_SUFFIXES else path.stem


def rows_of_file(path: Path) -> Iterator[Row]:
    """Yield the crystals of one file; where it holds several, ids are ``stem:block``."""
    stem = file_id(path)
    for entry in read_file(path):
        name = f"{stem}:{entry.name}" if entry.name else stem
        reason = entry.reason
        if entry.crystal is not None:
            reason = find_problem(entry.crystal)
        crystal = None if reason else entry.crystal
        yield Row(name, str(path), None, crystal, entry.values, reason)


def rows_of_folder(folder: Path) -> Iterator[Row]:
    """Yield the crystals of every readable file in a folder, in the order of their names.

    Where the folder itself holds none, the folders directly in it are read (``<id>/POSCAR``).
    Files of other kinds are passed over.

    Args:
        folder: The folder.

    Yields:
        The rows of each file.

    Raises:
        InputError: No file has the name of a crystal file.
    """
    paths = _readable(folder)
    if not paths:
        inner = sorted(path for path in folder.iterdir() if path.is_dir())
        paths = [path for directory in inner for path in _readable(directory)]
    if not paths:
        understood = ", ".join(READABLE_SUFFIXES)
        raise InputError(
            f"the folder {folder} holds no crystal file ({understood}, POSCAR, CONTCAR), nor do "
            "the folders in it"
        )
    for path in paths:
        yield from rows_of_file(path)


def _readable(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and format_of(path) and not path.name.startswith(".")
    )
