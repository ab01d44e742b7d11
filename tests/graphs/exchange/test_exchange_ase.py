"""ASE: its own neighbour lists as oracles."""

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from ase.neighborlist import NeighborList, neighbor_list

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.convert import from_ase, to_ase
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.exchange.ase import from_ase_neighbors, to_ase_neighbors
from xtalgraph.graphs.strategies import Radius


def test_there_and_back(batch, assert_equal):
    for single in batch.split():
        assert_equal(from_ase_neighbors(*to_ase_neighbors(single)), single)


def test_real_crystals_there_and_back(real_batch, assert_equal):
    for single in real_batch.split():
        assert_equal(from_ase_neighbors(*to_ase_neighbors(single)), single)


def test_the_list_is_that_of_ase(crystals, assert_equal):
    for crystal in crystals:
        graph = build_graph(crystal, Radius(5.0))
        found = to_ase_neighbors(graph)
        i, j, S, d, D = neighbor_list("ijSdD", to_ase(crystal), 5.0)
        order = np.lexsort((*S.T[::-1], j, i))
        np.testing.assert_array_equal(found.i, i[order])
        np.testing.assert_array_equal(found.j, j[order])
        np.testing.assert_array_equal(found.S, S[order])
        np.testing.assert_allclose(graph.distance, d[order], atol=1e-12)
        np.testing.assert_allclose(graph.vector, D[order], atol=1e-12)
        assert_equal(from_ase_neighbors(to_ase(crystal), i, j, S), graph)


def test_a_neighbor_list_object_of_ase(assert_equal):
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    search = NeighborList([2.0, 2.0], skin=0.0, self_interaction=False, bothways=True)
    search.update(atoms)
    found = [search.get_neighbors(a) for a in range(2)]
    i = np.repeat([0, 1], [len(j) for j, _ in found])
    j, S = (np.concatenate(part) for part in zip(*found, strict=True))
    assert_equal(from_ase_neighbors(atoms, i, j, S), build_graph(from_ase(atoms), Radius(4.0)))


def test_a_molecule_without_a_cell():
    water = molecule("H2O")
    graph = from_ase_neighbors(water, *neighbor_list("ijS", water, 1.2))
    assert graph.degree.tolist() == [2, 1, 1]
    assert not to_ase_neighbors(graph).atoms.pbc.any()


def test_single_precision_comes_back_in_double(batch):
    single = batch.to(dtype=torch.float32).split()[0]
    back = from_ase_neighbors(*to_ase_neighbors(single))
    assert back.position.dtype == torch.float64
    assert torch.equal(back.position.float(), single.position)


def test_an_atom_that_neighbours_itself_is_refused():
    copper = bulk("Cu")
    with pytest.raises(GraphError, match="atom 0 has an edge to itself"):
        from_ase_neighbors(copper, np.array([0]), np.array([0]), np.zeros((1, 3), dtype=int))
