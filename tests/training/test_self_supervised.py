"""Objectives without labels: their losses, what they draw, and what they refuse."""

import math

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.values import Values
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.registry import ENCODERS
from xtalgraph.training.pretraining_settings import PretrainingConfig
from xtalgraph.training.self_supervised import AT_REST, SelfSupervised, vicreg

SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.1, 0.45, 0.5]])
CRYSTALS = [
    Crystal.from_fractional(a * np.eye(3), SITES, np.array([z, 22, 8]))
    for a, z in ((3.9, 20), (4.0, 38), (4.2, 56), (3.8, 12))
]
GRAPH = build_graph(CRYSTALS, Radius(4.5))
ALL = ["elements", "positions", "cells", "views"]


def learner(names=ALL, encoder="schnet", **settings):
    torch.manual_seed(0)
    cls = ENCODERS[encoder]
    made = SelfSupervised(cls(cls.Config(**settings), 4.5), PretrainingConfig(names))
    made.fit_scales(Values((), {}, np.full(4, 3)), CRYSTALS)
    return made


def test_every_objective_is_learned():
    made = learner(width=16, depth=2)
    optimizer = torch.optim.Adam(made.parameters(), 3e-3)
    first = {name: float(v.mean().detach()) for name, v in made.eval()(GRAPH).values.items()}
    made.train()
    for _ in range(60):
        loss = sum(value.mean() for value in made(GRAPH).values.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    last = {name: float(v.mean().detach()) for name, v in made.eval()(GRAPH).values.items()}
    assert set(last) == set(ALL)
    assert last["elements"] < 0.6 * first["elements"]
    assert last["positions"] < 0.97 * first["positions"]
    assert last["views"] < 0.8 * first["views"]
    assert all(v.shape == (4,) for v in made(GRAPH).values.values())


def test_in_evaluation_the_same_is_drawn_again_and_in_training_something_else():
    made = learner(["positions"], width=8, depth=1)
    seen = [made.eval()(GRAPH).values["positions"] for _ in range(2)]
    assert torch.equal(*seen)
    made.train()
    torch.manual_seed(1)
    drawn = [made(GRAPH).values["positions"] for _ in range(2)]
    assert not torch.equal(*drawn)
    torch.manual_seed(1)
    assert torch.equal(made(GRAPH).values["positions"], drawn[0])


def test_a_network_that_says_nothing_has_the_loss_one():
    made = learner(["positions", "cells"], width=8, depth=1)
    torch.nn.init.zeros_(made.moves.out.weight)
    torch.nn.init.zeros_(made.moves.out.bias)
    many = GRAPH.select([0, 1, 2, 3] * 300)
    losses = {name: value.detach() for name, value in made(many).values.items()}
    # The mean of three displacements is taken off, which leaves two thirds of their variance.
    assert float(losses["positions"].mean()) == pytest.approx(2 / 3, rel=0.05)
    assert float(losses["cells"].mean()) == pytest.approx(1, rel=0.05)
    assert set(made.start(GRAPH)) == {"positions", "cells"}


def test_forces_are_those_of_the_rattled_crystals_and_the_rest_is_learned_at_rest():
    torch.manual_seed(0)
    encoder = ENCODERS["schnet"](ENCODERS["schnet"].Config(width=8, depth=1), 4.5)
    config = PretrainingConfig(["cells", "forces"], teacher="module:name")
    made = SelfSupervised(encoder, config)
    forces = torch.randn(6, 3, dtype=torch.float64)
    made.take_forces(forces)
    first = torch.tensor([[3.0], [AT_REST], [0.0], [AT_REST]], dtype=torch.float64)
    graph = GRAPH.replace(conditions=first)
    losses = made.eval()(graph).values
    assert (losses["forces"] != 0).tolist() == [True, False, True, False]
    assert (losses["cells"] != 0).tolist() == [False, True, False, True]
    alone = SelfSupervised(encoder, PretrainingConfig("cells")).eval()
    alone.moves = made.moves
    assert torch.equal(losses["cells"][[1, 3]], alone(GRAPH.select([1, 3])).values["cells"])
    torch.nn.init.zeros_(made.pull.out.weight)
    torch.nn.init.zeros_(made.pull.out.bias)
    squares = forces.square().mean(dim=1)
    wanted = [float(squares[3:].mean()), 0.0, float(squares[:3].mean()), 0.0]
    assert made(graph).values["forces"].tolist() == pytest.approx(wanted, rel=1e-6)


def test_the_unit_of_hidden_elements_is_their_entropy():
    made = learner(["elements"], width=8, depth=1)
    shares = np.array([1, 1, 1, 1, 4, 4]) / 12
    assert float(made.entropy) == pytest.approx(-(shares * np.log(shares)).sum())
    torch.nn.init.zeros_(made.element[1].weight)
    torch.nn.init.zeros_(made.element[1].bias)
    loss = made(GRAPH).values["elements"]
    assert loss.detach().numpy() == pytest.approx(math.log(119) / float(made.entropy))


def test_vicreg_knows_collapse_and_correlation():
    torch.manual_seed(0)
    same = torch.ones(64, 4)
    assert float(vicreg(same, same)) == pytest.approx(0.99, abs=1e-3)
    apart = 2 * torch.randn(4000, 4)
    assert float(vicreg(apart, apart)) < 0.01
    copied = apart[:, :1].expand(-1, 4)
    expected = 2 * 4 * 3 * 16 / 4 / 50  # twelve covariances of 4, squared, over the width
    assert float(vicreg(copied, copied)) == pytest.approx(expected, rel=0.1)
    assert float(vicreg(apart, apart + 1)) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("encoder", ["xgn", "cace"])
def test_architectures_of_every_kind_learn_positions(encoder):
    settings = {"depth": 1} if encoder != "cace" else {}
    made = learner(["positions", "cells"], encoder, **settings)
    loss = sum(value.mean() for value in made(GRAPH).values.values())
    loss.backward()
    grads = [p.grad for p in made.encoder.parameters() if p.grad is not None]
    assert grads
    assert all(torch.isfinite(grad).all() for grad in grads)


def test_elements_are_not_hidden_from_an_architecture_that_must_know_each():
    one_element = {"width": 8, "depth": 1, "bond_features": True}
    with pytest.raises(ConfigError, match=r"'elements', which hides some, and model\.bond"):
        learner(["elements"], "cgcnn", **one_element)
    assert not learner(["views"], "cgcnn", **one_element).hides


def test_a_reduced_graph_has_nothing_to_move():
    with pytest.raises(GraphError, match="needs a CrystalGraph"):
        learner(["positions"], width=8, depth=1)(reduce_graph(GRAPH))


def test_settings_without_sense_are_errors():
    with pytest.raises(ConfigError, match="displacement is 0"):
        PretrainingConfig("positions", displacement=0.0)
    with pytest.raises(ConfigError, match="each once"):
        PretrainingConfig(["cells", "cells"])
    with pytest.raises(ConfigError, match=r"pretraining.hidden must be"):
        PretrainingConfig(hidden=1.0)
    assert PretrainingConfig().names == ("elements", "positions", "cells")
