"""Triplets: closed forms on simple crystals, loops over positions, order and cell, derivatives."""

from collections import Counter

import numpy as np
import pytest
import torch
from neighbors_by_loops import neighbors_by_loops

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.angles import Angles, add_triplets
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import collate
from xtalgraph.graphs.strategies import Hybrid, KNearestStrict, Radius
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = contract_crystals()
make = Crystal.from_fractional
FCC = make(1.805 * (1 - np.eye(3)), np.zeros((1, 3)), np.array([29]))
BCC = make(1.43 * (1 - 2 * np.eye(3)), np.zeros((1, 3)), np.array([26]))
CUBIC = make(3.35 * np.eye(3), np.zeros((1, 3)), np.array([84]))
DIAMOND = make(1.7835 * (1 - np.eye(3)), np.array([[0, 0, 0], [0.25] * 3]), np.array([6, 6]))
SALT = make(2.82 * (1 - np.eye(3)), np.array([[0, 0, 0], [0.5] * 3]), np.array([11, 17]))


@pytest.mark.parametrize("vertex", ["center", "neighbor"])
@pytest.mark.parametrize(
    ("crystal", "cutoff", "per_atom"),
    [
        (CUBIC, 3.5, {0.0: 24, -1.0: 6}),
        (BCC, 2.6, {1 / 3: 24, -1 / 3: 24, -1.0: 8}),
        (FCC, 2.7, {0.5: 48, 0.0: 24, -0.5: 48, -1.0: 12}),
        (DIAMOND, 1.6, {-1 / 3: 12}),
        (SALT, 3.0, {0.0: 24, -1.0: 6}),
    ],
    ids=["cubic", "bcc", "fcc", "diamond", "salt"],
)
def test_angles_of_simple_crystals_are_those_of_the_textbook(crystal, cutoff, per_atom, vertex):
    graph = add_triplets(build_graph(crystal, Radius(cutoff)), Angles(vertex=vertex))
    found = Counter(np.round(graph.cosine.numpy() + 1, 9).tolist())
    expected = {round(c + 1, 9): len(crystal) * n for c, n in per_atom.items()}
    assert found == Counter(expected)
    assert graph.num_triplets.tolist() == [sum(expected.values())]


@pytest.mark.parametrize("name", ["distorted", "triclinic", "slab", "wire", "one atom", "no edges"])
def test_angles_are_those_of_loops_over_positions(name):
    crystal = CRYSTALS[name]
    edges = np.array(neighbors_by_loops(crystal, 4.5), dtype=np.int64).reshape(-1, 5)
    ends = crystal.positions[edges[:, 1]] + edges[:, 2:] @ crystal.cell
    expected = []
    for atom in range(len(crystal)):
        mine = np.flatnonzero(edges[:, 0] == atom)
        for first in mine:
            for second in mine:
                if first != second:
                    a, b = (ends[e] - crystal.positions[atom] for e in (first, second))
                    expected.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    for vertex in ("center", "neighbor"):
        graph = add_triplets(build_graph(crystal, Radius(4.5)), Angles(vertex=vertex))
        np.testing.assert_allclose(np.sort(graph.cosine), np.sort(expected), atol=1e-12)


def meeting(graph: CrystalGraph) -> None:
    """The ends that a triplet's edges share, by the definition of the fields."""
    receiving, sending = graph.receiving_edge, graph.sending_edge
    at = torch.where(graph.at_center, graph.center[receiving], graph.neighbor[receiving])
    assert torch.equal(at, graph.center[sending])
    assert torch.equal(graph.crystal_of_edge[receiving], graph.crystal_of_triplet)
    assert bool((receiving.diff() >= 0).all())


def test_a_path_of_a_directed_graph_runs_over_the_neighbor():
    graph = build_graph(CRYSTALS["triclinic"], KNearestStrict())
    paths = add_triplets(graph)
    meeting(paths)
    back = graph.image[paths.sending_edge] + graph.image[paths.receiving_edge]
    ends = graph.neighbor[paths.sending_edge] == graph.center[paths.receiving_edge]
    assert not bool((ends & (back == 0).all(dim=-1)).any())
    # 12 edges at each neighbor, one fewer where the reverse of the receiving edge is there.
    reverse = {
        (j, i, *(-np.array(n)).tolist())
        for i, j, n in zip(
            graph.center.tolist(), graph.neighbor.tolist(), graph.image.tolist(), strict=True
        )
    }
    there = zip(graph.center.tolist(), graph.neighbor.tolist(), graph.image.tolist(), strict=True)
    reversed_edges = sum((i, j, *n) in reverse for i, j, n in there)
    assert len(paths.receiving_edge) == 12 * len(graph.center) - reversed_edges


