"""Edges beyond the cutoff that make a graph up to a size."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.padded_edges import EdgeSize, edge_size, pad_edges
from xtalgraph.graphs.strategies import Radius
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 4.0


@pytest.mark.parametrize("name", sorted(contract_crystals()))
def test_the_edges_within_the_cutoff_stay_and_the_others_are_long(name):
    graph = build_graph(contract_crystals()[name], Radius(CUTOFF))
    size = edge_size(graph)
    padded = pad_edges(graph, size, CUTOFF)
    assert len(padded.center) == 2 * size.pairs == int(padded.num_edges) > len(graph.center)
    assert padded.neighborhoods.shape == (len(graph.number), size.slots)
    near = padded.distance <= CUTOFF
    assert float(padded.distance[~near].min()) >= 2 * CUTOFF - 1e-9
    for field in ("center", "neighbor", "image"):
        assert torch.equal(getattr(padded, field)[near], getattr(graph, field))
    pairs = padded.pairs
    assert pairs is not None
    torch.testing.assert_close(
        torch.cat([padded.pair_vector, -padded.pair_vector])[pairs.rows], padded.vector
    )


def test_a_size_serves_while_atoms_move_and_grows_once_it_is_too_small():
    atoms = bulk("Cu", cubic=True).repeat(2)
    sizes = {EdgeSize(0, 0)}
    size = EdgeSize(0, 0)
    for seed in range(10):
        moved = atoms.copy()
        moved.rattle(0.1, rng=np.random.default_rng(seed))
        graph = build_graph(from_ase(moved), Radius(CUTOFF))
        size = edge_size(graph, size)
        sizes.add(size)
    assert len(sizes) <= 3
    atoms.set_cell(0.8 * atoms.cell, scale_atoms=True)
    dense = build_graph(from_ase(atoms), Radius(CUTOFF))
    larger = edge_size(dense, size)
    assert larger.pairs > size.pairs
    assert larger.slots > size.slots
    with pytest.raises(GraphError, match="cannot be padded"):
        pad_edges(dense, size, CUTOFF)
