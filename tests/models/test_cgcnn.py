"""CGCNN's convolution against its equation written out."""

import torch

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Hybrid
from xtalgraph.models.cgcnn import GatedConvolution
from xtalgraph.testing.crystals import contract_crystals


def test_the_convolution_is_equation_5_of_the_paper():
    torch.manual_seed(0)
    graph = build_graph(list(contract_crystals().values()), Hybrid())
    width, basis = 6, 5
    layer = GatedConvolution(width, basis, batch_norm=False).double()
    atom = torch.randn(len(graph.number), width, dtype=torch.float64)
    edge = torch.randn(len(graph.center), basis, dtype=torch.float64)
    factor = torch.rand(len(graph.center), 1, dtype=torch.float64)
    weight = torch.cat(
        [layer.of_center.weight, layer.of_neighbor.weight, layer.of_edge.weight], dim=1
    )
    expected = atom.clone()
    for k, (i, j) in enumerate(zip(graph.center.tolist(), graph.neighbor.tolist(), strict=True)):
        z = torch.cat([atom[i], atom[j], edge[k]])
        gate, core = (weight @ z + layer.of_center.bias).split(width)
        expected[i] += factor[k] * torch.sigmoid(gate) * torch.log1p(torch.exp(core))
    torch.testing.assert_close(layer(atom, edge, factor, graph), expected, rtol=1e-10, atol=1e-10)
