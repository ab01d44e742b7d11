"""The crystals of the embedded set are drawn again as they are shipped."""

import numpy as np
import pandas as pd
import pytest

from ionic_perovskites.compounds import all_compounds
from ionic_perovskites.generate import draw_ionic_perovskites
from ionic_perovskites.ordering import (
    ANION_ORDERS,
    CATION_ORDERS,
    possible_orders,
    share_anions,
    share_cations,
)
from ionic_perovskites.perovskite import Perovskite
from ionic_perovskites.reference import VirtualCrystal
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic import load
from xtalgraph.data.ionic.rigid_ion import RigidIonModel


@pytest.mark.parametrize("num", [48, pytest.param(2000, marks=pytest.mark.long)])
def test_the_same_seed_draws_the_crystals_that_are_shipped(num):
    shipped = pd.read_parquet(load.__file__.replace("load.py", "crystals.parquet"))
    assert len(shipped) == load.NUM_ROWS
    drawn = draw_ionic_perovskites(num)
    exact = ["id", "compound", "order"]
    pd.testing.assert_frame_equal(drawn[exact], shipped[exact].head(num))
    for name in ("virtual_energy", "numbers", "positions", "cell"):
        pairs = zip(drawn[name], shipped[name].head(num), strict=True)
        assert all(np.allclose(one, other, rtol=1e-12, atol=1e-12) for one, other in pairs), name
    assert draw_ionic_perovskites(1, seed=1)["cell"][0].tolist() != drawn["cell"][0].tolist()


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
        draw_ionic_perovskites(0)
    with pytest.raises(ConfigError, match="seed must be at least 0, got -1"):
        draw_ionic_perovskites(1, seed=-1)
