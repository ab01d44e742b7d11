"""Symmetry reduction: known crystals, a plain refinement, space groups, and real crystals."""

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import spglib
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.table import read_table
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.graph import Graph, collate
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.graphs.reduction import merge_equivalent, merge_geometry, reduce_graph
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.testing.crystals import contract_crystals

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CRYSTALS = contract_crystals()
STRATEGIES = [Radius(5.0), Hybrid()]
CUBE = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
make = Crystal.from_fractional
DIAMOND = make(3.57 * np.eye(3), np.concatenate([CUBE, CUBE + 0.25]), np.full(8, 6))
SALT = make(5.64 * np.eye(3), np.concatenate([CUBE, CUBE + 0.5]), np.array([11] * 4 + [17] * 4))
RUTILE = make(
    np.diag([4.594, 4.594, 2.959]),
    np.array(
        [
            *([0, 0, 0], [0.5] * 3),
            *([0.305, 0.305, 0], [0.695, 0.695, 0], [0.195, 0.805, 0.5], [0.805, 0.195, 0.5]),
        ]
    ),
    np.array([22, 22, 8, 8, 8, 8]),
)
IDEAL = {"salt": SALT, "diamond": DIAMOND, "rutile": RUTILE, "perovskite": CRYSTALS["cubic"]}


def colours(graph: Graph, rounds: int | None = None) -> list:
    """Refine by sorted tuples instead of hashes; distances on a grid that files do not round to."""
    size = len(graph.number)
    colour = graph.number.tolist()
    edges = list(
        zip(
            graph.center.tolist(),
            graph.neighbor.tolist(),
            (graph.distance * torch.pi * 1e6 + 0.3).round().long().tolist(),
            graph.edge_multiplicity.tolist(),
            strict=True,
        )
    )
    for _ in range(size if rounds is None else rounds):
        seen: list[Counter] = [Counter() for _ in range(size)]
        for center, neighbor, distance, multiplicity in edges:
            seen[center][colour[neighbor], distance] += multiplicity
        colour = [hash((c, tuple(sorted(s.items())))) for c, s in zip(colour, seen, strict=True)]
    return colour


def signature(graph: Graph) -> list:
    """What must be equal of graphs that differ by their labels alone; for one crystal.

    Atoms are counted relative to the whole, so that a supercell has that of its primitive cell.
    """
    share = graph.atom_multiplicity.double() / graph.atom_multiplicity.sum()
    return sorted(
        zip(colours(graph, 3), (share * 1e9).round().long().tolist(), strict=True), key=str
    )


