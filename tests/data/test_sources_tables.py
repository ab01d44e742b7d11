import csv
import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pymatgen.core import Lattice, Structure

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.writing import to_cif
from xtalgraph.data.sources import records, tables
from xtalgraph.data.table import read_rows, read_table


def salt(edge: float = 4.1) -> Structure:
    return Structure(Lattice.cubic(edge), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def cif(edge: float = 4.1) -> str:
    return to_cif(from_pymatgen(salt(edge)))


def split_json(path, index, columns, data) -> None:
    text = json.dumps({"index": index, "columns": columns, "data": data})
    with gzip.open(path, "wt") as file:
        file.write(text)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_tables_of_cif_text_are_read_in_chunks(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(tables, "_CHUNK", 3)
    count = 7
    edges = np.linspace(4.0, 4.4, 3)
    texts = [cif(edges[i % 3]) for i in range(count)]
    frame = pd.DataFrame(
        {"material_id": [f"{i:05d}" for i in range(count)], "cif": texts, "y": np.arange(count) / 7}
    )
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    table = read_table(path)
    assert table.ids == tuple(frame["material_id"])
    assert table.rows == tuple(range(count))
    assert table.files == (str(path),) * count
    assert table.columns["y"].tolist() == frame["y"].tolist()
    np.testing.assert_allclose(
        [c.volume for c in table.crystals], [edges[i % 3] ** 3 for i in range(count)], rtol=1e-12
    )


def test_structures_in_a_csv_may_be_json_cif_or_poscar(tmp_path):
    texts = [json.dumps(salt().as_dict()), cif(), salt().to(fmt="poscar")]
    pd.DataFrame({"structure": texts}).to_csv(tmp_path / "t.csv", index=False)
    table = read_table(tmp_path / "t.csv")
    assert table.ids == ("0", "1", "2")
    for crystal in table.crystals:
        np.testing.assert_allclose(crystal.fractional, salt().frac_coords, atol=1e-12)


def test_structures_in_parquet_may_be_dictionaries(tmp_path):
    structures = [salt(4.1).as_dict(), salt(4.2).as_dict()]
    for structure in structures:
        # parquet has no empty structs
        del structure["properties"]
        for site in structure["sites"]:
            del site["properties"]
    frame = pd.DataFrame({"structure": structures}, index=["a", "b"])
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.ids == ("a", "b")
    assert table.crystals[1].volume == pytest.approx(4.2**3)


def test_paths_start_at_the_table(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.cif").write_text(cif())
    (tmp_path / "files" / "two.cif").write_text(cif() + cif())
    paths = ["files/a.cif", "files/b.cif", "files/two.cif", None]
    frame = pd.DataFrame({"jid": ["a", "b", "c", "d"], "path": paths, "y": [1, 2, 3, 4]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    rows = list(read_rows(tmp_path / "t.csv"))
    assert rows[0].crystal.formula == "CsCl"
    assert rows[0].values == {"y": 1}
    assert "no such file" in rows[1].reason
    assert "2 crystals, and a row needs one" in rows[2].reason
    assert "'path' is empty" in rows[3].reason


def test_ids_are_kept_as_they_are_written(tmp_path):
    (tmp_path / "t.csv").write_text('id,cif\n001,"{0}"\nNA,"{0}"\n'.replace("{0}", cif()))
    assert read_table(tmp_path / "t.csv").ids == ("001", "NA")


def test_a_row_without_an_id_is_rejected(tmp_path):
    (tmp_path / "t.csv").write_text('id,cif\n,"{0}"\nb,"{0}"\n'.replace("{0}", cif()))
    table = read_table(tmp_path / "t.csv")
    assert table.ids == ("b",)
    assert (table.rejected[0].row, table.rejected[0].reason) == (0, "the column 'id' is empty")


@pytest.mark.parametrize(
    ("names", "used"),
    [(["name", "jid"], "jid"), (["mp_id", "material_id"], "material_id"), (["name"], "name")],
)
def test_which_column_is_the_id(names, used):
    frame = pd.DataFrame({name: [name] for name in names} | {"structure": [salt()]})
    table = read_table(frame)
    assert table.ids == (used,)
    assert list(table.columns) == [name for name in names if name != used]


def test_a_frame_without_ids_uses_its_index():
    frame = pd.DataFrame({"cif": [cif(), cif()]}, index=["p", "q"])
    assert read_table(frame).ids == ("p", "q")
    assert read_table(frame.reset_index(drop=True)).ids == ("0", "1")


@pytest.mark.parametrize(
    ("name", "count", "ids"),
    [
        ("matbench_toy.json.gz", 2, ("mb-toy-1", "mb-toy-2")),
        ("matbench_mp_e_form.json.gz", 12, ("mb-mp-e-form-01", "mb-mp-e-form-02")),
        ("other.json.gz", 2, ("0", "1")),
    ],
)
def test_ids_of_matbench(tmp_path, name, count, ids):
    data = [[salt().as_dict(), float(i)] for i in range(count)]
    split_json(tmp_path / name, list(range(count)), ["structure", "y"], data)
    table = read_table(tmp_path / name)
    assert table.ids[:2] == ids
    assert table.columns["y"].tolist() == [float(i) for i in range(count)]


def test_gaps_in_a_json_table_are_missing_values(tmp_path):
    data = [[salt().as_dict(), 1.5, [[1, 2], [2, 3]]], [salt().as_dict(), None, None]]
    split_json(tmp_path / "t.json.gz", ["a", "b"], ["structure", "gap", "tensor"], data)
    columns = read_table(tmp_path / "t.json.gz").columns
    assert columns["gap"].isna().tolist() == [False, True]
    assert columns["tensor"][0] == [[1, 2], [2, 3]]


def test_compositions_are_no_structures(tmp_path):
    split_json(tmp_path / "matbench_steels.json.gz", [0], ["composition", "y"], [["Fe", 1.0]])
    with pytest.raises(InputError, match="holds compositions and no structures"):
        read_rows(tmp_path / "matbench_steels.json.gz")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"a,b\n1,2\n", "no column structure, cif, path or atoms; its columns are a, b"),
        ("t.csv", b"", "not a CSV table"),
        ("t.csv", b"id,cif\n", "a header but no rows"),
        ("t.csv", b"id;cif;gap\n1;2;3\n", "cells are separated by commas"),
        ("t.csv", b"id,cif,gap,cif\n1,2,3,4\n", "several columns called 'cif'"),
        ("t.csv", b"id,ID,cif\n1,2,3\n", "the columns 'id' and 'ID': which is meant"),
        ("t.csv", b"id,cif,\xe9\n1,2,3\n", "byte 0xe9"),
        ("t.csv.gz", b"not gzip", "cannot be read"),
        (
            "t.csv.gz",
            gzip.compress(b"id,cif\n" + bytes(range(65, 91)) * 50, mtime=0)[:-20],
            "cannot be read",
        ),
        ("t.json", b"{", "not a JSON table"),
        ("t.json", b"[1, 2]", "layout of Matbench"),
        ("t.json", b'{"a": 1}', "layout of Matbench"),
        ("t.json", b'{"index": [0], "columns": ["a"], "data": []}', "do not match"),
        ("t.json.gz", b"not gzip", "not a JSON table"),
        ("t.parquet", b"not parquet", "not a parquet table"),
        ("t.txt", b"hello", "unknown kind of file 't.txt'; understood are .cif"),
    ],
)
def test_sources_that_cannot_be_used(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_rows(tmp_path / name)


POSCAR_WITHOUT_SCALE = "salt\n" + "5.6 0 0\n" * 8


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("cif", "files/a.cif", "'files/a.cif', a path; paths belong in a column 'path'"),
        ("structure", "cifs/a.cif", "'cifs/a.cif', a path; paths belong in a column 'path'"),
        ("structure", "POSCAR_1", "a path; paths belong in a column 'path'"),
        ("structure", "C:\\a\\b", "a path; paths belong in a column 'path'"),
        ("structure", "NaCl", "holds 'NaCl', which is neither CIF, JSON nor a POSCAR"),
        ("cif", "NaCl", "holds 'NaCl', which is no CIF text"),
        ("structure", '{"lattice": ', "the column 'structure' is not valid JSON"),
        ("structure", str(salt().as_dict()), "write json.dumps(structure.as_dict())"),
        ("structure", str(salt()), "a pymatgen Structure as Python prints it"),
        ("structure", repr(salt()), "a pymatgen Structure as Python prints it"),
        ("structure", POSCAR_WITHOUT_SCALE, "neither CIF nor JSON; read as a POSCAR: line 2"),
        ("structure", '{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ("structure", '{"a": 1}', "not a pymatgen structure dictionary: 'lattice' is missing"),
        ("path", "a" * 3000, "File name too long"),
        ("path", "a\0b.cif", "no such file"),
    ],
)
def test_a_cell_that_holds_no_crystal_is_called_what_it_is(column, cell, words):
    (row,) = read_rows(pd.DataFrame({column: [cell]}))
    assert row.crystal is None
    assert words in row.reason


@pytest.mark.parametrize(
    "name",
    ["ID", "Id", "mpid", "MP_ID", "material id", "Material_ID", "material-id", "cif_id", " id",
     "JID", "Refcode", "structure id", ""],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_spellings_of_the_id_column(tmp_path, name, suffix):
    path = tmp_path / f"t{suffix}"
    if suffix == ".csv":
        pd.DataFrame({name: ["001", "NA"], "CIF": [cif(), cif()]}).to_csv(path, index=False)
    else:
        rows = [["001", cif()], ["NA", cif()]]
        columns = [name or "Unnamed: 0", "CIF"]
        path.write_text(json.dumps({"index": [5, 6], "columns": columns, "data": rows}))
    table = read_table(path)
    assert table.ids == ("001", "NA")
    assert list(table.columns) == []


def test_a_bad_record_costs_itself(tmp_path):
    lines = [
        b"id,cif,gap,note",
        b'a,"' + cif().encode() + b'",1.5,x',
        b'b,"' + cif().encode() + b'",1.5',
        b'c,"' + cif().encode() + b'",1.5,x,y',
        b'd,"' + cif().encode() + b'",2.5,M\xfcller',
        b'e,"' + cif().encode() + b'"x,2.5,y',
        b'f,"' + cif().encode() + b'",3.5,',
        b'g,"' + cif().encode() + b'",n/a,z',
        b'h,"' + cif().encode(),
    ]
    (tmp_path / "t.csv").write_bytes(b"\r\n".join(lines))
    table = read_table(tmp_path / "t.csv")
    assert table.ids == ("a", "f", "g")
    assert table.rows[:2] == (0, 5)
    np.testing.assert_array_equal(table.columns["gap"], [1.5, 3.5, np.nan])
    reasons = {rejection.row: rejection.reason for rejection in table.rejected}
    assert reasons[1] == "it has 3 cells and the header 4"
    assert reasons[2] == "it has 5 cells and the header 4"
    assert "it is not UTF-8 text: byte 0xfc in 'Müller'" in reasons[3]
    assert "goes on behind its closing quote" in reasons[4]
    assert "not closed" in table.rejected[-1].reason


def test_a_table_in_utf_16(tmp_path):
    text = f'id,cif,note\n1,"{cif()}",Müller\n'
    (tmp_path / "t.csv").write_bytes(text.encode("utf-16"))
    assert read_table(tmp_path / "t.csv").columns["note"].tolist() == ["Müller"]


def test_numbers_are_those_of_pandas(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"cif": [cif()] * 50, "x": rng.normal(size=50), "n": range(50)})
    frame["flag"] = frame["n"] > 20
    frame["word"] = [f'"{n}", or so\r' for n in range(50)]
    frame.to_csv(tmp_path / "t.csv", index=False)
    expected = pd.read_csv(tmp_path / "t.csv").drop(columns="cif")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv").columns, expected)


def test_bad_rows_of_a_json_table_cost_themselves(tmp_path):
    good = [salt().as_dict(), 1.0]
    rows = [good, good[:1], "text", [*good, 3], good]
    (tmp_path / "t.json").write_text(
        json.dumps({"index": list("abcde"), "columns": ["structure", "y"], "data": rows})
    )
    table = read_table(tmp_path / "t.json")
    assert table.ids == ("a", "e")
    assert [rejection.reason for rejection in table.rejected] == [
        "it has 1 cells for 2 columns",
        "it is a str and not a row of the table",
        "it has 3 cells for 2 columns",
    ]
    objects = [{"jid": "a", "structure": salt().as_dict()}, 7]
    (tmp_path / "u.json").write_text(json.dumps(objects))
    assert read_table(tmp_path / "u.json").ids == ("a",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"index": [0], "columns": ["a", "a"], "data": [[1, 2]]}', "several columns called 'a'"),
        ('{"index": 5, "columns": ["a"], "data": [[1]]}', "layout of Matbench"),
        ('{"index": [0], "columns": ["structure"], "data": [[' + "9" * 5000 + "]]}", "not a JSON"),
    ],
)
def test_json_that_is_no_table(tmp_path, content, words):
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(InputError, match=words):
        read_rows(tmp_path / "t.json")


