"""Layer by layer: a graph convolution smooths, and a reduced graph tells the same."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.reduction import merge_equivalent, merge_geometry
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.gcn import GCN
from xtalgraph.models.layers import layer_features, smoothing_by_layer
from xtalgraph.testing.crystals import contract_crystals


def encoder(depth: int, connections: str = "none") -> GCN:
    torch.manual_seed(0)
    config = GCN.Config(
        width=16, depth=depth, alpha="degree", aggregator="sum", connections=connections
    )
    return GCN(config, 5.0).double()


def full() -> Graph:
    crystals = contract_crystals()
    few = [crystals[name] for name in ("cubic", "distorted", "triclinic")]
    return merge_geometry(build_graph(few, Radius(5.0)), 1e-3)


def test_without_skips_atoms_become_alike_and_with_them_less():
    plain, skips = (
        [row["mean average distance"] for row in smoothing_by_layer(encoder(8, how), full())]
        for how in ("none", "residual")
    )
    assert len(plain) == 9
    assert plain[8] < 0.01 * plain[0]
    assert skips[8] > 10 * plain[8]


def test_a_folded_graph_tells_the_same():
    model = encoder(3)
    for one, other in zip(
        smoothing_by_layer(model, full()),
        smoothing_by_layer(model, merge_equivalent(full())),
        strict=True,
    ):
        np.testing.assert_allclose(list(one.values()), list(other.values()), rtol=1e-9)


def test_the_last_layer_is_what_the_encoder_gives_and_its_mode_stays():
    model = encoder(2).train()
    layers = layer_features(model, full())
    assert model.training
    np.testing.assert_array_equal(layers[-1], model.eval()(full()).atom.detach().numpy())


class Silent(Encoder):
    """An encoder that does not return its layers."""

    def forward(self, graph: Graph) -> Features:
        return Features(graph.number.double().unsqueeze(-1))


def test_an_encoder_that_does_not_tell_is_asked_to():
    with pytest.raises(ConfigError, match="Silent does not return its layers"):
        layer_features(Silent(None, 5.0), full())
