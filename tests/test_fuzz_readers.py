"""Damaged files of every kind: nothing but rows with a reason and the project's own errors.

Each mutation follows from its number, so that a failure names what to run again.
"""

import gzip
import json
import random
import resource
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write
from pymatgen.core import Lattice, Structure

from xtalgraph.conventions.errors import XtalgraphError
from xtalgraph.crystals.convert import from_pymatgen, to_jarvis_dict
from xtalgraph.crystals.writing import to_cif
from xtalgraph.data.table import read_table

SALT = Structure(Lattice.cubic(4.1), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SECONDS = 2.0
BYTES = 1e9

HOSTILE = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"nan",
    b"-1",
    b"0",
    b"1e308",
    b"1e-308",
    b"1/0",
    b"9" * 400,
    b"2147483648",
    b"1000000000",
    b"[" * 20_000,
    b"{" * 20_000,
    b'"',
    b"'",
    b";",
    b",",
    b":",
    b"=",
    b"\n",
    b"\r",
    b"?",
    b".",
    b"loop_",
    b"data_",
    b"\n;\n",
    b"a" * 3_000,
    b"../../x",
    b"T",
    b"null",
    b"inf",
    b"\\",
    b"\xc3",
    b"1.0d0",
    b"H",
    b"Xx",
    b"()",
    b"x,y,z",
    b"_cell_length_a",
    b"Lattice=",
    b"Properties=",
    b"\t",
    b" ",
]


def write_sources(folder: Path) -> None:
    """Write one small good file of every kind."""
    cif = to_cif(from_pymatgen(SALT))
    symmetric = bulk("Cu", cubic=True)
    write(folder / "cu.cif", symmetric)
    (folder / "salt.cif").write_text(cif)
    (folder / "rutile.cif").write_text(
        "data_r\n_symmetry_space_group_name_H-M 'P 42/m n m'\n_symmetry_Int_Tables_number 136\n"
        "_cell_length_a 4.594\n_cell_length_b 4.594\n_cell_length_c 2.959\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 90\n_cell_angle_gamma 90\n_chemical_formula_sum 'O2 Ti'\n"
        "_cell_formula_units_Z 2\nloop_\n_atom_site_label\n_atom_site_fract_x\n"
        "_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n"
        "Ti1 0 0 0 1\nO1 0.305 0.305 0 1.0(1)\n"
    )
    write(folder / "POSCAR", symmetric, format="vasp", direct=True)
    frames = [symmetric.copy() for _ in range(3)]
    for atoms in frames:
        atoms.calc = SinglePointCalculator(atoms, energy=-1.5, forces=atoms.positions)
        atoms.info["name"] = "001"
    write(folder / "frames.extxyz", frames)
    with connect(folder / "rows.db") as database:
        for atoms in frames:
            database.write(atoms, gap=1.5, kind="metal", data={"x": [1, 2]})
    table = pd.DataFrame({"id": ["a", "b"], "cif": [cif, cif], "y": [1.0, 2.0], "note": ["x", "y"]})
    table.to_csv(folder / "table.csv", index=False)
    table.to_csv(folder / "packed.csv.gz", index=False)
    table.to_parquet(folder / "table.parquet")
    rows = [[SALT.as_dict(), 1.0], [SALT.as_dict(), 2.0]]
    split = {"index": [0, 1], "columns": ["structure", "y"], "data": rows}
    (folder / "split.json").write_text(json.dumps(split))
    with gzip.open(folder / "matbench_toy.json.gz", "wt") as file:
        json.dump(split, file)
    atoms = to_jarvis_dict(from_pymatgen(SALT))
    records = [{"jid": n, "atoms": atoms, "gap": 1.0} for n in ("a", "b")]
    (folder / "jarvis.json").write_text(json.dumps(records))
    (folder / "cgcnn").mkdir()
    (folder / "cgcnn" / "a.cif").write_text(cif)
    (folder / "cgcnn" / "id_prop.csv").write_text("a,1.0\nb,2.0\n")


