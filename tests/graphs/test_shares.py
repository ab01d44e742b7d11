"""Disordered sites in a graph: carried through batches, folded by mixture, refused elsewhere."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.leaks import DuplicateIndex
from xtalgraph.data.store_building import build_store
from xtalgraph.data.table import read_table
from xtalgraph.graphs.build import GraphSettings, build_graph, build_reduced
from xtalgraph.graphs.exchange.crystal import to_crystal
from xtalgraph.graphs.exchange.pyg import to_pyg
from xtalgraph.graphs.graph import collate
from xtalgraph.graphs.padding import pad_graph, padded_size
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.strategies import Radius

FCC = 2.98 * (1 - np.eye(3))
SITES = np.array([[0.0, 0, 0], [2.98, 2.98, 2.98]])
RADIUS = Radius(5.0)


def salt(*held) -> Crystal:
    return Crystal.from_sites(FCC, SITES, held)


HALF = salt({11: 0.5, 19: 0.5}, {17: 1.0})
POOR = salt({11: 0.25, 19: 0.5}, {17: 1.0})
PURE = salt({11: 1.0}, {17: 1.0})


def test_batches_carry_the_shares():
    graph = build_graph([PURE, HALF, supercell(POOR, (1, 2, 1))], RADIUS)
    assert graph.num_shares.tolist() == [0, 2, 6]
    assert graph.share_atom.tolist() == [2, 2, 4, 4, 4, 6, 6, 6]
    assert graph.number.tolist() == [11, 17, 0, 17, 0, 17, 0, 17]
    back = collate([graph.select([2]), *graph.select([1, 0]).split()])
    assert back.share_atom.tolist() == [0, 0, 0, 2, 2, 2, 4, 4]
    assert back.select([2, 1, 0]).share_species.tolist() == graph.share_species.tolist()
    assert graph.to(dtype=torch.float32).share.dtype is torch.float32
    assert graph.atom_count.tolist() == [1, 1, 1, 1, 0.75, 1, 0.75, 1]


def test_a_graph_without_disorder_counts_in_whole_numbers():
    graph = build_graph(PURE, RADIUS)
    assert graph.atom_count.dtype is torch.long
    assert len(graph.share) == 0


def test_sites_fold_by_their_mixture():
    same = supercell(HALF, (2, 2, 1))
    other = Crystal.from_sites(
        same.cell,
        same.positions,
        [{17: 1.0} if i % 2 else {11: 0.5 - 0.01 * i, 19: 0.5 + 0.01 * i} for i in range(8)],
    )
    assert build_reduced(same, RADIUS, 1e-3).num_atoms.tolist() == [2]
    reduced = build_reduced([PURE, same, HALF], RADIUS, 1e-3)
    assert reduced.share_species.tolist() == [11, 19, 11, 19]
    assert reduced.atom_count.tolist() == [1, 1, 4, 4, 1, 1]
    assert int(build_reduced(other, RADIUS, 1e-3).num_atoms) > 4


def test_a_mixture_of_one_kind_is_merged_apart_from_another():
    # Na-Cl and (Na,K)-Cl of 2.98 and 2.9805 Å are two families, so neither becomes the mean.
    cell = np.diag([5.9605, 30.0, 30.0])
    positions = np.array([[0.0, 0, 0], [2.98, 0, 0], [0, 15, 0], [2.9801, 15, 0]])
    held = [{11: 1.0}, {17: 1.0}, {11: 0.5, 19: 0.5}, {17: 1.0}]
    merged = reduce_graph(build_graph(Crystal.from_sites(cell, positions, held), Radius(3.5)), 1e-3)
    assert len(merged.number) == 4


def test_a_store_gives_the_same_graphs_to_the_bit(tmp_path):
    crystals, graph_settings = [PURE, HALF, POOR], GraphSettings(RADIUS, 1e-3)
    graph = graph_settings.build(crystals)
    for found in (build_store(crystals, graph_settings, tmp_path).load(), graph.select([0, 1, 2])):
        for name in ("num_shares", "share_atom", "share_species", "share", "number"):
            assert torch.equal(getattr(found, name), getattr(graph, name)), name
    assert (
        build_store([PURE, HALF, HALF], graph_settings, tmp_path / "other").key
        != build_store(crystals, graph_settings, tmp_path / "third").key
    )


def test_crystals_that_differ_in_occupancy_only_are_not_the_same():
    close = salt({11: 0.45, 19: 0.55}, {17: 1.0})
    copy = supercell(HALF, (1, 1, 2))
    index = DuplicateIndex([HALF, close, copy, PURE])
    assert index.same(0, 2)
    assert not index.same(0, 1)
    assert not index.same(0, 3)
    hashes = {read_table([one], disorder="mix").content_hash() for one in (HALF, close, PURE)}
    assert len(hashes) == 3


def test_what_reads_one_element_refuses():
    graph = build_graph([PURE, HALF], RADIUS)
    with pytest.raises(GraphError, match=r"Data of PyTorch Geometric reads one element.* 1 sites"):
        to_pyg(graph)
    reduced = build_reduced([HALF], RADIUS, 1e-3)
    with pytest.raises(GraphError, match="reads one element"):
        pad_graph(reduced, padded_size(reduced))


def test_the_crystal_comes_back_from_the_graph():
    assert to_crystal(build_graph(POOR, RADIUS)).to_bytes() == POOR.to_bytes()
