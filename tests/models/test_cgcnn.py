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
    found = atom + layer(atom, edge, factor, graph)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_the_convolution_is_that_of_pytorch_geometric(pyg):
    torch.manual_seed(0)
    graph = build_graph(list(contract_crystals().values()), Hybrid())
    width, basis = 6, 5
    theirs = pyg.CGConv(width, basis, batch_norm=False).double()
    ours = GatedConvolution(width, basis, batch_norm=False).double()
    with torch.no_grad():
        weight = torch.cat([theirs.lin_f.weight, theirs.lin_s.weight])
        parts = weight.split([width, width, basis], dim=1)
        for linear, part in zip(
            (ours.of_center, ours.of_neighbor, ours.of_edge), parts, strict=True
        ):
            linear.weight.copy_(part)
        ours.of_center.bias.copy_(torch.cat([theirs.lin_f.bias, theirs.lin_s.bias]))
    atom = torch.randn(len(graph.number), width, dtype=torch.float64, requires_grad=True)
    edge = torch.randn(len(graph.center), basis, dtype=torch.float64, requires_grad=True)
    found = atom + ours(atom, edge, torch.ones(len(edge), 1, dtype=torch.float64), graph)
    expected = theirs(atom, torch.stack([graph.neighbor, graph.center]), edge)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        torch.autograd.grad((found**2).sum(), [atom, edge]),
        torch.autograd.grad((expected**2).sum(), [atom, edge]),
        rtol=1e-9,
        atol=1e-9,
    )