def mutate_bytes(content: bytes, draw: random.Random) -> bytes:
    """Return bytes with one to five places removed, repeated, swapped, or replaced."""
    for _ in range(draw.randint(1, 5)):
        at = draw.randint(0, len(content))
        to = min(len(content), at + draw.choice([0, 1, 1, 2, 5, 30, 300]))
        match draw.randrange(7):
            case 0:
                content = content[:at] + content[to:]
            case 1:
                content = content[:at] + draw.choice(HOSTILE) + content[to:]
            case 2:
                content = content[:at] + draw.randbytes(draw.randint(1, 4)) + content[to:]
            case 3:
                content = content[:to] + content[at:]
            case 4:
                content = content[:at]
            case 5:
                words = content.split(b" ")
                words[draw.randrange(len(words))] = draw.choice(HOSTILE)
                content = b" ".join(words)
            case _:
                lines = content.split(b"\n")
                i, j = draw.randrange(len(lines)), draw.randrange(len(lines))
                lines[i], lines[j] = lines[j], lines[i]
                content = b"\n".join(lines)
    return content


def mutate_database(path: Path, draw: random.Random) -> None:
    """Put something else into one field of one row."""
    with closing(sqlite3.connect(path)) as database:
        fields = [row[1] for row in database.execute("PRAGMA table_info(systems)")]
        field, number = draw.choice(fields), draw.randint(1, 3)
        query = f"SELECT {field} FROM systems WHERE id = ?"
        (held,) = database.execute(query, (number,)).fetchone()
        if draw.random() < 0.4:
            huge = {"__ndarray__": [[10**9], "float64", [0.0]]}
            value = draw.choice(
                [None, 10**15, 1e300, "", "{}", "[]", "[1]", json.dumps(huge), b"\0"]
            )
        elif isinstance(held, bytes):
            value = mutate_bytes(held, draw)
        else:
            value = mutate_bytes(str(held).encode(), draw).decode(errors="replace")
        try:
            database.execute(f"UPDATE systems SET {field} = ? WHERE id = ?", (value, number))
            database.commit()
        except sqlite3.Error:
            return  # the database itself does not take it


def mutate(source: Path, target: Path, draw: random.Random) -> Path:
    """Write a mutation of a source; return what is to be read."""
    content = source.read_bytes()
    if source.suffix == ".gz" and draw.random() < 0.7:
        content = gzip.compress(mutate_bytes(gzip.decompress(content), draw), 1, mtime=0)
    elif source.suffix != ".db" or draw.random() < 0.3:
        content = mutate_bytes(content, draw)
    target.write_bytes(content)
    if source.suffix == ".db" and content == source.read_bytes():
        mutate_database(target, draw)
    return target.parent if source.name == "id_prop.csv" else target


def fuzz(numbers: range, folder: Path, read: Callable[[Path], object]) -> list[str]:
    """Read mutations; return what was raised, and what took too long or too much memory."""
    (folder / "good").mkdir()
    (folder / "bad").mkdir()
    write_sources(folder / "good")
    sources = sorted(path for path in (folder / "good").rglob("*") if path.is_file())
    failures = []
    for number in numbers:
        draw = random.Random(number)
        source = sources[number % len(sources)]
        path = mutate(source, folder / "bad" / source.name, draw)
        before, start = _peak(), time.process_time()
        try:
            read(path)
        except XtalgraphError as error:
            if not str(error):
                failures.append(f"{number} {source.name}: an error without words")
        # What is looked for is any other exception.
        except Exception as error:
            failures.append(f"{number} {source.name}: {type(error).__name__}: {str(error)[:200]}")
        seconds, taken = time.process_time() - start, _peak() - before
        if seconds > SECONDS or taken > BYTES:
            failures.append(f"{number} {source.name}: {seconds:.1f} s, {taken / 1e6:.0f} MB")
        if source.name != "id_prop.csv":
            path.unlink()
        else:
            (path / "id_prop.csv").unlink()
    return failures


def _peak() -> float:
    """Return the most memory that this process has had, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def read_all(path: Path) -> None:
    """Read a source, and look at what every row says."""
    table = read_table(path)
    for rejection in table.rejected:
        if not rejection.reason or not rejection.id:
            raise AssertionError(f"a rejected row without id or reason: {rejection}")


def test_the_files_that_are_mutated_are_good(tmp_path):
    write_sources(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        table = read_table(path)
        assert len(table) >= 1, path
        assert len(table.rejected) == (path.name == "cgcnn"), path


def test_300_mutations_of_files(tmp_path):
    assert fuzz(range(300), tmp_path, read_all) == []


@pytest.mark.long
def test_10000_mutations_of_files(tmp_path):
    assert fuzz(range(300, 10_300), tmp_path, read_all) == []
