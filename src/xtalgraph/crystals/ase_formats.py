"""POSCAR, extended XYZ and ASE databases, read through ASE.

ASE is imported only where a file is read: it takes longer to load than most files to read.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.entry import Entry


def read_poscar(text: str) -> Entry:
    """Read the text of a POSCAR or CONTCAR; nothing is raised for bad content."""
    from ase.io.vasp import read_vasp

    lines = text.splitlines()
    if not text.strip():
        return Entry("", None, reason="the file is empty")
    if len(lines) < 7:
        return Entry("", None, reason=f"not a POSCAR: it has only {len(lines)} lines")
    if not any(character.isalpha() for character in lines[5]):
        reason = "the POSCAR names no elements (VASP 4); write their symbols above the counts"
        return Entry("", None, reason=reason)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Entry("", from_ase(read_vasp(io.StringIO(text))))
    # ASE raises whatever the first malformed line happens to break.
    except Exception as error:
        return Entry("", None, reason=f"the POSCAR breaks off or is malformed: {_what(error)}")


def read_extxyz(lines: TextIO) -> Iterator[Entry]:
    """Read the frames of an extended XYZ file one by one, each named by its number from 0.

    A frame that is malformed gives an entry with a reason; the following frames are still read
    where their beginning can be found.
    """
    frame = 0
    held = ""
    while True:
        head = held or lines.readline()
        held = ""
        if not head.strip():
            if not head or not (rest := _next_text(lines)):
                break
            head = rest
        try:
            count = int(head)
        except ValueError:
            shown = head.strip()[:40]
            reason = f"expected the number of atoms of frame {frame}, got {shown!r}"
            yield Entry(str(frame), None, reason=reason)
            return
        body = list(islice(lines, count + 1))
        if len(body) < count + 1:
            have = max(len(body) - 1, 0)
            reason = f"frame {frame} breaks off after {have} of {count} atoms"
            yield Entry(str(frame), None, reason=reason)
            return
        held = lines.readline()
        while held.lstrip().startswith("VEC"):
            body.append(held)
            held = lines.readline()
        yield _frame(str(frame), head + "".join(body))
        frame += 1
    if frame == 0:
        yield Entry("0", None, reason="the file is empty")


def _next_text(lines: TextIO) -> str:
    return next((line for line in lines if line.strip()), "")


def _frame(name: str, text: str) -> Entry:
    from ase.io.extxyz import read_xyz

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (atoms,) = read_xyz(io.StringIO(text), index=slice(None))
            return Entry(name, from_ase(atoms), values_of(atoms))
    except InputError as error:
        return Entry(name, None, reason=str(error))
    # ASE raises whatever the first malformed line happens to break.
    except Exception as error:
        return Entry(name, None, reason=f"frame {name} is malformed: {_what(error)}")


def read_ase_database(path: Path) -> Iterator[Entry]:
    """Read the rows of an ASE database (SQLite), each named by its id."""
    import sqlite3

    from ase.db import connect

    with path.open("rb") as file:
        magic = file.read(16)
    if magic != b"SQLite format 3\0":
        reason = "the file is empty" if not magic else "not an ASE database: not an SQLite file"
        yield Entry("", None, reason=reason)
        return
    try:
        # ASE would add its own tables to the database of somebody else.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as plain:
            plain.execute("SELECT id FROM systems LIMIT 1")
        count = 0
        with connect(path, type="db", use_lock_file=False) as database:
            for row in database.select():
                yield _row(row)
                count += 1
        if count == 0:
            yield Entry("", None, reason="the database holds no rows")
    except (sqlite3.DatabaseError, KeyError, OSError, ValueError) as error:
        yield Entry("", None, reason=f"not an ASE database: {_what(error)}")


def _row(row: Any) -> Entry:
    try:
        atoms = row.toatoms()
        values = {**dict(row.data), **row.key_value_pairs, **values_of(atoms)}
        return Entry(str(row.id), from_ase(atoms), values)
    except InputError as error:
        return Entry(str(row.id), None, reason=str(error))
    except Exception as error:
        return Entry(str(row.id), None, reason=f"row {row.id} is malformed: {_what(error)}")


def values_of(atoms: Any) -> dict[str, object]:
    """Return what an ASE ``Atoms`` carries: its info, per-atom arrays, and calculated results.

    The stress is the full symmetric 3x3 matrix, eV/Å³, positive in tension.
    """
    from ase.stress import voigt_6_to_full_3x3_stress

    values: dict[str, object] = {
        key: value for key, value in atoms.info.items() if isinstance(key, str)
    }
    values |= {k: v for k, v in atoms.arrays.items() if k not in ("numbers", "positions")}
    results = dict(atoms.calc.results) if atoms.calc is not None else {}
    if "stress" in results and results["stress"].shape == (6,):
        results["stress"] = voigt_6_to_full_3x3_stress(results["stress"])
    return values | results


def _what(error: Exception) -> str:
    """Put an error of a parser on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
