"""Hidden elements, moved atoms and repeated graphs, against what is built anew."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.graphs.views import hide_elements, rattle, repeat

SITES = np.array([[0.1, 0, 0], [0.5, 0.45, 0.5], [0.2, 0.8, 0.6]])
CRYSTALS = [
    Crystal.from_fractional(np.diag([3.5, 4.0, 4.4]) + 0.3, SITES, np.array([11, 17, 8])),
    Crystal.from_fractional(3.1 * np.eye(3), SITES[:2], np.array([55, 17])),
]
GRAPH = build_graph(CRYSTALS, Radius(4.5), angles=Angles(4.5, None))


def edges_of(graph):
    columns = [graph.center, graph.neighbor, *graph.image.T, (1e6 * graph.vector).round().T[0]]
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def triplets_of(graph):
    """Each triplet by its two edges and its cosine."""
    named = list(zip(graph.center.tolist(), graph.neighbor.tolist(),
                     map(tuple, graph.image.tolist()), strict=True))  # fmt: skip
    return sorted(
        (named[r], named[s], round(c, 6))
        for r, s, c in zip(graph.receiving_edge.tolist(), graph.sending_edge.tolist(),
                           graph.cosine.tolist(), strict=True)
    )  # fmt: skip


@pytest.mark.parametrize(("axis", "times"), [(0, 2), (1, 2), (2, 3)])
def test_a_repeated_graph_is_that_of_the_supercell(axis, times):
    multiples = tuple(times if n == axis else 1 for n in range(3))
    whole = build_graph(
        [supercell(crystal, multiples) for crystal in CRYSTALS],
        Radius(4.5),
        angles=Angles(4.5, None),
    )
    repeated = repeat(GRAPH, axis, times)
    assert edges_of(repeated) == edges_of(whole)
    assert triplets_of(repeated) == triplets_of(whole)
    assert torch.allclose(repeated.position, whole.position)
    assert torch.allclose(repeated.cell, whole.cell)
    assert repeated.edge_starts is not None, "edges are sorted by their center"


def test_one_atom_of_each_crystal_is_hidden_at_least():
    hidden_graph, hidden = hide_elements(GRAPH, 0.0)
    assert GRAPH.crystal_of_atom[hidden].tolist() == [0, 1]
    assert (hidden_graph.number[hidden] == 0).all()
    assert int((hidden_graph.number != GRAPH.number).sum()) == 2


def test_the_same_generator_draws_the_same_atoms():
    drawn = [hide_elements(GRAPH, 0.5, torch.Generator().manual_seed(3))[1] for _ in range(2)]
    assert drawn[0].tolist() == drawn[1].tolist()


def test_rattled_atoms_have_moved_as_is_said():
    rattled = rattle(GRAPH, 0.1, 0.02)
    for number, crystal in enumerate(CRYSTALS):
        rows = GRAPH.crystal_of_atom == number
        deformation = np.eye(3) + rattled.strain[number].numpy()
        moved = (crystal.positions + rattled.displacement[rows].numpy()) @ deformation
        assert np.allclose(rattled.graph.position[rows], moved)
        assert np.allclose(rattled.graph.cell[number], crystal.cell @ deformation)
        assert np.allclose(rattled.displacement[rows].mean(0), 0)
    assert torch.equal(rattled.strain, rattled.strain.mT)
    assert torch.equal(rattled.graph.image, GRAPH.image)


def test_the_scale_of_what_is_drawn_is_that_which_is_given():
    many = GRAPH.select([0] * 3000)
    rattled = rattle(many, 0.2, 0.03)
    unbiased = rattled.displacement.std() * (3 / 2) ** 0.5  # their mean of three atoms is taken off
    assert float(unbiased) == pytest.approx(0.2, rel=0.03)
    assert rattled.strain.std(dim=0).numpy() == pytest.approx(0.03 * np.ones((3, 3)), rel=0.1)


def test_disordered_sites_are_refused():
    one = torch.tensor([0])
    mixed = GRAPH.replace(
        num_shares=torch.tensor([1, 0]), share_atom=one, share_species=one + 3,
        share=torch.ones(1, dtype=torch.double),
    )  # fmt: skip
    for change in (lambda: hide_elements(mixed, 0.1), lambda: repeat(mixed, 0)):
        with pytest.raises(GraphError, match="reads one element"):
            change()
