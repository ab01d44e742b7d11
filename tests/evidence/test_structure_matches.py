import numpy as np
import pytest
from pymatgen.core.structure_matcher import StructureMatcher

from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import permute, rotate, strain, supercell, translate
from xtalgraph.evidence.structure_matches import MATCH, SAME, StructureMatches

PEROVSKITE = Crystal.from_fractional(
    3.9 * np.eye(3),
    np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]),
    np.array([38, 22, 8, 8, 8]),
)


def rattled(crystal: Crystal, by: float, seed: int = 0) -> Crystal:
    noise = np.random.default_rng(seed).normal(size=crystal.positions.shape)
    return crystal.moved(crystal.cell, crystal.positions + by * noise)


def test_the_same_crystal_in_other_terms_is_at_no_distance():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    other = permute(rotate(PEROVSKITE, turn), np.array([4, 2, 0, 1, 3]))
    other = translate(supercell(other, (2, 1, 1)), np.array([0.3, 1.0, -0.2]))
    assert StructureMatches(MATCH).distance(PEROVSKITE, other) == pytest.approx(0, abs=1e-6)


def test_an_atom_that_is_moved_has_the_distance_of_the_best_overlay():
    """One of n atoms moved by x, seen from the mean of all: x² (n − 1) / n² on average."""
    positions = PEROVSKITE.positions.copy()
    positions[1, 2] += 0.2
    moved = PEROVSKITE.moved(PEROVSKITE.cell, positions)
    length = (PEROVSKITE.volume / 5) ** (1 / 3)
    expected = 0.2 * np.sqrt(4) / 5 / length
    assert StructureMatches(MATCH).distance(moved, PEROVSKITE) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("tolerances", [MATCH, SAME], ids=["match", "same"])
def test_distances_are_those_of_the_matcher_that_reduces_each_time(tolerances):
    matcher, ours = StructureMatcher(**tolerances), StructureMatches(tolerances)
    generator, distances = np.random.default_rng(0), []
    for seed in range(12):
        other = rattled(PEROVSKITE, 0.15 * (1 + seed % 4), seed)
        other = strain(other, 0.04 * generator.normal(size=(3, 3)))
        known = matcher.get_rms_dist(to_pymatgen(other), to_pymatgen(PEROVSKITE))
        distances.append(ours.distance(other, PEROVSKITE))
        assert distances[-1] == (np.inf if known is None else pytest.approx(known[0], abs=1e-8))
        assert ours.same(other, PEROVSKITE) == matcher.fit(
            to_pymatgen(other), to_pymatgen(PEROVSKITE)
        )
    assert 2 < np.isfinite(distances).sum() < 12


def test_other_elements_and_other_numbers_of_atoms_do_not_match():
    ours = StructureMatches(MATCH)
    swapped = Crystal(
        PEROVSKITE.cell, PEROVSKITE.positions, np.array([22, 38, 8, 8, 8]), PEROVSKITE.pbc
    )
    assert ours.distance(swapped, PEROVSKITE) == np.inf  # ideal, but for A in the place of B
    vacancy = PEROVSKITE.take(np.arange(4), PEROVSKITE.positions[:4])
    assert not ours.same(vacancy, PEROVSKITE)


def test_what_overlaps_or_has_no_volume_matches_nothing_not_even_itself():
    ours = StructureMatches(MATCH)
    positions = PEROVSKITE.positions.copy()
    positions[2] = positions[3] + 0.01
    broken = [
        PEROVSKITE.moved(PEROVSKITE.cell, positions),
        PEROVSKITE.moved(np.zeros((3, 3)), PEROVSKITE.positions),
        PEROVSKITE.moved(np.full((3, 3), np.nan), PEROVSKITE.positions),
    ]
    for crystal in broken:
        assert ours.key(crystal) is None
        assert ours.distance(crystal, crystal) == np.inf
    assert ours.representatives([*broken, PEROVSKITE, PEROVSKITE]).tolist() == [0, 1, 2, 3, 3]


def test_a_failure_of_the_matcher_is_no_match(monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise ValueError("no lattice")

    ours = StructureMatches(MATCH)
    monkeypatch.setattr(StructureMatcher, "get_rms_dist", fails)
    monkeypatch.setattr(StructureMatcher, "fit", fails)
    assert ours.distance(PEROVSKITE, PEROVSKITE) == np.inf
    assert not ours.same(PEROVSKITE, PEROVSKITE)


def test_crystals_of_one_atom_match():
    sodium = Crystal.from_fractional(
        4.2 * (np.ones((3, 3)) / 2 - np.eye(3)), np.zeros((1, 3)), np.array([11])
    )
    other = supercell(sodium, (2, 2, 1))
    assert StructureMatches(MATCH).distance(sodium, other) == pytest.approx(0, abs=1e-6)


def test_representatives_are_the_first_of_each_kind():
    twice = [PEROVSKITE, rattled(PEROVSKITE, 0.02), supercell(PEROVSKITE, (1, 1, 2))]
    sodium = Crystal.from_fractional(3.7 * np.eye(3), np.zeros((1, 3)), np.array([11]))
    firsts = StructureMatches(SAME).representatives([sodium, *twice, sodium])
    assert firsts.tolist() == [0, 1, 1, 1, 0]
