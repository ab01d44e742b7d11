"""The embedded set: its crystals are shipped, and a rigid-ion model gives their energies."""

import json

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Structure
from pymatgen.core.structure_matcher import StructureMatcher
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold, cross_val_predict

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic import load
from xtalgraph.data.ionic.load import ionic_perovskites, ionic_perovskites_path
from xtalgraph.data.ionic.rigid_ion import RigidIonModel
from xtalgraph.data.leaks import DuplicateIndex


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return ionic_perovskites(96)


def crystal_of(row: pd.Series) -> Crystal:
    structure = Structure.from_dict(json.loads(row["structure"]))
    numbers = np.array([site.specie.Z for site in structure])
    return Crystal(structure.lattice.matrix, structure.cart_coords, numbers, np.ones(3, dtype=bool))


def test_no_crystal_is_there_twice(table):
    crystals, everything = [crystal_of(row) for _, row in table.iterrows()], np.arange(len(table))
    assert (DuplicateIndex(crystals).partners(everything, everything) == -1).all()
    matcher = StructureMatcher(scale=False, ltol=2e-3, stol=2e-3, angle_tol=0.1)
    for _, rows in table.groupby("compound"):
        structures = [Structure.from_dict(json.loads(text)) for text in rows["structure"]]
        assert len(matcher.group_structures(structures)) == len(structures)


def test_columns_are_consistent(table):
    assert table["id"].iloc[0] == "ionic-00001"
    assert table["id"].is_unique
    assert table["num_atoms"].between(5, 40).all()
    assert set(table["num_atoms"]) == {5, 10, 15, 20, 30, 40}
    np.testing.assert_allclose(table["energy_per_atom"] * table["num_atoms"], table["energy"])
    for _, row in table.iloc[::13].iterrows():
        assert np.shape(row["forces"]) == (row["num_atoms"], 3)
        assert np.shape(row["stress"]) == (3, 3)


def test_stored_structure_has_the_stored_energy(table):
    for _, row in table.iloc[::13].iterrows():
        crystal = crystal_of(row)
        truth = RigidIonModel.for_crystal(crystal)(crystal)
        assert crystal.formula == row["formula"]
        assert truth.energy == pytest.approx(row["energy"], rel=1e-10)
        assert truth.forces == pytest.approx(np.array(row["forces"]), abs=1e-8)
        assert truth.stress == pytest.approx(np.array(row["stress"]), abs=1e-9)


def test_crystals_of_a_compound_have_one_composition(table):
    formulas = table["structure"].map(
        lambda text: Structure.from_dict(json.loads(text)).composition.reduced_formula
    )
    assert (formulas.groupby(table["compound"]).nunique() == 1).all()
    assert (table.groupby("compound").size() == 16).all()
    assert (table.groupby("compound")["energy_per_atom"].nunique() > 1).all()


def test_target_stays_within_an_electronvolt_per_atom(table):
    excess = table["excess_energy"] / table["num_atoms"]
    assert excess.abs().max() < 1.2
    assert excess.std() > 0.1


@pytest.mark.long
def test_composition_alone_does_not_tell_the_answer():
    """The strong baseline, element fractions in boosted trees, stays below R² = 0.9."""
    table = ionic_perovskites()
    formulas = [Structure.from_dict(json.loads(t)).composition for t in table["structure"]]
    elements = sorted({e for f in formulas for e in f}, key=str)
    fractions = np.array([[f.get_atomic_fraction(e) for e in elements] for f in formulas])
    sizes = table["num_atoms"].to_numpy()
    target = table["excess_energy"].to_numpy()
    folds = KFold(5, shuffle=True, random_state=0)
    model = HistGradientBoostingRegressor(random_state=0)
    predicted = cross_val_predict(model, fractions, target / sizes, cv=folds)
    for truth, guess in ((target / sizes, predicted), (target, sizes * predicted)):
        explained = 1 - np.var(truth - guess) / np.var(truth)
        assert explained < 0.9


def test_file_is_made_once_and_again_when_it_is_damaged(monkeypatch, tmp_path):
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(load, "NUM_ROWS", 9)
    path = ionic_perovskites_path()
    content = path.read_bytes()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.name == f"ionic_perovskites.v{load.VERSION}.parquet"
    pd.testing.assert_frame_equal(
        pd.read_parquet(path).drop(columns=["forces", "stress"]),
        ionic_perovskites(9).drop(columns=["forces", "stress"]),
        check_exact=True,
    )
    made = path.stat().st_mtime_ns
    assert ionic_perovskites_path().stat().st_mtime_ns == made
    path.write_bytes(content[:-100])
    assert ionic_perovskites_path().read_bytes() == content


def test_interruption_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path))
    monkeypatch.setattr(load, "NUM_ROWS", 1)

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(OSError, match="No space"):
        ionic_perovskites_path()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("num", [0, 2001])
def test_there_are_two_thousand_crystals(num):
    with pytest.raises(ConfigError, match=f"num must be between 1 and 2000, got {num}"):
        ionic_perovskites(num)