def test_rock_salt_is_two_atoms_and_four_edges():
    reduced = reduce_graph(build_graph(SALT, Radius(4.0)))
    assert reduced.number.tolist() == [11, 17]
    assert reduced.atom_multiplicity.tolist() == [4, 4]
    assert list(zip(reduced.center.tolist(), reduced.neighbor.tolist(), strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    assert reduced.edge_multiplicity.tolist() == [12, 6, 6, 12]
    half = 5.64 / 2
    np.testing.assert_allclose(
        reduced.distance, half * np.array([2**0.5, 1, 1, 2**0.5]), rtol=1e-12
    )
    assert reduced.degree.tolist() == [18, 18]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
@pytest.mark.parametrize("name", [*CRYSTALS, *IDEAL])
def test_the_classes_are_those_of_a_plain_refinement(name, strategy):
    crystal = (CRYSTALS | IDEAL)[name]
    crystal = transforms.supercell(crystal, tuple(np.where(crystal.pbc, 2, 1).tolist()))
    merged = merge_geometry(build_graph(crystal, strategy), 1e-3)
    reduced = merge_equivalent(merged)
    expected = Counter(colours(merged))
    assert Counter(reduced.atom_multiplicity.tolist()) == Counter(expected.values())
    # A class stands for its atoms: the same messages come in at each of them, and no others.
    assert set(colours(reduced, 4)) == set(colours(merged, 4))


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
@pytest.mark.parametrize("name", IDEAL)
def test_atoms_that_the_space_group_maps_on_each_other_are_folded(name):
    crystal = IDEAL[name]
    fractional = np.linalg.solve(crystal.cell.T, crystal.positions.T).T
    found = spglib.get_symmetry_dataset((crystal.cell, fractional, crystal.numbers), symprec=1e-5)
    orbits = len(set(found.equivalent_atoms.tolist()))
    assert len(reduce_graph(build_graph(crystal, Radius(5.0))).number) <= orbits


def rebuilt(crystal: Crystal, seed: int) -> dict[str, Crystal]:
    """Return the same crystal written down in other ways."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    basis = np.array([[1, 1, 0], [0, 1, 0], [0, -1, 1]])
    repeats = tuple(np.where(crystal.pbc, [2, 1, 2], 1).tolist())
    ways = {
        "permuted": transforms.permute(crystal, rng.permutation(len(crystal))),
        "rotated": transforms.rotate(crystal, rotation),
        "supercell": transforms.supercell(crystal, repeats),
    }
    if crystal.pbc.all():
        ways["another basis"] = transforms.change_basis(crystal, basis)
    return ways


def assert_same_reduction(crystal: Crystal, strategy: Radius | Hybrid, seed: int) -> None:
    expected = reduce_graph(build_graph(crystal, strategy))
    for way, other in rebuilt(crystal, seed).items():
        found = reduce_graph(build_graph(other, strategy))
        assert signature(found) == signature(expected), way


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
@pytest.mark.parametrize("name", [*CRYSTALS, *IDEAL])
def test_the_reduction_does_not_depend_on_how_a_crystal_is_written(name, strategy):
    assert_same_reduction((CRYSTALS | IDEAL)[name], strategy, 3)


def test_sums_over_the_crystal_stay():
    graph = merge_geometry(build_graph(list(CRYSTALS.values()), Radius(5.0)), 1e-3)
    reduced = merge_equivalent(graph)

    def totals(one: InvariantGraph) -> torch.Tensor:
        weight = one.edge_multiplicity * one.atom_multiplicity[one.center]
        number = one.number.double()
        pair = torch.sin(number[one.center] + 2.0 * number[one.neighbor])
        nothing = torch.zeros(len(one), dtype=torch.float64)
        return nothing.index_add(0, one.crystal_of_edge, weight * pair * torch.exp(-one.distance))

    torch.testing.assert_close(totals(reduced), totals(graph), rtol=1e-12, atol=1e-12)
    owner = torch.zeros(len(graph), dtype=torch.long)
    assert torch.equal(
        owner.index_add(0, reduced.crystal_of_atom, reduced.atom_multiplicity), graph.num_atoms
    )


def test_distances_move_by_less_than_the_tolerance():
    noise = np.random.default_rng(0).normal(0.0, 3e-4, SALT.positions.shape)
    noisy = Crystal(SALT.cell, SALT.positions + noise, SALT.numbers, SALT.pbc)
    graph = build_graph([noisy, CRYSTALS["distorted"]], Radius(5.0))
    merged = merge_geometry(graph, 1e-3)
    assert 0 < float((merged.distance - graph.distance).abs().max()) < 1e-3
    one, other = (g.distance.sum() for g in (merged, graph))
    torch.testing.assert_close(one, other, rtol=1e-12, atol=0)


def test_a_batch_is_reduced_as_its_crystals_are():
    every = list((CRYSTALS | IDEAL).values())
    together = build_reduced(every, Hybrid(), 1e-3)
    alone = collate([reduce_graph(build_graph(crystal, Hybrid())) for crystal in every])
    for field in dataclasses.fields(InvariantGraph):
        assert torch.equal(getattr(together, field.name), getattr(alone, field.name)), field.name
    again = merge_equivalent(together)
    for field in dataclasses.fields(InvariantGraph):
        assert torch.equal(getattr(together, field.name), getattr(again, field.name)), field.name


@pytest.mark.parametrize("tolerance", [0.0, -1e-3, float("nan")])
def test_a_tolerance_must_be_positive(tolerance):
    with pytest.raises(ConfigError, match="must be larger than 0 Å"):
        reduce_graph(build_graph(SALT, Radius(4.0)), tolerance)


def sample(name: str, rows: int) -> list[Crystal]:
    """Draw crystals of a real data set."""
    path = DATA / name
    if not path.is_file():
        pytest.skip("needs ../shared/data")
    rng = np.random.default_rng(5)
    if path.name.endswith(".json.gz"):
        crystals = read_table(path).crystals
        return [crystals[i] for i in rng.permutation(len(crystals))[:rows]]
    table = pd.read_csv(path)
    return list(read_table(table.iloc[np.sort(rng.permutation(len(table))[:rows])]).crystals)


SETS = {
    "perovskites.csv.gz": (52, 24),
    "matbench_phonons.json.gz": (36, 18),
    "carbon.csv.gz": (690, 110),
}
"""Most edges that may be left, on the mean, of a radius of 5 Å and of 12 within 8 Å."""


@pytest.mark.parametrize("name", SETS)
def test_real_crystals_become_small(name):
    crystals = sample(name, 300)
    for strategy, most in zip(STRATEGIES, SETS[name], strict=True):
        reduced = build_reduced(crystals, strategy, 1e-3)
        assert len(reduced.center) / len(reduced) <= most


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
@pytest.mark.parametrize("name", SETS)
def test_real_crystals_are_reduced_however_they_are_written(name, strategy):
    for seed, crystal in enumerate(sample(name, 15)):
        assert_same_reduction(crystal, strategy, seed)
