"""Planted copies are found however they are written; others are not; StructureMatcher agrees."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from pymatgen.core.structure_matcher import StructureMatcher

from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase, to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.leaks import DuplicateIndex, label_differences
from xtalgraph.data.table import read_table
from xtalgraph.graphs.distance_lists import FARTHEST, NUM_DISTANCES, DistanceLists
from xtalgraph.testing.crystals import contract_crystals

DATA = Path(__file__).parents[3] / "shared" / "data"
KINDS = ("cubic", "triclinic", "left-handed", "sheared")


def rattled(crystal: Crystal, radius: float, seed: int = 0) -> Crystal:
    """Move every atom by exactly so much, in any direction."""
    step = np.random.default_rng(seed).normal(size=(len(crystal), 3))
    step *= radius / np.linalg.norm(step, axis=1, keepdims=True)
    return Crystal(crystal.cell, crystal.positions + step, crystal.numbers, crystal.pbc)


def disguises(crystal: Crystal) -> dict[str, Crystal]:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return {
        "copied": crystal,
        "rattled": rattled(crystal, 0.03),
        "supercell": transforms.supercell(crystal, (2, 1, 1)),
        "rattled supercell": rattled(transforms.supercell(crystal, (1, 2, 1)), 0.03),
        "permuted": transforms.permute(crystal, rng.permutation(len(crystal))),
        "turned": transforms.rotate(crystal, turn),
        "mirrored": transforms.rotate(crystal, np.diag([1.0, 1.0, -1.0])),
        "shifted": transforms.translate(crystal, np.array([0.3, 1.1, -0.7])),
        "other basis": transforms.change_basis(
            crystal, np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]])
        ),
    }


@pytest.mark.parametrize("name", KINDS)
def test_planted_copies_are_found(name):
    crystal = contract_crystals()[name]
    copies = disguises(crystal)
    index = DuplicateIndex([crystal, *copies.values()])
    rows = np.arange(1, len(copies) + 1)
    found = index.partners(rows, np.array([0]))
    missed = [what for what, partner in zip(copies, found, strict=True) if partner != 0]
    assert missed == []


@pytest.mark.parametrize("name", KINDS)
def test_other_crystals_are_not(name):
    crystal = contract_crystals()[name]
    heavier = np.where(crystal.numbers == crystal.numbers[0], 82, crystal.numbers)
    others = [
        rattled(crystal, 0.4),
        transforms.strain(crystal, 0.05 * np.eye(3)),
        Crystal(crystal.cell, crystal.positions, heavier, crystal.pbc),
    ]
    index = DuplicateIndex([crystal, *others])
    assert index.partners(np.arange(1, 4), np.array([0])).tolist() == [-1, -1, -1]


def test_zinc_blende_and_wurtzite_look_alike_but_are_not_the_same():
    """Their nearest distances agree; StructureMatcher decides."""
    blende = from_ase(bulk("ZnS", "zincblende", a=5.41))
    wurtzite = from_ase(bulk("ZnS", "wurtzite", a=5.41 / 2**0.5))
    index = DuplicateIndex([blende, wurtzite])
    assert index.partners(np.array([0]), np.array([1])).tolist() == [-1]


def test_a_row_is_no_partner_of_itself():
    crystals = [contract_crystals()[name] for name in KINDS]
    rows = np.arange(len(crystals))
    assert (DuplicateIndex(crystals).partners(rows, rows) == -1).all()


@pytest.mark.parametrize("times", [(1, 1, 1), (2, 1, 1)])
@pytest.mark.parametrize("name", KINDS)
def test_the_lists_are_continuous_and_do_not_know_the_cell(name, times):
    """The bound of Widdowson and Kurlin: no entry changes by more than twice the move."""
    crystal = contract_crystals()[name]
    lists = DistanceLists.of(crystal)
    for radius in (1e-4, 1e-2, 0.05):
        moved = DistanceLists.of(rattled(transforms.supercell(crystal, times), radius))
        assert lists.same_as(moved, 2 * radius)
        assert np.abs(lists.means() - moved.means()).max() <= 2 * radius + 1e-9


def test_a_row_of_a_list_is_what_all_pairs_say():
    crystal = contract_crystals()["triclinic"]
    lists = DistanceLists.of(crystal)
    shifts = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3), -1).reshape(-1, 3) @ crystal.cell
    order = np.argsort(crystal.numbers, kind="stable")
    for row, atom in enumerate(order):
        away = crystal.positions[None] + shifts[:, None] - crystal.positions[atom]
        distance = np.sort(np.linalg.norm(away, axis=-1).ravel())[1 : NUM_DISTANCES + 1]
        np.testing.assert_allclose(lists.distance[row], distance, atol=1e-9)


def test_a_lonely_atom_has_a_list():
    atom = Crystal(20.0 * np.eye(3), np.zeros((1, 3)), np.array([18]), np.zeros(3, bool))
    assert (DistanceLists.of(atom).distance == FARTHEST).all()


@pytest.mark.skipif(not (DATA / "carbon.csv.gz").is_file(), reason=f"{DATA} is not there")
def test_real_carbon_against_structurematcher_on_all_pairs():
    """What we call the same it does, too; what it calls the same at half our tolerance we do."""
    table = read_table(DATA / "carbon.csv.gz")
    small = [i for i, crystal in enumerate(table.crystals) if len(crystal) == 6][:30]
    crystals = [table.crystals[i] for i in small]
    structures = [to_pymatgen(crystal) for crystal in crystals]
    index = DuplicateIndex(crystals)
    tight = StructureMatcher(scale=False, attempt_supercell=True, ltol=0.01, stol=0.02, angle_tol=1)
    loose = StructureMatcher(scale=False, attempt_supercell=True, ltol=0.05, stol=0.06, angle_tol=3)
    ours = theirs = 0
    for one, other in combinations(range(len(crystals)), 2):
        same = index.same(one, other)
        if same:
            ours += 1
            assert loose.fit(structures[one], structures[other])
        elif tight.fit(structures[one], structures[other]):
            theirs += 1
    assert ours >= 3
    assert theirs == 0


def test_differences_of_labels_count_each_pair_once():
    partner = np.array([1, 0, -1, 4, 3, 3])
    found = label_differences(partner, np.array([1.0, 1.5, 9.0, 2.0, 2.0, 5.0]))
    assert found.tolist() == [0.5, 0.0, 3.0]
