"""Crystal files of every format that is understood."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Final

from xtalgraph.conventions.boundary import guarded_items
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.ase_database import read_ase_database
from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.extxyz import read_extxyz
from xtalgraph.crystals.poscar import read_poscar
from xtalgraph.crystals.vasp_output import VASP_OUTPUTS, read_vasp_output

READABLE_SUFFIXES: Final[dict[str, str]] = {
    ".cif": "cif",
    ".mcif": "cif",
    ".poscar": "poscar",
    ".contcar": "poscar",
    ".vasp": "poscar",
    ".extxyz": "xyz",
    ".xyz": "xyz",
    ".db": "database",
}
"""Suffix of each file that can be read, and its format; others are known by their names."""

NAMED_FILES: Final = "POSCAR, CONTCAR, OUTCAR, vasprun.xml"
"""Files of VASP, which are known by their names."""

_NAMES: Final[dict[str, re.Pattern[str]]] = {
    "poscar": re.compile(r"(POSCAR|CONTCAR)([._-].*)?", re.IGNORECASE),
    "outcar": re.compile(r"(.*[._-])?OUTCAR([._-].*)?", re.IGNORECASE),
    "vasprun": re.compile(r"(.*[._-])?vasprun([._-].*)?\.xml", re.IGNORECASE),
}

_PACKED: Final = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})
"""Suffixes of compressed files, which are not unpacked here and not passed over either."""

_SIGNATURES: Final[dict[bytes, str]] = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "compressed with gzip",
    b"SQLite format 3": "an SQLite database",
}


def format_of(path: str | Path) -> str | None:
    """Return the format that the name of a file tells, None for no name of a crystal file.

    It is ``cif``, ``poscar``, ``xyz``, ``database``, ``outcar`` or ``vasprun``. A crystal file that
    is compressed is ``packed``.
    """
    path = Path(path)
    if path.suffix.lower() in _PACKED:
        return "packed" if format_of(path.stem) else None
    known = READABLE_SUFFIXES.get(path.suffix.lower())
    named = (kind for kind, pattern in _NAMES.items() if pattern.fullmatch(path.name))
    return known or next(named, None)


def read_file(path: str | Path, disorder: str = "refuse") -> Iterator[Entry]:
    """Read every crystal of a file; nothing is raised for bad content, not even for no file.

    Args:
        path: A file whose name tells its format, see `READABLE_SUFFIXES`.
        disorder: What to do with disordered sites, see `resolve_disorder`.

    Yields:
        One entry per block, frame or database row; where something cannot be read, the entry has
        a reason instead of a crystal.
    """
    try:
        yield from guarded_items(_named_when_several(_checked(Path(path), disorder)), "it")
    except InputError as error:
        yield Entry("", None, reason=str(error))


def _checked(path: Path, disorder: str) -> Iterator[Entry]:
    """Yield the entries of a path that may not be a file, or of no known kind."""
    kind = format_of(path)
    if not path.is_file():
        yield Entry("", None, reason=_no_file(path))
    elif kind is None:
        understood = ", ".join(READABLE_SUFFIXES)
        reason = f"unknown kind of file {path.name!r}; understood are {understood}, {NAMED_FILES}"
        yield Entry("", None, reason=reason)
    elif kind == "packed":
        yield Entry("", None, reason=f"it is compressed ({path.suffix}); unpack it first")
    else:
        yield from _entries(path, kind, disorder)


def _no_file(path: Path) -> str:
    if path.is_dir():
        return "is a folder, not a file"
    if path.is_symlink():
        return f"no such file: it is a link to {path.readlink()}, which does not exist"
    return "is not a file but a device or a pipe" if path.exists() else "no such file"


def _entries(path: Path, kind: str, disorder: str) -> Iterator[Entry]:
    if kind == "database":
        yield from read_ase_database(path, disorder)
        return
    reason = _not_text(path)
    if reason is not None:
        yield Entry("", None, reason=reason)
    elif kind in VASP_OUTPUTS:
        yield from read_vasp_output(path, kind)
    elif kind == "xyz":
        with path.open(encoding="utf-8", errors="replace") as lines:
            yield from read_extxyz(lines, disorder)
    else:
        # Files of the twentieth century are in Latin-1; only names of authors differ.
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from read_cif(text, disorder) if kind == "cif" else [read_poscar(text)]


def _not_text(path: Path) -> str | None:
    """Return what a file is that cannot be text, or None."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is UTF-16 text; save it as UTF-8"
    for signature, what in _SIGNATURES.items():
        if head.startswith(signature):
            return f"not a crystal file: it is {what}"
    return "not a crystal file: it is not text" if b"\0" in head else None


def _named_when_several(entries: Iterator[Entry]) -> Iterator[Entry]:
    first = next(entries, None)
    second = next(entries, None)
    if first is not None and second is None:
        yield replace(first, name="")
    else:
        yield from (entry for entry in chain([first, second], entries) if entry is not None)
