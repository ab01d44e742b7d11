"""Prototypes: what they tell apart, what they do not depend on, and pymatgen's as an oracle."""

import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase, to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.table import read_table
from xtalgraph.graphs.prototype import find_prototype
from xtalgraph.testing.crystals import contract_crystals

PHONONS = Path(__file__).parents[3] / "shared" / "data" / "matbench_phonons.json.gz"
MIRROR = np.diag([1.0, 1.0, -1.0])


def perovskite(corner: int, middle: int, anion: int = 8) -> Crystal:
    sites = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    numbers = np.array([corner, middle, anion, anion, anion])
    return Crystal.from_fractional(4.0 * np.eye(3), sites, numbers)


def test_crystals_of_one_prototype_and_others():
    salt, magnesia = (
        find_prototype(from_ase(bulk(name, "rocksalt", a=a)))
        for name, a in (("NaCl", 5.64), ("MgO", 4.21))
    )
    blende = find_prototype(from_ase(bulk("ZnS", "zincblende", a=5.41)))
    wurtzite = find_prototype(from_ase(bulk("ZnS", "wurtzite", a=3.82)))
    assert salt.label == magnesia.label == "225: 4(-3mm) + 4(-3mm)"
    assert salt.with_elements == "225: 4(-3mm) Cl + 4(-3mm) Na"
    assert len({salt.label, blende.label, wurtzite.label}) == 3


def test_the_choice_of_origin_does_not_matter():
    shifted = transforms.translate(perovskite(56, 22), np.array([2.0, 2.0, 2.0]))
    assert find_prototype(shifted) == find_prototype(perovskite(56, 22))
    assert find_prototype(perovskite(20, 22)).label == find_prototype(perovskite(56, 22)).label


@pytest.mark.parametrize("name", ["cubic", "triclinic", "left-handed", "sheared"])
def test_the_description_of_a_crystal_does_not_matter(name):
    crystal = contract_crystals()[name]
    expected = find_prototype(crystal)
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for other in (
        transforms.rotate(crystal, turn),
        transforms.rotate(crystal, MIRROR),
        transforms.supercell(crystal, (2, 1, 1)),
        transforms.permute(crystal, rng.permutation(len(crystal))),
        transforms.change_basis(crystal, np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]])),
    ):
        assert find_prototype(other) == expected


def test_mirror_images_have_one_prototype():
    """Quartz, right- and left-handed: P3_121 and P3_221."""
    cell = np.array([[4.91, 0, 0], [-2.455, 4.2522, 0], [0, 0, 5.40]])
    silicon = [[0.47, 0, 1 / 3], [0, 0.47, 2 / 3], [0.53, 0.53, 0]]
    x, y, z = 0.413, 0.266, 0.119
    oxygen = [
        [x, y, z], [-y, x - y, z + 1 / 3], [y - x, -x, z + 2 / 3],
        [y, x, -z], [x - y, -y, 2 / 3 - z], [-x, y - x, 1 / 3 - z],
    ]  # fmt: skip
    sites = np.array([*silicon, *oxygen])
    quartz = Crystal.from_fractional(cell, sites, np.array([14] * 3 + [8] * 6))
    right, left = find_prototype(quartz), find_prototype(transforms.rotate(quartz, MIRROR))
    assert right == left
    assert right.label == "152: 3(2) + 6(1)"


def test_a_slab_has_none():
    slab = Crystal(np.eye(3) * 5, np.zeros((1, 3)), np.array([29]), np.array([True, True, False]))
    with pytest.raises(GraphError, match="pbc"):
        find_prototype(slab)


@pytest.mark.skipif(not PHONONS.is_file(), reason=f"{PHONONS} is not there")
def test_what_pymatgen_calls_one_protostructure_is_one():
    """Its labels have Wyckoff letters made canonical by a table, ours no letters: ours are coarser.

    How much coarser is tested too.
    """
    from pymatgen.analysis.prototypes import get_protostructure_label

    ours_of, theirs_of = defaultdict(set), defaultdict(set)
    for crystal in read_table(PHONONS).crystals[::8]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries that it calls in an old way
            theirs = get_protostructure_label(to_pymatgen(crystal), method="spglib")
        # AFLOW's letters stand in the alphabetical order of the elements, which is no property.
        _, pearson, number, *letters = theirs.split(":")[0].split("_")
        prototype = " ".join([pearson, number, *sorted(letters)])
        ours = find_prototype(crystal).label
        ours_of[prototype].add(ours)
        theirs_of[ours].add(prototype)
    assert len(ours_of) > 60
    assert all(len(labels) == 1 for labels in ours_of.values())
    assert sum(len(labels) == 1 for labels in theirs_of.values()) / len(theirs_of) > 0.95
