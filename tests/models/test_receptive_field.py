"""One hop per layer, on a chain of atoms; the whole crystal through a global state."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
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
