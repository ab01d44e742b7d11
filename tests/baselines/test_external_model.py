import copy
from functools import cache

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from xtalgraph.baselines.external_model import EXTERNAL_MODELS, PygDimeNet, PygSchNet
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 3.2
"""Å; few enough edges for the angles of a supercell."""


def graph_of(crystal) -> CrystalGraph:
    graph = GraphSettings(Radius(CUTOFF), 0.0, Angles()).build(crystal)
    assert isinstance(graph, CrystalGraph)
    return graph


@cache
def built(external):
    """Make a network once: the spherical basis of DimeNet takes seconds of algebra."""
    torch.manual_seed(0)
    return external(CUTOFF).double().eval()


def made(external):
    return copy.deepcopy(built(external))


@pytest.fixture
def molecule() -> Crystal:
    generator = np.random.default_rng(5)
    positions = 2.0 * np.arange(6)[:, None] * [0.4, 0.3, 0.1] + generator.normal(size=(6, 3))
    return Crystal(np.eye(3) * 20, positions, np.array([6, 8, 1, 7, 6, 1]), np.zeros(3, dtype=bool))


@pytest.mark.parametrize("external", EXTERNAL_MODELS, ids=lambda p: p.name)
def test_atoms_do_not_depend_on_frame_order_or_cell(external):
    network, crystal = made(external), contract_crystals()["cubic"]
    said = network(graph_of(crystal))
    assert said.shape == (len(crystal), network.width)
    turn = Rotation.from_euler("xyz", [0.3, -1.1, 2.0]).as_matrix()
    turned = Crystal(crystal.cell @ turn, crystal.positions @ turn, crystal.numbers, crystal.pbc)
    torch.testing.assert_close(network(graph_of(turned)), said, rtol=1e-6, atol=1e-8)
    doubled = network(graph_of(transforms.supercell(crystal, (1, 2, 1))))
    mean = doubled.mean(dim=0), said.mean(dim=0)
    torch.testing.assert_close(*mean, rtol=1e-6, atol=1e-8)
    together = network(graph_of([crystal, contract_crystals()["triclinic"]]))
    torch.testing.assert_close(together[: len(crystal)], said, rtol=1e-6, atol=1e-8)


def test_dimenet_is_that_of_pytorch_geometric_on_a_molecule(molecule, pyg, monkeypatch):
    from torch_geometric.nn.models import dimenet

    ours, graph = made(PygDimeNet), graph_of(molecule)
    sizes = {"hidden_channels": 64, "out_channels": 64, "num_blocks": 2, "int_emb_size": 32}
    sizes |= {
        "basis_emb_size": 8,
        "out_emb_channels": 64,
        "num_spherical": 2,
        "num_radial": 6,
    }  # replaced
    sizes |= {"num_output_layers": 1, "output_initializer": "glorot_orthogonal"}
    theirs = pyg.models.DimeNetPlusPlus(**sizes, cutoff=CUTOFF).double()
    theirs.emb, theirs.rbf, theirs.sbf = ours.embed, ours.rbf, ours.sbf
    theirs.interaction_blocks, theirs.output_blocks = ours.blocks, ours.outputs
    i, j = graph.center, graph.neighbor  # theirs needs compiled libraries to find them

    def loops(edge_index, num_nodes):
        found = [
            (i[ji], j[ji], j[kj], kj, ji)
            for ji in range(len(i))
            for kj in range(len(i))
            if i[kj] == j[ji] and j[kj] != i[ji]
        ]
        idx_i, idx_j, idx_k, idx_kj, idx_ji = torch.tensor(found).T
        return i, j, idx_i, idx_j, idx_k, idx_kj, idx_ji

    monkeypatch.setattr(dimenet, "radius_graph", lambda *args, **kwargs: None)
    monkeypatch.setattr(dimenet, "triplets", loops)
    expected = theirs(graph.number, graph.position)
    torch.testing.assert_close(ours(graph).sum(dim=0), expected, rtol=1e-9, atol=1e-10)


class Found(torch.nn.Module):
    """Takes the place of a neighbour search that needs compiled libraries."""

    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def forward(self, pos, batch):
        return torch.stack([self.graph.neighbor, self.graph.center]), self.graph.distance


def test_schnet_is_that_of_pytorch_geometric_on_a_molecule(molecule, pyg):
    ours, graph = made(PygSchNet), graph_of(molecule)
    theirs = pyg.models.SchNet(64, 64, 3, 50, CUTOFF).double()
    theirs.embedding, theirs.distance_expansion = ours.embed, ours.smearing
    theirs.interactions = ours.blocks
    theirs.lin1, theirs.lin2 = torch.nn.Identity(), torch.nn.Identity()
    theirs.act = torch.nn.Identity()
    theirs.interaction_graph = Found(graph)
    expected = theirs(graph.number, graph.position)
    torch.testing.assert_close(ours(graph).sum(dim=0, keepdim=True), expected)


@pytest.mark.parametrize("external", EXTERNAL_MODELS, ids=lambda p: p.name)
def test_every_weight_is_learned(external):
    network = made(external).train()
    network(graph_of(contract_crystals()["cubic"])).square().sum().backward()
    unused = [
        name
        for name, p in network.named_parameters()
        if p.grad is None or not p.grad.isfinite().all()
    ]
    assert unused == []
