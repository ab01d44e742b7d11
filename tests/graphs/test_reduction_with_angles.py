"""Folding atoms, bonds and angles together: a plain refinement, a network, real crystals."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.table import read_table
from xtalgraph.graphs.angles import Angles, add_triplets
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph, collate
from xtalgraph.graphs.reduction import atom_classes, merge_equivalent, merge_geometry, reduce_graph
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.testing.crystals import contract_crystals

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CRYSTALS = contract_crystals()
CUBE = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
make = Crystal.from_fractional
SALT = make(5.64 * np.eye(3), np.concatenate([CUBE, CUBE + 0.5]), np.array([11] * 4 + [17] * 4))
DIAMOND = make(3.57 * np.eye(3), np.concatenate([CUBE, CUBE + 0.25]), np.full(8, 6))
CASES = CRYSTALS | {"salt": SALT, "diamond": DIAMOND}
ANGLES = [Angles(), Angles(vertex="center"), Angles(cutoff=3.0, max_neighbors=6)]
GRAPHS = [(Radius(4.5), Angles(max_neighbors=12)), *((Hybrid(), angles) for angles in ANGLES)]


def test_rock_salt_folds_to_two_angles_at_each_ion():
    graph = add_triplets(build_graph(SALT, Radius(3.0)))
    reduced = reduce_graph(graph)
    assert reduced.edge_multiplicity.tolist() == [6, 6]
    # A path Na → Cl → Na' goes straight on once, and turns by 90° four times.
    assert reduced.receiving_edge.tolist() == [0, 0, 1, 1]
    assert reduced.sending_edge.tolist() == [1, 1, 0, 0]
    np.testing.assert_allclose(reduced.cosine, [-1, 0, -1, 0], atol=1e-12)
    assert reduced.triplet_multiplicity.tolist() == [1, 4, 1, 4]


def colours(graph: Graph, rounds: int) -> tuple[list, list]:
    """Refine atoms and edges by sorted tuples, not by the code's hashes."""

    def grid(values: torch.Tensor) -> list[int]:
        return (values * torch.pi * 1e6 + 0.3).round().long().tolist()

    atom, length = graph.number.tolist(), grid(graph.distance)
    center, neighbor = graph.center.tolist(), graph.neighbor.tolist()
    triplets = list(
        zip(
            graph.receiving_edge.tolist(),
            graph.sending_edge.tolist(),
            grid(graph.cosine),
            graph.triplet_multiplicity.tolist(),
            strict=True,
        )
    )
    edge = [hash((d, atom[i], atom[j])) for d, i, j in zip(length, center, neighbor, strict=True)]
    for _ in range(rounds):
        meets: list[Counter] = [Counter() for _ in edge]
        for receiving, sending, angle, count in triplets:
            meets[receiving][edge[sending], angle] += count
        edge = [
            hash((e, atom[i], atom[j], tuple(sorted(m.items()))))
            for e, i, j, m in zip(edge, center, neighbor, meets, strict=True)
        ]
        seen: list[Counter] = [Counter() for _ in atom]
        for i, e, count in zip(center, edge, graph.edge_multiplicity.tolist(), strict=True):
            seen[i][e] += count
        atom = [hash((a, tuple(sorted(s.items())))) for a, s in zip(atom, seen, strict=True)]
    return atom, edge


