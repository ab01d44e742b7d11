import gzip
import json

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.writing import to_cif
from xtalgraph.data.sources import tables
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
        ("t.csv", b"id,cif\n1,2\n1,2,3,4\n", "not a CSV table"),
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


def test_paths_in_the_wrong_column_are_explained():
    (row,) = read_rows(pd.DataFrame({"cif": ["files/a.cif"]}))
    assert "paths belong in a column 'path'" in row.reason


def test_broken_json_in_a_cell_is_a_reason():
    (row,) = read_rows(pd.DataFrame({"structure": ['{"lattice": ']}))
    assert "is not valid JSON" in row.reason
