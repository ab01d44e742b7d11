"""Vectors and tensors of edges turn with the crystal, whatever the features."""

import numpy as np
import torch

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import rotate
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.edge_vectors import EdgeVectors

SITES = np.array([[0.1, 0, 0], [0.5, 0.45, 0.5], [0.2, 0.8, 0.6]])
CRYSTAL = Crystal.from_fractional(np.diag([3.5, 4.0, 4.4]), SITES, np.array([11, 17, 8]))
TURN = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]


def test_they_turn_with_the_crystal():
    torch.manual_seed(0)
    layer, atom = EdgeVectors(8, 4.5).double(), torch.randn(3, 8, dtype=torch.double)
    vector, tensor = layer(atom, build_graph(CRYSTAL, Radius(4.5)))
    turned, turned_tensor = layer(atom, build_graph(rotate(CRYSTAL, TURN), Radius(4.5)))
    matrix = torch.from_numpy(TURN)
    assert vector.norm() > 1e-3
    assert torch.allclose(turned, vector @ matrix.T)
    assert torch.allclose(turned_tensor, matrix @ tensor @ matrix.T)


def test_they_are_the_sums_over_edges():
    torch.manual_seed(0)
    layer, atom = EdgeVectors(4, 4.5).double(), torch.randn(3, 4, dtype=torch.double)
    graph = build_graph(CRYSTAL, Radius(4.5))
    vector, tensor = layer(atom, graph)
    sums, total = torch.zeros(3, 3, dtype=torch.double), torch.zeros(3, 3, dtype=torch.double)
    normed = layer.norm(atom)
    for i, j, line in zip(graph.center, graph.neighbor, graph.vector, strict=True):
        length = line.norm()
        hidden = layer.of_center(normed[i]) + layer.of_neighbor(normed[j])
        hidden = hidden + layer.of_length(layer.basis(length[None])[0])
        a, b = layer.out(torch.nn.functional.silu(hidden)) * layer.envelope(length[None])
        unit = line / length
        sums[i] += a * unit
        total += b * torch.outer(unit, unit) / 3
    assert torch.allclose(vector, sums)
    assert torch.allclose(tensor[0], total)