def test_repeated_columns_are_refused_everywhere(tmp_path):
    frame = pd.DataFrame([[salt(), 1, 2]], columns=["structure", "gap", "gap"])
    with pytest.raises(InputError, match="the DataFrame has several columns called 'gap'"):
        read_rows(frame)
    arrow = pa.table([pa.array([cif()]), pa.array([1]), pa.array([2])], names=["cif", "y", "y"])
    pq.write_table(arrow, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="several columns called 'y'"):
        read_rows(tmp_path / "t.parquet")


@pytest.mark.parametrize("name", ["t.json.gz", "t.csv.gz"])
def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(records, "FREE_BYTES", 10_000)
    head = b"[" if name == "t.json.gz" else b'id,cif\n1,"'
    (tmp_path / name).write_bytes(gzip.compress(head + b" " * 10_000_000))
    with pytest.raises(InputError, match=r"unpacks to more than .* MiB, 50 times its size"):
        read_rows(tmp_path / name)


def test_a_cell_beyond_the_limit_costs_its_row_and_the_limit_of_csv_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MAX_CELL_CHARACTERS", 5_000)
    before = csv.field_size_limit()
    (tmp_path / "t.csv").write_text(f'id,cif\na,"{cif()}"\nb,{"x" * 6_000}\nc,"{cif()}"\n')
    table = read_table(tmp_path / "t.csv")
    assert table.ids == ("a", "c")
    assert table.rejected[0].reason == "a cell must be 5000 characters long at most"
    assert csv.field_size_limit() == before
