"""Energies beside what a table says: what is computed, kept of the rows, and told."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from ase.calculators.lj import LennardJones
from ase.io import read, write

import xtalgraph
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.table import read_table
from xtalgraph.testing.crystals import contract_crystals


class Counting(LennardJones):
    """It counts how often it is asked."""

    asked = 0

    def calculate(self, *args, **kwargs):
        Counting.asked += 1
        super().calculate(*args, **kwargs)


@pytest.fixture(autouse=True)
def from_nothing(monkeypatch):
    monkeypatch.setattr(Counting, "asked", 0)


def calculator():
    return Counting(rc=6.0, sigma=2.0)


def energy_of(crystal):
    atoms = to_ase(crystal)
    atoms.calc = LennardJones(rc=6.0, sigma=2.0)
    return atoms.get_potential_energy() / len(atoms)


def test_a_table_keeps_its_columns_and_its_crystals(table, csv_path, tmp_path):
    done = xtalgraph.energies(calculator(), csv_path, out=tmp_path, column="lj", progress=False)
    assert (done.good, done.bad, Counting.asked) == (48, 0, 48)
    assert done.page == tmp_path / "crystals.csv"
    before, after = read_table(csv_path), read_table(done.page)
    assert after.ids == before.ids
    for old, new in zip(before.crystals, after.crystals, strict=True):
        np.testing.assert_allclose(new.cell, old.cell, atol=1e-12)
        np.testing.assert_allclose(new.positions, old.positions, atol=1e-12)
        assert new.numbers.tolist() == old.numbers.tolist()
    expected = [energy_of(crystal) for crystal in before.crystals]
    np.testing.assert_allclose(after.columns["lj"], expected, rtol=1e-8)
    kept = [name for name in before.columns if name != "cif"]
    pd.testing.assert_frame_equal(after.columns[kept], before.columns[kept])
    again = xtalgraph.energies(calculator(), csv_path, out=tmp_path, column="lj", progress=False)
    assert again == done
    assert Counting.asked == 48, "what was computed is kept"


def test_a_model_learns_the_difference_and_predicts_files(csv_path, tmp_path):
    options = {"column": "lj", "progress": False}
    learned = xtalgraph.energies(calculator(), csv_path, out=tmp_path / "e", **options).page
    run = xtalgraph.train(
        learned,
        target="energy",
        kind="extensive",
        model="gcn",
        epochs=1,
        out=tmp_path / "run",
        progress=False,
        overrides=["model.width=8", "data.delta=lj", "data.store=false"],
    )
    write(tmp_path / "new.cif", to_ase(contract_crystals()["cubic"]))
    new = xtalgraph.energies(calculator(), tmp_path / "new.cif", out=tmp_path / "n", **options)
    predicted = run.predictor.predict(new.page)
    assert np.isfinite(predicted["prediction"]).all()


def test_arrays_of_frames_are_kept_whole_and_cells_keep_their_orientation(tmp_path):
    crystal = supercell(contract_crystals()["triclinic"], (8, 8, 8))
    atoms = to_ase(crystal)
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    forces = np.random.default_rng(0).normal(size=(len(atoms), 3))
    assert forces.size > 1000, "more than numpy prints"
    atoms.arrays["push"] = forces
    write(tmp_path / "frame.extxyz", atoms)
    done = xtalgraph.energies(
        calculator(), tmp_path / "frame.extxyz", out=tmp_path / "e", progress=False
    )
    (known,) = read_table(done.page).crystals
    there = read(tmp_path / "frame.extxyz")
    np.testing.assert_allclose(known.cell, there.cell[:], atol=1e-12)
    pushes = json.loads(pd.read_csv(done.page)["push"][0])
    np.testing.assert_allclose(pushes, there.arrays["push"])


def test_rows_without_an_energy_stay_and_are_told(table, tmp_path, caplog):
    rows = table[["id", "cif", "energy"]].head(4).copy()
    rows.loc[1, "cif"] = "nothing of a crystal"
    rows.loc[3, "id"] = "c2"
    done = xtalgraph.energies(calculator(), rows, out=tmp_path, progress=False)
    assert (done.good, done.bad) == (2, 2)
    written = pd.read_csv(done.page)
    assert written["id"].tolist() == ["c0", "c1", "c2", "c2"]
    assert written["energy"].tolist() == pytest.approx(rows["energy"].tolist())
    assert written["energy_per_atom"].notna().tolist() == [True, False, True, False]
    first, third = (read_table(rows.iloc[[row]]).crystals[0] for row in (0, 2))
    assert written["energy_per_atom"][0] == pytest.approx(energy_of(first))
    assert written["energy_per_atom"][2] == pytest.approx(energy_of(third))
    assert "c1" in caplog.text
    assert "c2 is left out: an earlier row has this id" in caplog.text
    reasons = pd.read_csv(done.path).set_index("id")["error"]
    assert isinstance(reasons["c1"], str)


def test_another_crystal_with_a_known_id_is_computed_anew(tmp_path, caplog):
    first, second = (to_ase(contract_crystals()[name]) for name in ("cubic", "triclinic"))
    path, options = tmp_path / "a.cif", {"out": tmp_path / "e", "progress": False}
    path.write_text("nothing of a crystal")
    assert xtalgraph.energies(calculator(), path, **options).bad == 1
    for atoms in (first, second, second):
        write(path, atoms)
        done = xtalgraph.energies(calculator(), path, **options)
        (computed,) = pd.read_csv(done.path)["energy_per_atom"]
        assert computed == pytest.approx(energy_of(read_table(path).crystals[0]), rel=1e-8)
    assert Counting.asked == 2
    assert caplog.text.count("rows computed anew, since their crystals have changed: 1") == 2


def test_a_table_of_an_older_version_is_kept(csv_path, tmp_path):
    done = xtalgraph.energies(calculator(), csv_path, out=tmp_path, column="lj", progress=False)
    before = done.path.read_bytes()
    pd.read_csv(done.path).drop(columns="crystal").to_csv(done.path, index=False)
    xtalgraph.energies(calculator(), csv_path, out=tmp_path, column="lj", progress=False)
    assert Counting.asked == 48
    kept = pd.read_csv(done.path)
    pd.testing.assert_frame_equal(
        kept.drop(columns="crystal"), pd.read_csv(io.BytesIO(before)).drop(columns="crystal")
    )


def test_a_column_that_is_there_is_not_replaced(csv_path, tmp_path):
    for name in ("energy", "Energy per atom"):
        with pytest.raises(ConfigError, match="choose another --column"):
            xtalgraph.energies(
                calculator(), csv_path, out=tmp_path / "e", column=name, progress=False
            )
    assert Counting.asked == 0


class EnergyAlone(LennardJones):
    """It has no forces, and for small cells no number."""

    implemented_properties = ("energy",)

    def calculate(self, atoms=None, properties=(), system_changes=()):
        assert "forces" not in properties
        super().calculate(atoms, properties, system_changes)
        if len(atoms) < 5:
            self.results["energy"] = np.nan


def test_an_energy_is_enough_and_what_is_no_number_is_an_error(table, tmp_path):
    rows = table[["id", "cif"]].head(4)
    done = xtalgraph.energies(EnergyAlone(rc=6.0), rows, out=tmp_path, progress=False)
    small = np.array([len(crystal) < 5 for crystal in read_table(rows).crystals])
    assert 0 < small.sum() < 4
    assert done.bad == small.sum()
    written = pd.read_csv(done.path)
    assert written["energy"].isna().tolist() == small.tolist()
    assert written["error"][small].str.contains("not finite").all()
