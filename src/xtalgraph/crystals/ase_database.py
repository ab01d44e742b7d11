"""ASE databases (SQLite), read through ASE.

ASE is imported only where a file is read: it takes longer to load than most files to read.
"""

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from xtalgraph.conventions.boundary import guarded, guarded_items
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.entry import Entry


def read_ase_database(path: Path, disorder: str = "refuse") -> Iterator[Entry]:
    """Read the rows of an ASE database (SQLite), each named by its id.

    A row that is damaged gives an entry with a reason; the others are still read. Where a row has
    disordered sites, ``occupancy`` in its data, `disorder` says what to do, see `from_ase`.
    """
    with path.open("rb") as file:
        magic = file.read(16)
    if magic != b"SQLite format 3\0":
        reason = "the file is empty" if not magic else "not an ASE database: not an SQLite file"
        yield Entry("", None, reason=reason)
        return
    count = 0
    try:
        for entry in guarded_items(_entries(path, disorder), "the file"):
            yield entry
            count += 1
    except InputError as error:
        yield Entry("" if count == 0 else str(count + 1), None, reason=str(error))
        return
    if count == 0:
        yield Entry("", None, reason="the database holds no rows")


def _entries(path: Path, disorder: str) -> Iterator[Entry]:
    from ase.db import connect

    # ASE would add its own tables to the database of somebody else.
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as plain:
        plain.row_factory = sqlite3.Row
        plain.text_factory = lambda content: content.decode(errors="replace")
        numbers = [row["id"] for row in plain.execute("SELECT id FROM systems ORDER BY id")]
        with connect(path, type="db", use_lock_file=False) as database:
            for number in numbers:
                try:
                    crystal, values = guarded(
                        partial(_row, plain, database, number, disorder), "it"
                    )
                except InputError as error:
                    yield Entry(str(number), None, reason=f"row {number}: {error}")
                else:
                    yield Entry(str(number), crystal, values)


def _row(
    plain: sqlite3.Connection, database: Any, number: int, disorder: str
) -> tuple[Crystal, Mapping[str, object]]:
    stored = plain.execute("SELECT * FROM systems WHERE id = ?", (number,)).fetchone()
    if stored["positions"] is None:
        raise InputError("it has no positions")
    for name in stored.keys():  # noqa: SIM118 - iterating over a row gives its values
        _check_declared_sizes(name, stored[name])
    row = database.get(id=number)
    atoms = row.toatoms()
    if "natoms" in stored.keys() and stored["natoms"] != len(atoms):  # noqa: SIM118
        raise InputError(f"it declares {stored['natoms']} atoms and holds {len(atoms)}")
    values = {**dict(row.data), **row.key_value_pairs, **values_of(atoms)}
    atoms.info = values  # ASE keeps neither occupancies nor kinds of sites with the atoms
    return from_ase(atoms, disorder), values


def _check_declared_sizes(name: str, value: object) -> None:
    """Raise where the JSON in a field declares an array larger than the field itself.

    ASE allocates what is declared before it looks at what is there.
    """
    if not isinstance(value, str) or not ("__ndarray__" in value or "\\u" in value):
        return

    def check(content: dict[str, Any]) -> dict[str, Any]:
        if "__ndarray__" in content:
            shape = content["__ndarray__"][0]
            if math.prod(shape if isinstance(shape, list) else [shape]) > len(value):
                raise InputError(f"the field {name!r} declares more numbers than it holds")
        return content

    json.loads(value, object_hook=check)


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
    if results.get("stress") is not None and results["stress"].shape == (6,):
        results["stress"] = voigt_6_to_full_3x3_stress(results["stress"])
    return values | results
