"""One hop per layer, on a chain of atoms; the whole crystal through a global state."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.receptive_field import receptive_field
from xtalgraph.models.registry import ENCODERS

CHAIN = Crystal(
    np.eye(3),
    np.stack([2.0 * np.arange(13), np.zeros(13), np.zeros(13)], axis=1),
    np.array([6, 7] * 6 + [8]),
    np.zeros(3, dtype=bool),
)
"""Thirteen atoms, 2 Å apart."""


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
@pytest.mark.parametrize("name", ["cgcnn", "gcn", "schnet"])
def test_one_hop_per_layer(name, depth):
    torch.manual_seed(1)
    cls = ENCODERS[name]
    encoder = cls(cls.Config(width=16, depth=depth), 3.0).double().train()
    field = receptive_field(encoder, build_graph(CHAIN, Radius(3.0)), 6)
    assert field.hops.tolist() == [abs(i - 6) for i in range(13)]
    assert field.atoms == list(range(6 - depth, 7 + depth))
    assert field.reach == depth
    assert all(p.grad is None for p in encoder.parameters())


@pytest.mark.parametrize(
    ("name", "settings", "hops"),
    [
        ("gemnet", {"depth": 1}, 3),  # the edge to j hears from j → k, and from k → l
        ("gemnet", {"depth": 2}, 6),
        ("alignn", {"alignn_layers": 2, "gcn_layers": 1}, 3),  # edges know no atoms at first
        ("xgn", {"depth": 2, "angle_depth": 1}, 2),
    ],
)
def test_what_angles_add(name, settings, hops):
    torch.manual_seed(1)
    cls = ENCODERS[name]
    config = cls.Config(width=16, **settings)
    graph = build_graph(CHAIN, Radius(3.0), angles=config.make_angles())
    assert receptive_field(cls(config, 3.0).double(), graph, 6).reach == hops


def test_a_global_state_sees_everything():
    torch.manual_seed(0)
    cls = ENCODERS["megnet"]
    graph = build_graph(CHAIN, Radius(3.0))
    one, two = (
        receptive_field(cls(cls.Config(depth=depth), 3.0).double(), graph, 6) for depth in (1, 2)
    )
    assert one.atoms == [5, 6, 7]
    assert two.atoms == list(range(13))


def test_two_molecules_do_not_see_each_other():
    torch.manual_seed(0)
    cls = ENCODERS["megnet"]
    graph = build_graph([CHAIN, CHAIN], Radius(3.0))
    field = receptive_field(cls(cls.Config(depth=3), 3.0).double(), graph, 20)
    assert field.atoms == list(range(13, 26))
    assert field.hops[:13].tolist() == [-1] * 13


def test_an_atom_that_is_not_there():
    cls = ENCODERS["gcn"]
    with pytest.raises(GraphError, match="atoms 0 to 12, there is no atom 13"):
        receptive_field(cls(cls.Config(), 3.0).double(), build_graph(CHAIN, Radius(3.0)), 13)


def test_a_frozen_encoder_is_told_so():
    cls = ENCODERS["gcn"]
    encoder = cls(cls.Config(), 3.0).requires_grad_(False)
    with pytest.raises(ConfigError, match=r"GCN lets no gradient .*requires_grad_\(True\)"):
        receptive_field(encoder, build_graph(CHAIN, Radius(3.0)), 6)


class Told(Encoder):
    """Tells layers that are not those it computes with, or forgets what it was given."""

    def __init__(self, config: str, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width = 3
        self.embed = torch.nn.Embedding(119, 3)

    def forward(self, graph: Graph) -> Features:
        atom = self.embed(graph.number)
        if self.config == "another":
            return Features(atom, layers=(self.embed(graph.number), atom))
        if self.config == "detached":
            return Features(atom.detach(), layers=(atom, atom))
        return Features(0.0 * atom, layers=(atom, atom))


@pytest.mark.parametrize("how", ["another", "detached"])
def test_features_that_do_not_come_from_the_layers_are_told(how):
    with pytest.raises(ConfigError, match="the features of Told do not come from the first"):
        receptive_field(Told(how, 3.0), build_graph(CHAIN, Radius(3.0)), 6)


def test_where_nothing_is_seen_the_reach_is_nothing():
    field = receptive_field(Told("forgotten", 3.0), build_graph(CHAIN, Radius(3.0)), 6)
    assert (field.atoms, field.reach) == ([], 0)
