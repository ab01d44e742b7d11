"""Connections against their definitions, and against PyTorch Geometric's jumping knowledge."""

import typing

import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.nn.depth import AttentionJump, ConcatJump, ConnectionName, Connections

NAMES = typing.get_args(ConnectionName)
START = torch.arange(6, dtype=torch.float64).reshape(2, 3) - 2.5


def layer(atom: torch.Tensor) -> torch.Tensor:
    return torch.sin(2 * atom)


def run(connections: Connections, depth: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    states = [START]
    for _ in range(depth):
        entered = connections.input(states)
        states.append(connections.residual(entered, layer(entered)))
    return connections.output(states), states


@pytest.mark.parametrize("paper", ["none", "residual"])
@pytest.mark.parametrize("name", NAMES)
def test_the_definitions(name, paper):
    torch.manual_seed(0)
    connections = Connections(name, paper, 3, 3).double()
    found, states = run(connections, 3)
    skip = name == "residual" or (name not in ("none", "dense") and paper == "residual")
    h = [START]
    for number in range(3):
        read = h[-1]
        if name == "dense" and number:
            inlet = connections.inlets[number - 1]
            read = torch.cat(h, dim=1) @ inlet.weight.T + inlet.bias
        h.append(layer(read) + read * skip)
    torch.testing.assert_close(torch.stack(states), torch.stack(h), rtol=1e-14, atol=1e-14)
    if name == "dense":
        expected = connections.inlets[2](torch.cat(h, dim=1))
    elif name == "jk-max":
        expected = torch.stack(h[1:]).max(dim=0).values
    elif name.startswith("jk"):
        expected = connections.jump(h[1:])
    else:
        expected = h[-1]
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-14)


def test_the_jumps_are_those_of_pytorch_geometric(pyg):
    torch.manual_seed(0)
    states = [torch.randn(5, 4, dtype=torch.float64) for _ in range(3)]
    ours = AttentionJump(4, 3).double()
    theirs = pyg.JumpingKnowledge("lstm", channels=4, num_layers=3).double()
    theirs.lstm.load_state_dict(ours.lstm.state_dict())
    theirs.att.load_state_dict(ours.score.state_dict())
    torch.testing.assert_close(ours(states), theirs(states), rtol=1e-12, atol=1e-12)
    concat = ConcatJump(4, 3).double()
    expected = concat.mix(pyg.JumpingKnowledge("cat")(states))
    torch.testing.assert_close(concat(states), expected, rtol=1e-12, atol=1e-12)
    found, states = run(Connections("jk-max", "none", 3, 2), 2)
    torch.testing.assert_close(found, pyg.JumpingKnowledge("max")(states[1:]))


@pytest.mark.parametrize("name", ["paper", "none", "residual", "dense"])
def test_without_layers_the_atoms_come_out_as_they_went_in(name):
    assert run(Connections(name, "residual", 3, 0), 0)[0] is START


def test_there_must_be_a_layer_to_jump_from():
    with pytest.raises(ConfigError, match="'jk-max' need a depth of at least 1, got 0"):
        Connections("jk-max", "none", 3, 0)


@pytest.mark.parametrize("name", ["paper", "none", "residual", "jk-max"])
def test_plain_connections_draw_no_weights(name):
    """So the weights of a model do not depend on them, nor does a paper's default."""
    assert not list(Connections(name, "residual", 3, 4).parameters())


@pytest.mark.parametrize("name", ["jk-maks", "jk-maxi", "Residual"])
def test_an_unknown_name_is_told_the_nearest(name):
    nearest = "residual" if name == "Residual" else "jk-max"
    said = f"unknown connections '{name}'; did you mean '{nearest}'"
    with pytest.raises(ConfigError, match=said):
        Connections(name, "residual", 3, 2)