def test_their_own_cutoff_and_limit():
    graph = build_graph(CRYSTALS["cubic"], Radius(5.0))
    near = add_triplets(graph, Angles(cutoff=2.0))
    assert len(near.receiving_edge) == 6 * 5 + 3 * 2 * 1  # Ti has six O, each O two Ti
    limited = add_triplets(graph, Angles(max_neighbors=6, vertex="center"))
    # Whole shells: Sr takes its 12 O, Ti its 6 O; O takes 2 Ti, and of the next shell all 12.
    assert len(limited.receiving_edge) == 12 * 11 + 6 * 5 + 3 * 14 * 13
    meeting(limited)


@pytest.mark.parametrize("angles", [Angles(), Angles(max_neighbors=4), Angles(3.5, None, "center")])
def test_neither_order_nor_cell_decides(angles):
    crystal = CRYSTALS["distorted"]
    rng = np.random.default_rng(5)
    others = [
        transforms.permute(crystal, rng.permutation(len(crystal))),
        transforms.change_basis(crystal, np.array([[1, 1, 0], [0, 1, 0], [0, -1, 1]])),
        transforms.shift_images(crystal, rng.integers(-2, 3, size=(len(crystal), 3))),
    ]
    graph = add_triplets(build_graph(crystal, Hybrid()), angles)
    for other in others:
        again = add_triplets(build_graph(other, Hybrid()), angles)
        np.testing.assert_allclose(np.sort(again.cosine), np.sort(graph.cosine), atol=1e-10)
    double = transforms.supercell(crystal, (2, 1, 1))
    twice = add_triplets(build_graph(double, Hybrid()), angles)
    np.testing.assert_allclose(np.sort(twice.cosine), np.sort(np.tile(graph.cosine, 2)), atol=1e-10)


def test_a_batch_is_its_crystals_collated_and_selected():
    strategy, crystals = Radius(4.5), list(CRYSTALS.values())
    batch = add_triplets(build_graph(crystals, strategy))
    meeting(batch)
    single = [add_triplets(build_graph(crystal, strategy)) for crystal in crystals]
    joined, chosen = collate(single), batch.select([4, 0, 8, 0])
    expected = collate([single[i] for i in (4, 0, 8, 0)])
    for name in ("num_triplets", "receiving_edge", "sending_edge", "at_center", "cosine"):
        assert torch.equal(getattr(batch, name), getattr(joined, name)), name
        assert torch.equal(getattr(chosen, name), getattr(expected, name)), name


def test_a_graph_has_no_triplets_until_they_are_added():
    graph = build_graph(CRYSTALS["cubic"], Radius(4.5))
    assert graph.num_triplets.tolist() == [0]
    assert len(graph.cosine) == len(graph.receiving_edge) == 0
    assert "triplets" not in repr(graph)
    count = int((graph.degree * (graph.degree - 1)).sum())
    assert f"{count} triplets" in repr(add_triplets(graph))


def test_the_cosine_is_differentiable_twice_also_on_a_line():
    line = np.array([[0.0, 0.0, 0.0], [1.1, 0.0, 0.0], [2.3, 0.0, 0.0]])
    molecule = Crystal(20 * np.eye(3), line, np.array([8, 6, 8]), np.zeros(3, bool))
    graph = add_triplets(build_graph(molecule, Radius(1.5)), Angles(vertex="center"))
    assert graph.cosine.tolist() == [-1.0, -1.0]

    def cosines(position: torch.Tensor) -> torch.Tensor:
        return graph.replace(position=position).cosine

    position = graph.position.clone().requires_grad_()
    assert torch.autograd.gradcheck(cosines, (position,))
    assert torch.autograd.gradgradcheck(cosines, (position,))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cutoff": 0.0}, "larger than 0 Å, got 0.0"),
        ({"max_neighbors": 1}, "at least 2"),
        ({"shell_tolerance": -1.0}, "must not be negative"),
    ],
)
def test_settings_that_cannot_be(settings, words):
    with pytest.raises(ConfigError, match=words):
        Angles(**settings)
