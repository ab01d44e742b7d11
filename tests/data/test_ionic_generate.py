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
from xtalgraph.data.duplicates import DuplicateIndex
from xtalgraph.data.ionic import load
from xtalgraph.data.ionic.compounds import all_compounds
from xtalgraph.data.ionic.generate import CRYSTALS_PER_COMPOUND, make_ionic_perovskites
from xtalgraph.data.ionic.load import ionic_perovskites_path
from xtalgraph.data.ionic.ordering import (
    ANION_ORDERS,
    CATION_ORDERS,
    possible_orders,
    share_anions,
    share_cations,
)
from xtalgraph.data.ionic.perovskite import Perovskite
from xtalgraph.data.ionic.reference import VirtualCrystal
from xtalgraph.data.ionic.rigid_ion import RigidIonModel


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return make_ionic_perovskites(96)


def crystal_of(row: pd.Series) -> Crystal:
    structure = Structure.from_dict(json.loads(row["structure"]))
    numbers = np.array([site.specie.Z for site in structure])
    return Crystal(structure.lattice.matrix, structure.cart_coords, numbers, np.ones(3, dtype=bool))


def test_same_seed_same_bits_and_a_short_table_begins_a_long_one(table):
    again = make_ionic_perovskites(20)
    pd.testing.assert_frame_equal(again, table.iloc[:20], check_exact=True)
    assert not make_ionic_perovskites(1, seed=1).equals(again.iloc[:1])


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
    assert (table.groupby("compound").size() == CRYSTALS_PER_COMPOUND).all()
    assert (table.groupby("compound")["energy_per_atom"].nunique() > 1).all()


def test_target_stays_within_an_electronvolt_per_atom(table):
    excess = table["excess_energy"] / table["num_atoms"]
    assert excess.abs().max() < 1.2
    assert excess.std() > 0.1


@pytest.mark.long
def test_composition_alone_does_not_tell_the_answer():
    """The strong baseline, element fractions in boosted trees, stays below R² = 0.9."""
    table = make_ionic_perovskites()
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


def test_all_compounds_balance():
    for mixed, compounds in all_compounds().items():
        assert len(compounds) > 100
        for compound in compounds:
            assert compound.mixed == mixed
            charges = [compound.mean(site, "charge") for site in range(3)]
            assert charges[0] + charges[1] + 3 * charges[2] == pytest.approx(0)
    names = {compound.name for compounds in all_compounds().values() for compound in compounds}
    assert {"SrTiO3", "KNbO3", "LaAlO3", "KMgF3", "CsPbI3", "(NaLa)TiO3"} <= names


def test_virtual_crystal_of_a_pure_compound_is_its_ideal_crystal():
    compound = next(c for c in all_compounds()[""] if c.name == "SrTiO3")
    virtual = VirtualCrystal.of(compound)
    sites = np.concatenate(Perovskite((1, 1, 1)).sites())
    ideal = Crystal.from_fractional(
        virtual.lattice_constant * np.eye(3), sites, np.array([38, 22, 8, 8, 8])
    )
    truth = RigidIonModel.for_crystal(ideal)(ideal)
    assert truth.energy == pytest.approx(virtual.energy, rel=1e-12)
    assert np.trace(truth.stress) == pytest.approx(0, abs=1e-6)
    assert virtual.lattice_constant == pytest.approx(3.905, rel=0.02)  # measured


@pytest.mark.parametrize("in_phase", [False, True])
def test_tilts_rotate_rigid_octahedra(in_phase):
    """To first order, the six X around every B keep their distance and stay opposite pairs."""
    perovskite = Perovskite((2, 2, 2))
    moves = perovskite.tilts(np.array([1e-4, -2e-4, 1.5e-4]), np.full(3, in_phase))
    crystal = perovskite.crystal(
        tuple(np.full(8, z) for z in (38, 22, 8, 8, 8)), np.eye(3), moves, np.zeros((40, 3))
    )
    _, b, *x = np.split(crystal.positions, 5)
    oxygen = np.concatenate(x)
    for centre in b:
        vectors = oxygen - centre
        vectors -= 2 * np.round(vectors / 2)
        bonds = vectors[np.linalg.norm(vectors, axis=1) < 0.6]
        assert len(bonds) == 6
        assert np.linalg.norm(bonds, axis=1) == pytest.approx(np.full(6, 0.5), abs=1e-7)
        assert bonds.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
        cosines = np.abs(bonds @ bonds.T) * 4
        assert ((cosines < 1e-7) | (cosines > 1 - 1e-7)).all()
    assert np.abs(moves).max() > 5e-5


def test_tilts_that_do_not_fit_the_supercell_are_left_out():
    moves = Perovskite((2, 2, 1)).tilts(np.full(3, 0.1), np.zeros(3, dtype=bool))
    assert not moves.any()
    in_phase = Perovskite((2, 2, 1)).tilts(np.full(3, 0.1), np.ones(3, dtype=bool))
    assert in_phase.any()


def test_orders_of_cations():
    rng = np.random.default_rng(0)
    perovskite = Perovskite((2, 2, 2))
    unlike_neighbours = {"layered": 2, "columnar": 4, "rock salt": 6}
    for order in CATION_ORDERS:
        numbers = share_cations(perovskite, order, (12, 74), rng)
        assert sorted(numbers) == [12] * 4 + [74] * 4
        if order == "random":
            continue
        grid = numbers.reshape(2, 2, 2)
        unlike = sum(2 * (grid != np.roll(grid, 1, axis)) for axis in range(3))
        assert (unlike == unlike_neighbours[order]).all()


def test_orders_that_a_supercell_cannot_hold_are_not_offered():
    assert possible_orders(CATION_ORDERS, Perovskite((3, 2, 1))) == ["random", "layered"]
    assert possible_orders(ANION_ORDERS, Perovskite((3, 1, 1))) == ["random", "parallel"]


@pytest.mark.parametrize("order", ANION_ORDERS)
def test_orders_of_anions_keep_two_to_one_in_every_cell(order):
    numbers = np.stack(share_anions(Perovskite((2, 2, 1)), order, (8, 9), np.random.default_rng(0)))
    assert ((numbers == 9).sum(axis=0) == 1).all()


def test_out_of_range():
    with pytest.raises(ConfigError, match="num must be at least 1, got 0"):
        make_ionic_perovskites(0)
    with pytest.raises(ConfigError, match="seed must be at least 0, got -1"):
        make_ionic_perovskites(1, seed=-1)


def test_file_is_made_once_and_again_when_it_is_damaged(monkeypatch, tmp_path):
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(load, "NUM_ROWS", 9)
    path = ionic_perovskites_path()
    content = path.read_bytes()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.name == f"ionic_perovskites.v{load.VERSION}.parquet"
    pd.testing.assert_frame_equal(
        pd.read_parquet(path).drop(columns=["forces", "stress"]),
        make_ionic_perovskites(9).drop(columns=["forces", "stress"]),
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
