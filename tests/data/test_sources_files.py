import os

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk
from ase.io import write
from pymatgen.core import Lattice, Structure

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals import reading
from xtalgraph.crystals.convert import from_ase, from_pymatgen
from xtalgraph.crystals.writing import to_cif, write_cif
from xtalgraph.data.table import read_rows, read_table

PARTIAL = to_cif(from_ase(bulk("Cu"))).replace(" 1\n", " 0.5\n")


def salt(edge: float = 4.1) -> Structure:
    return Structure(Lattice.cubic(edge), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture
def folder(tmp_path):
    for n in range(5):
        write_cif(from_pymatgen(salt(4.0 + n / 10)), tmp_path / f"good{n}.cif")
    text = to_cif(from_pymatgen(salt()))
    (tmp_path / "truncated.cif").write_text(text[: len(text) * 2 // 3])
    (tmp_path / "partial.cif").write_text(PARTIAL)
    (tmp_path / "empty.cif").write_text("")
    (tmp_path / "photo.cif").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    (tmp_path / "notes.txt").write_text("not a crystal")
    return tmp_path


def test_tables_in_a_folder_of_crystals_are_told(folder, caplog):
    (folder / "labels.csv").write_text("id,energy\ngood0,1.0\n")
    (folder / "structures.json.gz").write_bytes(b"")
    assert len(read_table(folder)) == 5
    (told,) = [text for text in caplog.messages if "passed over" in text]
    assert "passed over: labels.csv, structures.json.gz; give a table by its own path" in told


def test_a_folder_of_tables_alone_names_them(tmp_path):
    (tmp_path / "labels.CSV").write_text("id,energy\ngood0,1.0\n")
    with pytest.raises(InputError, match=r"give one of its tables by its own path: labels\.CSV"):
        read_table(tmp_path)


def test_a_folder_with_good_and_bad_files_loses_nothing(folder):
    table = read_table(folder)
    assert table.ids == tuple(f"good{n}" for n in range(5))
    assert table.rows == (None,) * 5
    reasons = {rejection.id: rejection.reason for rejection in table.rejected}
    assert set(reasons) == {"truncated", "partial", "empty", "photo"}
    assert "malformed" in reasons["truncated"] or "holds no atoms" in reasons["truncated"]
    assert "partial occupancy: Cu1 (Cu 0.5)" in reasons["partial"]
    assert reasons["empty"] == "the file is empty"
    assert "JPEG" in reasons["photo"]
    assert all(str(folder) in rejection.file for rejection in table.rejected)


def test_folders_of_calculations_are_named_by_folder(tmp_path):
    for name, file in (("run2", "POSCAR"), ("run1", "POSCAR"), ("run3", "contcar")):
        (tmp_path / name).mkdir()
        write(tmp_path / name / file, bulk("Cu"), format="vasp")
    table = read_table(tmp_path)
    assert table.ids == ("run1", "run2", "run3")


def test_a_folder_without_crystals(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match="holds no crystal file"):
        read_rows(tmp_path)


def test_several_crystals_of_a_file_are_told_apart(tmp_path):
    text = to_cif(from_pymatgen(salt()))
    (tmp_path / "pair.cif").write_text(text + text.replace("data_CsCl", "data_other"))
    assert read_table(tmp_path / "pair.cif").ids == ("pair:CsCl", "pair:other")
    write(tmp_path / "path.extxyz", [bulk("Cu"), bulk("Al")])
    assert read_table(tmp_path / "path.extxyz").ids == ("path:0", "path:1")


def test_checks_apply_to_files(tmp_path):
    (tmp_path / "a.cif").write_text(to_cif(from_pymatgen(salt(0.9))))
    (rejection,) = read_table(tmp_path / "a.cif").rejected
    assert "absurd density" in rejection.reason


def test_lists_of_anything(folder):
    items = [
        folder / "good0.cif",
        str(folder / "good1.cif"),
        salt(),
        bulk("Cu"),
        from_ase(bulk("Al")),
        salt().as_dict(),
        folder / "missing.cif",
        folder / "notes.txt",
    ]
    table = read_table(items)
    assert table.ids == ("good0", "good1", "2", "3", "4", "5")
    assert [crystal.formula for crystal in table.crystals] == [
        "CsCl",
        "CsCl",
        "CsCl",
        "Cu",
        "Al",
        "CsCl",
    ]
    assert [rejection.id for rejection in table.rejected] == ["missing", "notes.txt"]
    assert "no such file" in table.rejected[0].reason


def test_one_crystal_is_a_source():
    assert read_table(salt()).ids == ("0",)


def test_a_cgcnn_folder_needs_no_header_and_no_atom_file(tmp_path):
    for n in range(3):
        write_cif(from_pymatgen(salt(4.0 + n / 10)), tmp_path / f"00{n}.cif")
    lines = ["000,1.5,7", "001,-2e-1,8", "", "003,0.1,9", "002,n/a,10"]
    (tmp_path / "id_prop.csv").write_text("\n".join(lines))
    table = read_table(tmp_path)
    assert table.ids == ("000", "001", "002")
    assert table.rows == (0, 1, 3)
    assert table.columns["target"].tolist() == [1.5, -0.2, "n/a"]
    assert table.columns["target_1"].tolist() == [7.0, 8.0, 10.0]
    np.testing.assert_allclose([c.volume for c in table.crystals], np.array([4.0, 4.1, 4.2]) ** 3)
    (rejection,) = table.rejected
    assert (rejection.id, rejection.row) == ("003", 2)
    assert "no such file" in rejection.reason


def test_an_empty_cgcnn_table(tmp_path):
    (tmp_path / "id_prop.csv").write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        read_rows(tmp_path)


def test_links_to_nothing_are_rows_with_a_reason(tmp_path):
    write_cif(from_pymatgen(salt()), tmp_path / "good.cif")
    (tmp_path / "link.cif").symlink_to(tmp_path / "moved.cif")
    table = read_table(tmp_path)
    assert table.ids == ("good",)
    (rejection,) = table.rejected
    assert rejection.id == "link"
    assert "it is a link to" in rejection.reason
    assert "moved.cif, which does not exist" in rejection.reason


def test_compressed_files_are_not_passed_over(tmp_path):
    write_cif(from_pymatgen(salt()), tmp_path / "good.cif")
    (tmp_path / "packed.cif.gz").write_bytes(b"")
    table = read_table(tmp_path)
    assert table.ids == ("good",)
    (rejection,) = table.rejected
    assert rejection.reason == "it is compressed (.gz); unpack it first"


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.cif")
    (rejection,) = read_table(tmp_path).rejected
    assert rejection.reason == "is not a file but a device or a pipe"


def test_whatever_a_reader_raises_costs_one_file(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        write_cif(from_pymatgen(salt()), tmp_path / f"{name}.cif")

    def broken(path):
        raise MemoryError if path.name == "b.cif" else AssertionError
        yield

    entries = reading._entries
    monkeypatch.setattr(
        reading,
        "_entries",
        lambda path, kind, disorder: (
            broken(path) if path.stem < "c" else entries(path, kind, disorder)
        ),
    )
    table = read_table(tmp_path)
    assert table.ids == ("c",)
    assert [rejection.reason for rejection in table.rejected] == [
        "it is malformed",
        "it needs more memory than there is: a size in it is absurd",
    ]


def test_a_whole_number_of_400_digits_costs_its_row():
    records = [{"id": name, "structure": salt(), "y": y} for name, y in (("a", 10**400), ("b", 1))]
    table = read_table(pd.DataFrame(records))
    assert table.ids == ("b",)
    assert table.rejected[0].reason == (
        "the column 'y' holds a whole number of more than 300 digits"
    )


@pytest.mark.parametrize(
    "name", ["", "../secret", "/etc/passwd", "a\\b", "x" * 3000, "a\0b", "..", "M\udcfcller"]
)
def test_ids_of_a_cgcnn_folder_are_names_of_its_files(tmp_path, name):
    (tmp_path / "data").mkdir()
    write_cif(from_pymatgen(salt()), tmp_path / "secret.cif")
    write_cif(from_pymatgen(salt()), tmp_path / "data" / "good.cif")
    text = f"{name},1.0\ngood,2.0\n".encode(errors="surrogateescape")
    (tmp_path / "data" / "id_prop.csv").write_bytes(text)
    table = read_table(tmp_path / "data")
    assert table.ids == ("good",)
    assert table.rejected[0].row == 0
    assert table.rejected[0].id
    assert table.rejected[0].reason


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_cgcnn_table_with_a_byte_order_mark(tmp_path, encoding):
    write_cif(from_pymatgen(salt()), tmp_path / "good.cif")
    (tmp_path / "id_prop.csv").write_text("good,2.0\n", encoding=encoding)
    assert read_table(tmp_path).ids == ("good",)


@pytest.mark.parametrize("source", ["x" * 3000 + ".cif", "a\0b.cif", "missing.csv"])
def test_paths_that_cannot_be(source):
    with pytest.raises(InputError):
        list(read_rows(source))
    (rejection,) = read_table([source]).rejected
    assert rejection.reason
