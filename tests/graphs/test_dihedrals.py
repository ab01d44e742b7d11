"""Dihedrals: closed forms, and a molecule measured by ASE."""

from collections import Counter

import ase.build
import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.angles import Angles, add_triplets
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.dihedrals import find_dihedrals
from xtalgraph.graphs.strategies import Radius

make = Crystal.from_fractional


def degrees(graph: CrystalGraph) -> np.ndarray:
    """Angles by the textbook: between the planes of the first and the last two vectors."""
    first, middle, last = (v.numpy() for v in find_dihedrals(graph).vectors(graph))
    one, other = np.cross(first, middle), np.cross(middle, last)
    cosine = np.sum(one * other, axis=1) / np.linalg.norm(one, axis=1)
    return np.degrees(np.arccos(np.clip(cosine / np.linalg.norm(other, axis=1), -1, 1)))


def test_diamond_is_staggered():
    cell, sites = 1.7835 * (1 - np.eye(3)), np.array([[0, 0, 0], [0.25] * 3])
    diamond = make(cell, sites, np.array([6, 6]))
    graph = add_triplets(build_graph(diamond, Radius(1.6)))
    # About each of the 8 directed bonds 3 times 3: 6 at 60°, 3 at 180°.
    found = degrees(graph)
    assert Counter(found.round(4).tolist()) == {60.0: 48, 180.0: 24}


def test_a_chain_that_closes_is_no_dihedral():
    copper = make(1.805 * (1 - np.eye(3)), np.zeros((1, 3)), np.array([29]))
    graph = add_triplets(build_graph(copper, Radius(2.7)))
    # 12 edges, 11 others at each end; every edge is a side of 4 triangles.
    assert len(find_dihedrals(graph)) == 12 * 11 * 11 - 12 * 4


def test_ethane_as_ase_measures_it():
    atoms = ase.build.molecule("C2H6")
    molecule = Crystal(
        30 * np.eye(3), atoms.positions, atoms.numbers.astype(np.int64), np.zeros(3, bool)
    )
    graph = add_triplets(build_graph(molecule, Radius(1.6)))
    found = find_dihedrals(graph)
    assert len(found) == 18  # 9 from either end
    chains = zip(
        graph.center[found.first].tolist(),
        graph.center[found.middle].tolist(),
        graph.neighbor[found.middle].tolist(),
        graph.neighbor[found.last].tolist(),
        strict=True,
    )
    measured = np.array([atoms.get_dihedral(*chain) for chain in chains])
    np.testing.assert_allclose(degrees(graph), np.minimum(measured, 360 - measured), atol=1e-5)


def test_a_path_leads_from_one_edge_to_the_next():
    rutile = make(
        np.diag([4.594, 4.594, 2.959]),
        np.array([[0, 0, 0], [0.5] * 3, [0.305, 0.305, 0], [0.695, 0.695, 0]]),
        np.array([22, 22, 8, 8]),
    )
    graph = add_triplets(build_graph([rutile, rutile], Radius(3.0)))
    found = find_dihedrals(graph)
    assert len(found) > 0
    assert torch.equal(graph.neighbor[found.first], graph.center[found.middle])
    assert torch.equal(graph.neighbor[found.middle], graph.center[found.last])
    assert bool((found.first.diff() >= 0).all())


def test_angles_at_the_centers_are_no_chains():
    copper = make(1.805 * (1 - np.eye(3)), np.zeros((1, 3)), np.array([29]))
    graph = add_triplets(build_graph(copper, Radius(2.7)), Angles(vertex="center"))
    with pytest.raises(GraphError, match="vertex='neighbor'"):
        find_dihedrals(graph)


def test_a_dihedral_names_the_two_triplets_that_make_it():
    copper = make(1.805 * (1 - np.eye(3)), np.zeros((1, 3)), np.array([29]))
    graph = add_triplets(build_graph([copper, copper], Radius(2.7)))
    found = find_dihedrals(graph)
    pairs = ((found.first, found.middle, found.first_triplet),)
    for receiving, sending, triplet in (*pairs, (found.middle, found.last, found.last_triplet)):
        assert torch.equal(graph.receiving_edge[triplet], receiving)
        assert torch.equal(graph.sending_edge[triplet], sending)
