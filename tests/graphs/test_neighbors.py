"""The neighbour search against the plain loops and against closed forms."""

import re

import numpy as np
import pytest
from neighbors_by_loops import neighbors_by_loops

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.testing.crystals import contract_crystals

ROCK_SALT = Crystal.from_fractional(
    2.82 * (np.ones((3, 3)) - np.eye(3)), np.array([[0, 0, 0], [0.5] * 3]), np.array([11, 17])
)


def found(crystal: Crystal, cutoff: float) -> list[tuple[int, ...]]:
    edges = neighbors_within(crystal, cutoff)
    return sorted(map(tuple, np.column_stack([edges.center, edges.neighbor, edges.image]).tolist()))


def test_rock_salt_has_6_unlike_and_12_like_neighbours_at_4_angstrom():
    edges = neighbors_within(ROCK_SALT, 4.0)
    assert len(edges) == 36
    for ion in (0, 1):
        mine = edges.center == ion
        unlike = mine & (edges.neighbor != ion)
        like = mine & (edges.neighbor == ion)
        np.testing.assert_allclose(edges.distance[unlike], [5.64 / 2] * 6, rtol=1e-12)
        np.testing.assert_allclose(edges.distance[like], [5.64 / np.sqrt(2)] * 12, rtol=1e-12)


@pytest.mark.parametrize("name", contract_crystals())
@pytest.mark.parametrize("cutoff", [2.5, 5.0])
def test_equals_the_loops_on_the_contract_crystals(name, cutoff):
    crystal = contract_crystals()[name]
    assert found(crystal, cutoff) == neighbors_by_loops(crystal, cutoff)


def random_crystal(seed: int) -> Crystal:
    """Skewed, flat, left-handed, partly periodic, with atoms outside the cell."""
    rng = np.random.default_rng(seed)
    kind = seed % 4
    cell = rng.normal(size=(3, 3)) * 3
    if kind == 1:
        angle = np.deg2rad(rng.choice([10.0, 170.0]))
        cell = np.array([[4, 0, 0], [4 * np.cos(angle), 4 * np.sin(angle), 0], [0.3, 0.2, 5]])
    elif kind == 2:
        cell = np.diag([1.2, 5.0, 20.0]) @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    pbc = np.ones(3, bool) if kind == 3 else rng.integers(0, 2, 3).astype(bool)
    count = int(rng.integers(1, 5))
    return Crystal.from_fractional(
        cell, rng.uniform(-1, 2, (count, 3)), np.full(count, 6), tuple(pbc.tolist())
    )


@pytest.mark.parametrize("seed", range(120))
def test_equals_the_loops_on_random_cells(seed):
    crystal = random_crystal(seed)
    if crystal.volume < 8.0:
        crystal = Crystal(
            crystal.cell + 4 * np.eye(3), crystal.positions, crystal.numbers, crystal.pbc
        )
    cutoff = float(np.random.default_rng(seed).uniform(1.0, 4.5))
    assert found(crystal, cutoff) == neighbors_by_loops(crystal, cutoff)


def test_a_molecule_needs_no_cell():
    water = np.array([[0, 0, 0.0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    molecule = Crystal(np.zeros((3, 3)), water, np.array([8, 1, 1]), np.zeros(3, bool))
    assert len(neighbors_within(molecule, 1.2)) == 4
    assert len(neighbors_within(molecule, 2.0)) == 6


def test_edges_are_sorted_and_none_is_an_atom_with_itself():
    edges = neighbors_within(contract_crystals()["triclinic"], 6.0)
    assert np.all(np.diff(edges.center) >= 0)
    assert edges.distance.min() > 0.5


@pytest.mark.parametrize(("repeats", "cutoff"), [(12, 4.5), (2, 20.0)])
def test_many_edges_are_sorted_too(repeats, cutoff):
    """Far more edges than small crystals have; with 2 repeats a pair has many images."""
    crystal = transforms.supercell(contract_crystals()["distorted"], (repeats,) * 3)
    edges = neighbors_within(crystal, cutoff)
    assert len(edges) > 100_000
    order = np.lexsort((*edges.image.T[::-1], edges.neighbor, edges.center))
    assert np.array_equal(order, np.arange(len(edges)))
    pairs = np.stack([edges.center, edges.neighbor, *edges.image.T])
    assert np.all(np.any(np.diff(pairs) != 0, axis=0))
    ends = crystal.positions[edges.neighbor] + edges.image @ crystal.cell
    length = np.linalg.norm(ends - crystal.positions[edges.center], axis=1)
    np.testing.assert_allclose(edges.distance, length, atol=1e-9)


@pytest.mark.parametrize(
    ("pbc", "cutoff"), [("TTT", 1000.0), ("TTF", 1e5), ("TFF", 1e8), ("TTT", 1e20)]
)
def test_a_cutoff_that_no_machine_serves_is_refused_with_an_estimate(pbc, cutoff):
    crystal = Crystal(
        5.64 * np.eye(3), np.zeros((1, 3)), np.array([11]), np.array([p == "T" for p in pbc])
    )
    with pytest.raises(GraphError, match=r"about \S+ edges in a crystal of 1 atoms, and .* 1e\+07"):
        neighbors_within(crystal, cutoff)


def test_the_estimate_is_the_number_of_edges_and_molecules_have_no_images():
    edge = 5.0
    copper = Crystal(edge * np.eye(3), np.zeros((1, 3)), np.array([29]), np.ones(3, dtype=bool))
    cutoff = 1000.0
    estimate = 4 / 3 * np.pi * cutoff**3 / edge**3
    with pytest.raises(GraphError, match=re.escape(f"about {estimate:.1e} edges")):
        neighbors_within(copper, cutoff)
    # 5e5 neighbours in the sphere of 250 Å, within 1 %.
    assert len(neighbors_within(copper, 250.0)) == pytest.approx(estimate / 64, rel=0.01)
    molecule = Crystal(np.eye(3), np.eye(3), np.ones(3, dtype=int), np.zeros(3, dtype=bool))
    assert len(neighbors_within(molecule, 1e6)) == 6


def test_a_large_cell_has_the_neighbours_of_its_density():
    count = 28  # with a few neighbours of each, fewer than the limit, though pairs are many more
    places = np.stack(np.meshgrid(*[np.arange(count)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    crystal = Crystal(
        2.7 * count * np.eye(3), 2.7 * places, np.full(count**3, 84), np.ones(3, dtype=bool)
    )
    assert len(neighbors_within(crystal, 5.0)) == 26 * count**3
