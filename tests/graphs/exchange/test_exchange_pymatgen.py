"""StructureGraph: pymatgen's own count of neighbours, sites and bonds as oracles."""

import dataclasses

import numpy as np
import pytest
import torch
from pymatgen.core.graphs import StructureGraph
from pymatgen.core.local_env import MinimumDistanceNN

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.exchange.pymatgen import from_structure_graph, to_structure_graph
from xtalgraph.graphs.strategies import Hybrid, Radius


def assert_same_but_for_rounding(one, other):
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert a.dtype == b.dtype
        if field.name == "position":  # pymatgen keeps fractional coordinates
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
        else:
            assert torch.equal(a, b), field.name


def test_there_and_back(undirected):
    for single in undirected.split():
        assert_same_but_for_rounding(from_structure_graph(to_structure_graph(single)), single)


def test_real_crystals_there_and_back(real_crystals):
    for crystal in real_crystals:
        graph = build_graph(crystal, Radius(4.0))
        assert_same_but_for_rounding(from_structure_graph(to_structure_graph(graph)), graph)


def test_pymatgen_counts_the_same_neighbours_at_the_same_places(crystals):
    for crystal in crystals:
        graph = build_graph(crystal, Radius(4.0))
        handed = to_structure_graph(graph)
        for atom in range(len(crystal)):
            mine = graph.center == atom
            assert handed.get_coordination_of_site(atom) == int(graph.degree[atom])
            if crystal.pbc.all():  # its distances are periodic in all directions
                sites = handed.get_connected_sites(atom)
                found = sorted((site.index, *site.jimage) for site in sites)
                ends = torch.column_stack([graph.neighbor, graph.image])[mine]
                # get_connected_sites gives one of the two edges to opposite images of the atom
                if not (graph.neighbor[mine] == atom).any():
                    assert found == sorted(map(tuple, ends.tolist()))
                for site in sites:
                    assert site.weight == pytest.approx(site.dist, abs=1e-9)


def test_a_graph_of_pymatgen_is_read_as_pymatgen_reads_it(crystals):
    structure = to_pymatgen(crystals[0])
    theirs = StructureGraph.from_local_env_strategy(structure, MinimumDistanceNN())
    graph = from_structure_graph(theirs)
    for atom in range(len(structure)):
        assert int(graph.degree[atom]) == theirs.get_coordination_of_site(atom)
        sites = theirs.get_connected_sites(atom)
        lengths = np.sort(graph.distance[graph.center == atom].numpy())
        np.testing.assert_allclose(lengths, sorted(site.dist for site in sites), atol=1e-9)
    assert to_structure_graph(graph) == theirs


def test_one_atom_has_half_as_many_bonds_as_edges(crystals):
    (copper,) = (c for c in crystals if c.formula == "Cu")
    graph = build_graph(copper, Radius(6.0))
    handed = to_structure_graph(graph)
    assert handed.graph.number_of_edges() == len(graph.center) / 2
    assert handed.get_coordination_of_site(0) == len(graph.center)


def test_a_directed_graph_is_refused(crystals):
    directed = build_graph(crystals, Hybrid(8.0, 4)).split()[2]
    with pytest.raises(GraphError, match=r"has no directions, and in NaClO atom \d in image"):
        to_structure_graph(directed)


def test_a_batch_is_refused(undirected):
    with pytest.raises(GraphError, match=r"holds 10 crystals.*graph\.split\(\)"):
        to_structure_graph(undirected)