@pytest.mark.parametrize(("strategy", "angles"), GRAPHS, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_the_classes_are_those_of_a_plain_refinement(name, strategy, angles):
    merged = merge_geometry(add_triplets(build_graph(CASES[name], strategy), angles), 1e-3)
    reduced = merge_equivalent(merged)
    atom, edge = colours(merged, len(merged.number) + 3)
    assert Counter(reduced.atom_multiplicity.tolist()) == Counter(Counter(atom).values())
    assert len(reduced.center) == len(set(edge))
    # A class stands for its edges: the same messages reach each of them, and no others.
    atoms, edges = colours(merged, 3)
    reduced_atoms, reduced_edges = colours(reduced, 3)
    assert (set(reduced_atoms), set(reduced_edges)) == (set(atoms), set(edges))
    assert [reduced_atoms[k] for k in atom_classes(merged)] == atoms


def network(graph: Graph, weight: torch.Tensor) -> torch.Tensor:
    """Two rounds of messages along triplets and edges, nonlinear, one value for each crystal."""
    atom = torch.sin(graph.number.double().unsqueeze(-1) * weight[0])
    edge = torch.cos(graph.distance.unsqueeze(-1) * weight[1])
    for layer in range(2):
        sent = torch.tanh(edge[graph.sending_edge] * weight[2 + layer])
        sent = sent * torch.cos(3 * graph.cosine.unsqueeze(-1) + weight[4])
        sent = sent * graph.triplet_multiplicity.unsqueeze(-1)
        edge = torch.tanh(edge + torch.zeros_like(edge).index_add(0, graph.receiving_edge, sent))
        message = torch.tanh(atom[graph.neighbor] + edge * weight[5])
        message = message * graph.edge_multiplicity.unsqueeze(-1)
        atom = torch.tanh(atom + torch.zeros_like(atom).index_add(0, graph.center, message))
    total = (atom * graph.atom_multiplicity.unsqueeze(-1)).sum(-1)
    return total.new_zeros(len(graph)).index_add(0, graph.crystal_of_atom, total)


@pytest.mark.parametrize(("strategy", "angles"), GRAPHS, ids=str)
def test_a_network_gives_the_same_values_and_gradients(strategy, angles):
    crystals = [*CASES.values(), transforms.supercell(CRYSTALS["cubic"], (2, 1, 1))]
    merged = merge_geometry(add_triplets(build_graph(crystals, strategy), angles), 1e-3)
    reduced = merge_equivalent(merged)
    assert len(reduced.receiving_edge) < len(merged.receiving_edge)
    found = []
    for graph in (merged, reduced):
        weight = torch.linspace(-1, 1, 42, dtype=torch.double).view(6, 7).requires_grad_()
        values = network(graph, weight)
        (values * torch.linspace(-1, 1, len(values), dtype=torch.double)).sum().backward()
        found.append((values.detach(), weight.grad))
    for full, reduced in zip(*found, strict=True):
        torch.testing.assert_close(reduced, full, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("strategy", "angles"), GRAPHS, ids=str)
@pytest.mark.parametrize("name", ["cubic", "distorted", "triclinic", "slab", "one atom"])
def test_a_supercell_folds_to_the_graph_of_its_primitive_cell(name, strategy, angles):
    crystal = CRYSTALS[name]
    repeats = tuple(np.where(crystal.pbc, [2, 1, 3], 1).tolist())
    larger = transforms.supercell(crystal, repeats)
    one, other = (
        reduce_graph(add_triplets(build_graph(c, strategy), angles)) for c in (crystal, larger)
    )
    for field in ("number", "center", "neighbor", "receiving_edge", "num_triplets"):
        assert torch.equal(getattr(other, field), getattr(one, field)), field
    assert torch.equal(other.edge_multiplicity, one.edge_multiplicity)
    ratio = len(larger) // len(crystal)
    assert torch.equal(other.atom_multiplicity, ratio * one.atom_multiplicity)
    torch.testing.assert_close(other.distance, one.distance, rtol=0, atol=1e-9)
    weight = torch.linspace(-1, 1, 42, dtype=torch.double).view(6, 7)
    torch.testing.assert_close(network(other, weight), ratio * network(one, weight))


def test_a_batch_folds_as_its_crystals_do():
    crystals = list(CASES.values())
    batch = reduce_graph(add_triplets(build_graph(crystals, Hybrid())))
    alone = collate([reduce_graph(add_triplets(build_graph(c, Hybrid()))) for c in crystals])
    for name in ("center", "neighbor", "receiving_edge", "sending_edge", "triplet_multiplicity"):
        assert torch.equal(getattr(batch, name), getattr(alone, name)), name
    torch.testing.assert_close(batch.cosine, alone.cosine, rtol=0, atol=1e-12)


def test_merged_cosines_span_at_most_the_tolerance():
    graph = add_triplets(build_graph(CRYSTALS["distorted"], Hybrid()))
    for tolerance in (1e-4, 0.02):
        merged = merge_geometry(graph, tolerance)
        assert float((merged.cosine - graph.cosine).abs().max()) <= tolerance
        total = merged.cosine.sum()  # means over groups keep the sum
        torch.testing.assert_close(total, graph.cosine.sum())
    assert len(merged.cosine.unique()) < len(graph.cosine.unique())


def first_rows(path: Path, count: int) -> list[Crystal]:
    if path.suffixes[0] == ".json":
        return list(read_table(path).crystals[:count])
    return list(read_table(pd.read_csv(path, nrows=count)).crystals)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("name", "share"), [("perovskites.csv.gz", 0.25), ("matbench_phonons.json.gz", 0.15)]
)
def test_real_crystals_keep_a_small_part_of_their_triplets(name, share):
    crystals = first_rows(DATA / name, 60)
    graph = add_triplets(build_graph(crystals, Hybrid()))
    merged = merge_geometry(graph, 1e-3)
    reduced = merge_equivalent(merged)
    assert len(reduced.receiving_edge) < share * len(graph.receiving_edge)
    weight = torch.linspace(-1, 1, 42, dtype=torch.double).view(6, 7)
    torch.testing.assert_close(network(reduced, weight), network(merged, weight))
