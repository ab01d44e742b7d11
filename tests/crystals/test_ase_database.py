import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from ase.build import bulk
from ase.db import connect

from xtalgraph.crystals.ase_database import read_ase_database

DEEP = "[" * 100_000 + "]" * 100_000
HUGE = json.dumps({"x": {"__ndarray__": [[1_000_000_000], "float64", [0.0]]}})


@pytest.fixture
def path(tmp_path):
    with connect(tmp_path / "a.db") as database:
        for edge in (5.5, 5.6, 5.7):
            database.write(bulk("NaCl", "rocksalt", a=edge), gap=edge, data={"x": np.arange(3)})
    return tmp_path / "a.db"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("key_value_pairs", '{"__ndarray__": [[1], "float64", [1]]}', "malformed"),
        ("key_value_pairs", DEEP, "nested too deeply"),
        ("key_value_pairs", "{", "not valid JSON"),
        ("key_value_pairs", HUGE, "'key_value_pairs' declares more numbers than it holds"),
        ("key_value_pairs", HUGE.replace("_", "\\u005f"), "declares more numbers than it holds"),
        ("data", HUGE, "'data' declares more numbers than it holds"),
        ("calculator_parameters", HUGE, "declares more numbers than it holds"),
        ("pbc", b"\x10\0\0\0", "malformed"),
        ("cell", b"\0" * 7, "malformed"),
        ("cell", None, "direction a repeats but has no lattice vector"),
        ("numbers", b"\x0b\0\0\0", "malformed"),
        ("positions", None, "it has no positions"),
        ("positions", "text", "malformed"),
        ("natoms", 3, "it declares 3 atoms and holds 2"),
        ("tags", '{"__complex__": [1, 2]}', "malformed"),
    ],
)
def test_a_damaged_row_costs_itself(path, field, value, words):
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"UPDATE systems SET {field} = ? WHERE id = 2", (value,))
        if field == "key_value_pairs":
            database.execute("DELETE FROM number_key_values WHERE id = 2")
        database.commit()
    entries = list(read_ase_database(path))
    assert [entry.name for entry in entries] == ["1", "2", "3"]
    assert [entry.crystal is None for entry in entries] == [False, True, False]
    assert entries[1].reason.startswith("row 2: ")
    assert words in entries[1].reason
    assert entries[2].values["gap"] == 5.7


def test_rows_are_as_they_were_written_and_the_file_is_not_changed(path):
    before = path.read_bytes()
    for entry, edge in zip(read_ase_database(path), (5.5, 5.6, 5.7), strict=True):
        assert entry.crystal.volume == pytest.approx(edge**3 / 4)
        assert entry.values["gap"] == edge
        np.testing.assert_array_equal(entry.values["x"], np.arange(3))
    assert path.read_bytes() == before


def test_a_file_that_breaks_off(path):
    path.write_bytes(path.read_bytes()[:5000])
    entries = list(read_ase_database(path))
    assert entries[-1].crystal is None
    assert "not an ASE database, or damaged" in entries[-1].reason
