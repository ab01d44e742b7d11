"""A function of a graph is recorded once and serves graphs of any size."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from xtalgraph.crystals.convert import from_ase
from xtalgraph.data.potential_targets import energy_target
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.models.graph_function import GraphFunction, serves, why_not_served
from xtalgraph.models.spec import ModelSpec

pytestmark = pytest.mark.usefixtures("sizes_are_symbols", "traced_alone")


def graph_of(*frames: Atoms, strategy="radius") -> CrystalGraph:
    spec = ModelSpec("gcn", {}, "auto", strategy, {}, (energy_target(),))
    graph = spec.make_graph([from_ase(atoms) for atoms in frames])
    assert isinstance(graph, CrystalGraph)
    return graph


SALT = bulk("NaCl", "rocksalt", 5.64)


def near(graph: CrystalGraph, factor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Sums over neighbors and over the atoms of each element, and a derivative."""
    with torch.enable_grad():
        position = graph.position.detach().requires_grad_()
        moved = graph.moved(position, graph.cell)
        inverse = 1 / moved.distance
        (slope,) = torch.autograd.grad(inverse.sum(), position)
    sums = torch.zeros_like(slope[:, 0]).index_add(0, graph.center, inverse.detach())
    groups = graph.element_groups
    parts = sums.index_select(0, groups.order).split(groups.counts)
    by_element = torch.cat([part * number for number, part in enumerate(parts, 1)])
    return factor * sums, by_element.index_select(0, groups.rank), slope.detach()


def test_one_record_serves_other_sizes_and_elements_that_are_absent():
    example = graph_of(SALT, SALT * (2, 1, 1))
    function = GraphFunction(near, (11, 17, 19), example, torch.ones(1))
    others = [
        graph_of(SALT, SALT),
        graph_of(bulk("K", "bcc", 5.3, cubic=True), SALT * (3, 1, 2), SALT),
        graph_of(SALT * (2, 2, 2), bulk("Na", "bcc", 4.2)),
    ]
    for graph in (example, *others):
        made = function(graph, torch.full((1,), 2.0))
        sums = torch.zeros(len(graph.number), dtype=torch.float64)
        sums.index_add_(0, graph.center, 1 / graph.distance)
        factor = torch.searchsorted(torch.tensor([11, 17, 19]), graph.number) + 1
        torch.testing.assert_close(made[0], 2 * sums)
        torch.testing.assert_close(made[1], factor * sums)
        torch.testing.assert_close(made[2], near(graph, torch.ones(1))[2])


def test_moved_atoms_take_what_is_known_of_the_edges():
    graph = graph_of(SALT, SALT)
    function = GraphFunction(near, graph.elements, graph, torch.ones(1))
    known = function.inputs(graph)
    moved = graph.moved(1.01 * graph.position, 1.01 * graph.cell)
    again = function.inputs(moved)
    assert sum(one is other for one, other in zip(known, again, strict=True)) == len(known) - 2
    nearer, farther = (function(at, torch.ones(1))[0] for at in (graph, moved))
    torch.testing.assert_close(farther, nearer / 1.01)


def test_a_function_of_the_size_of_the_example_is_refused():
    def of_size(graph: CrystalGraph) -> tuple[torch.Tensor, ...]:
        return (graph.position.sum() / len(graph.number),)

    graph = graph_of(SALT, SALT)
    with pytest.raises(RuntimeError, match="it serves 4 rows of input"):
        GraphFunction(of_size, graph.elements, graph)


def test_a_length_that_follows_from_numbers_is_refused():
    def chosen(graph: CrystalGraph) -> tuple[torch.Tensor, ...]:
        return (torch.nonzero(graph.position[:, 0] > 0.1),)

    graph = graph_of(SALT, SALT)
    with pytest.raises(RuntimeError, match="follows from numbers"):
        GraphFunction(chosen, graph.elements, graph)


def test_what_is_served_is_known_before():
    assert serves(graph_of(SALT))
    assert not serves(graph_of(Atoms("Na", cell=4 * np.eye(3), pbc=True)))
    assert not serves(graph_of(Atoms("Na2", [[0, 0, 0], [0, 0, 30]])))
    strict = graph_of(bulk("Si", "diamond", 5.43) * 2, strategy="knn-strict")
    assert "an edge has no reverse" in (why_not_served(strict) or "")
    assert not serves(strict)
