from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.transforms import permute, translate
from xtalgraph.crystals.writing import to_cif
from xtalgraph.data.table import read_rows, read_table

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def salt(edge: float = 4.1) -> Structure:
    return Structure(Lattice.cubic(edge), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def cif(edge: float = 4.1) -> str:
    return to_cif(from_pymatgen(salt(edge)))


def test_a_table_holds_what_was_read_in_order():
    frame = pd.DataFrame(
        {
            "structure": [salt(4.1), salt(4.2)],
            "y": [1.0, 2.0],
            "note": ["p", None],
            "id": ["a", "b"],
        }
    )
    table = read_table(frame)
    assert len(table) == 2
    assert table.ids == ("a", "b")
    assert table.files == ("", "")
    assert table.rows == (0, 1)
    assert list(table.columns) == ["y", "note"]
    assert table.columns["y"].tolist() == [1.0, 2.0]
    assert [crystal.volume for crystal in table.crystals] == pytest.approx([4.1**3, 4.2**3])
    assert table.rejected == ()
    assert repr(table) == "CrystalTable(2 crystals, 0 rejected, columns: y, note)"


def test_every_bad_row_is_named_with_file_row_and_reason(tmp_path):
    partial = salt()
    partial.replace_species({"Cs": {"Cs": 0.5, "Rb": 0.5}})
    texts = [
        cif(),
        cif()[:200],
        "",
        cif(0.9),
        cif().replace("Cl1 Cl 0.5 0.5 0.5", "Cl1 Cl 0 0 0.01"),
    ]
    path = tmp_path / "t.csv"
    pd.DataFrame({"material_id": list("abcde"), "cif": texts}).to_csv(path, index=False)
    table = read_table(path)
    assert table.ids == ("a",)
    assert [(r.id, r.file, r.row) for r in table.rejected] == [
        (name, str(path), row) for row, name in enumerate("abcde") if name != "a"
    ]
    words = ["holds no atoms", "'cif' is empty", "absurd density", "overlapping"]
    for rejection, expected in zip(table.rejected, words, strict=True):
        assert expected in rejection.reason
    with_partial = read_table([partial.as_dict(), salt()])
    assert "partial occupancy" in with_partial.rejected[0].reason
    assert with_partial.ids == ("1",)


def test_repeated_ids_name_the_first():
    frame = pd.DataFrame({"structure": [salt(), salt(4.2), salt(4.3)], "id": ["a", "b", "a"]})
    table = read_table(frame)
    assert table.ids == ("a", "b")
    (rejection,) = table.rejected
    assert rejection.row == 2
    assert rejection.reason == "the id 'a' is taken already by row 0 of the source"


def test_select_keeps_order_and_what_was_rejected():
    frame = pd.DataFrame(
        {"structure": [salt(4.0 + i / 10) for i in range(5)] + [None], "y": range(6)}
    )
    table = read_table(frame)
    assert len(table.rejected) == 1
    chosen = table.select(np.array([4, 0]))
    assert chosen.ids == ("4", "0")
    assert chosen.columns["y"].tolist() == [4, 0]
    assert chosen.columns.index.tolist() == [0, 1]
    assert chosen.crystals[0] is table.crystals[4]
    assert chosen.rejected == table.rejected


def test_rejecting_moves_rows_to_their_place_among_the_rejected():
    frame = pd.DataFrame(
        {"id": list("abcd"), "structure": [salt(4.1), None, salt(4.2), salt(4.3)], "y": range(4)}
    )
    table = read_table(frame)
    less = table.reject({0: "too small", 2: "too large"})
    assert less.ids == ("c",)
    assert less.rows == (2,)
    assert less.columns["y"].tolist() == [2]
    assert less.crystals[0] is table.crystals[1]
    assert [(r.id, r.row) for r in less.rejected] == [("a", 0), ("b", 1), ("d", 3)]
    assert less.rejected[2].reason == "too large"
    assert table.ids == ("a", "c", "d")


def test_the_hash_sees_every_array_and_nothing_else():
    crystal = from_pymatgen(salt())
    reference = read_table([crystal]).content_hash()
    assert read_table([from_pymatgen(salt())]).content_hash() == reference
    assert (
        read_table(pd.DataFrame({"structure": [crystal], "y": [3.0]})).content_hash() == reference
    )
    for other in (
        [translate(crystal, np.array([1e-12, 0.0, 0.0]))],
        [permute(crystal, np.array([1, 0]))],
        [crystal, crystal],
        pd.DataFrame({"structure": [crystal], "id": ["b"]}),
    ):
        assert read_table(other).content_hash() != reference


def test_rows_come_one_by_one_and_the_source_is_checked_at_once(tmp_path):
    rows = read_rows([salt(), 3, salt()])
    assert next(rows).reason is None
    assert "cannot make a crystal of int" in next(rows).reason
    assert next(rows).reason is None
    with pytest.raises(InputError, match="no such file or folder"):
        read_rows(tmp_path / "missing.csv")


def test_progress_is_silent_unless_asked_for(capsys):
    read_table([salt()])
    assert capsys.readouterr() == ("", "")
    read_table([salt()], progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "reading" in captured.err


def test_an_empty_list_is_an_empty_table():
    table = read_table([])
    assert len(table) == 0
    assert list(table.columns) == []


def test_values_of_atoms_come_through(tmp_path):
    paths = sorted(DATA.glob("potentials/Si_test.extxyz"))
    if not paths:
        pytest.skip("needs ../shared/data")
    table = read_table(paths[0])
    # The published division has 25 crystals in this file.
    assert len(table) == 25
    assert table.ids[0] == "Si_test:0"
    for crystal, forces, stress in zip(
        table.crystals, table.columns["forces"], table.columns["stress"], strict=True
    ):
        assert forces.shape == (len(crystal), 3)
        np.testing.assert_allclose(stress, stress.T)


def test_official_ids_and_targets_of_matbench():
    path = DATA / "matbench_phonons.json.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    external_models = pd.read_csv(DATA / "peers_phonons.csv.gz")
    table = read_table(path)
    assert list(table.ids) == external_models["material_id"].tolist()
    assert table.columns["last phdos peak"].corr(external_models["alignn"]) > 0.95
